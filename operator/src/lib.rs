//! The operator: makes a running pipeline of an `AnalyticsPipeline` resource.

pub mod api;
pub mod build;
mod chain;
mod cli;
mod config;
mod events;
mod faults;
#[cfg(test)]
mod fixtures;
mod host;
mod leader;
pub mod load;
mod metrics;
pub mod pipeline;
pub mod plan;
mod reconcile;
mod reference;
mod run;
pub mod scaling;
mod watches;

pub use cli::{Cli, run};
