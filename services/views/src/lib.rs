//! From state topics to Redis and the `metrics` topic.

mod config;
mod desired;
mod faults;
pub mod fence;
pub mod merge;
mod metrics;
mod projection;
pub mod store;
pub mod transactions;
mod writer;

pub use config::{StoreChoice, ViewsArgs, ViewsConfig};
