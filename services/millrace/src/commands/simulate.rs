//! `millrace simulate`: the shop that makes orders.

use runtime::config::{AdminArgs, LogArgs, PipelineArgs};
use runtime::traces::Service;
use runtime::{KafkaArgs, SettingsTail};
use simulator::{SimulatorArgs, SimulatorConfig, SimulatorError};

use super::begin;
use crate::failure::Failure;
use crate::host::{Part, host};

/// Be the shop: send orders to the orders topic
///
/// Ctrl-C delivers everything that was accepted and says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace simulate                               an order every 0.5 to 2 seconds
  millrace simulate --rate 5000                   a steady 5,000 orders a second
  millrace simulate --rate 1000 --count 100000 --seed 7     the same 100,000 orders each time")]
pub struct Args {
    #[command(flatten)]
    simulator: SimulatorArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { simulator: args, kafka, pipeline, admin, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let topics = pipeline.topics();
        host(Service { name: "millrace-simulator", pipeline: &pipeline.pipeline }, &admin, |process| {
            let settings = args.follow_settings.then(|| SettingsTail::start(&kafka, &topics, process));
            vec![part(SimulatorConfig { args, kafka, topics, settings }, process)]
        })
        .await
    }
}

/// The simulator as a part of a process.
pub fn part(config: SimulatorConfig, process: &runtime::Process) -> Part {
    let run = simulator::run(config, process.clone());
    Part::new("simulator", async { Ok(run.await?) })
}

impl From<SimulatorError> for Failure {
    fn from(error: SimulatorError) -> Self {
        match error {
            SimulatorError::Producer(_) => Self::usage(error),
            _ => Self::run(error),
        }
    }
}
