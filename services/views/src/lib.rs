//! From state topics to Redis and the `metrics` topic.
//!
//! ```text
//! claims ─▶ stages ─▶ tails (a thread each) ─▶ projection ─▶ publisher ─▶ desired ─▶ writer ─▶ store
//!                                                               └───────▶ outbox ──▶ update sender ─▶ metrics
//! ```
//!
//! - A [tail](transactions) reads a stage's compacted state topic and applies it transaction by transaction.
//! - The projection sums counters over all partitions; the views turn sums into keys and updates.
//! - The publisher shows what changed, once an interval at most, and nothing before everything was read.
//! - The writer keeps the [store](store::Store) what it is to be, behind a [fence]; a store that went back,
//!   was flushed or replaced is written again.
//!
//! What is written is absolute, never an increment: writing it twice is harmless.

mod config;
mod desired;
mod faults;
pub mod fence;
mod hub;
pub mod merge;
mod metrics;
mod projection;
mod publisher;
mod purge;
mod run;
mod stages;
pub mod store;
mod tail;
pub mod transactions;
mod updates;
mod writer;

pub use config::{StoreChoice, ViewsArgs, ViewsConfig};
pub use metrics::metrics;
pub use purge::purge;
pub use run::{ViewsError, run};
pub use tail::TailError;
