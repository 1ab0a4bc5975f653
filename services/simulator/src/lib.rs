//! The shop that makes orders: the course project's data generator, from one order every second or two to
//! 200,000 a second.
//!
//! [`shop`] draws orders and knows nothing else; [`run`] sends them at a [`Rate`], keyed by user, through an
//! idempotent producer, and accounts for every order it accepted.

mod config;
mod dice;
mod live;
mod metrics;
mod pace;
mod progress;
mod run;
mod sender;
pub mod shop;
mod traces;

pub use config::{SimulatorArgs, SimulatorConfig};
pub use metrics::{Counts, metrics};
pub use pace::{Rate, RateError};
pub use run::{SimulatorError, run};
pub use shop::Shop;
