//! The views on a real Redis: what its store promises, and how everything heals.

#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

mod behaviour;
mod healing;
mod pipeline;
mod refusals;
mod server;
mod stores;
