//! From state topics to Redis and the `metrics` topic.

mod faults;
pub mod fence;
pub mod merge;
pub mod transactions;
