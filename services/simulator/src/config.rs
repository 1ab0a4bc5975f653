//! What can be set.

use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;
use contract::Topics;
use runtime::config::KafkaArgs;
use runtime::settings::Directory;
use tokio::sync::watch;

use crate::pace::Rate;

/// Options of `simulate`.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Simulator")]
pub struct SimulatorArgs {
    /// Orders per second, 0.001 to 200,000. Up to 1: a random pause of 0.5 to 2 s (divided by the rate)
    /// after each order; above: steady.
    #[arg(long, env = "SIMULATOR_RATE", value_name = "ORDERS/S", default_value_t = Rate::COURSE)]
    pub rate: Rate,

    /// End after this many orders. Without: go on until stopped.
    #[arg(long, env = "SIMULATOR_COUNT", value_name = "ORDERS", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Draw the same orders (all but their timestamps) as any other run with this seed, orderIds included.
    /// Without: a random one, which is logged.
    #[arg(long, env = "SIMULATOR_SEED")]
    pub seed: Option<u64>,

    /// How many users order: `user-0` and up.
    #[arg(long, env = "SIMULATOR_USERS", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub users: u32,

    /// How many of 100 orders are suspicious (total 100,000,000 to 149,999,999 VND).
    #[arg(long, env = "SIMULATOR_SUSPICIOUS_PERCENT", value_name = "PERCENT", default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub suspicious_percent: u8,

    /// Take rate and share of suspicious orders from the pipeline's live settings, as they change, instead
    /// of from the options.
    #[arg(long, env = "SIMULATOR_FOLLOW_SETTINGS", conflicts_with_all = ["rate", "suspicious_percent"])]
    pub follow_settings: bool,

    /// What the `source` header of each order says.
    #[arg(long, env = "SIMULATOR_SOURCE", default_value = "web", value_parser = NonEmptyStringValueParser::new())]
    pub source: String,
}

/// All that [`run`](crate::run) needs to know.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// The simulator's own options.
    pub args: SimulatorArgs,
    /// How to reach Kafka.
    pub kafka: KafkaArgs,
    /// Where orders go: `topics.orders`.
    pub topics: Topics,
    /// The live settings, if [`SimulatorArgs::follow_settings`] says so.
    pub settings: Option<watch::Receiver<Arc<Directory>>>,
}

impl Default for SimulatorArgs {
    /// The same as without options on the command line.
    fn default() -> Self {
        Self {
            rate: Rate::COURSE,
            count: None,
            seed: None,
            users: 1_000,
            suspicious_percent: 5,
            follow_settings: false,
            source: "web".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
