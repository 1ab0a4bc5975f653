//! `millrace process`: one stage.

use std::time::Duration;

use contract::ProcessorName;
use engine::{StageArgs, StageConfig, StageError};
use runtime::config::{AdminArgs, LogArgs, PipelineArgs, duration};
use runtime::traces::Service;
use runtime::{KafkaArgs, Process, SettingsTail};

use super::begin;
use crate::catalogue;
use crate::failure::Failure;
use crate::host::{Part, host};

/// Run one stage: the named processors over the orders topic, exactly once
///
/// Processors that run in one stage read every order once together; in stages of their own they scale apart.
/// Each processor runs in one stage of a pipeline only. Replicas of a stage share its partitions: start the
/// same command several times, each under an --instance of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace process revenue fraud trend            one stage with everything
  millrace process fraud --instance fraud-1       one replica of a stage that only raises alerts
  millrace process revenue --start latest         count only orders that come from now on")]
pub struct Args {
    /// What to run: revenue, fraud, trend.
    #[arg(required = true, value_name = "PROCESSOR")]
    processors: Vec<ProcessorName>,

    #[command(flatten)]
    stage: StageArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    admin: AdminArgs,
    /// How long the process stays to answer on the admin address after a failure that starting it again does not help
    /// against (lost orders, state of a newer version): longer than Prometheus' scrape interval lets alerts see it.
    #[arg(
        long,
        env = "FAREWELL",
        value_name = "DURATION",
        default_value = "0s",
        value_parser = duration,
        help_heading = "Operation"
    )]
    farewell: Duration,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { mut processors, stage: args, kafka, pipeline, admin, farewell, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        processors.sort_unstable();
        processors.dedup();
        let topics = pipeline.topics();
        host(Service { name: "millrace-processor", pipeline: &pipeline.pipeline }, &admin, |process| {
            let settings = SettingsTail::start(&kafka, &topics, process);
            let processors = processors.into_iter().map(catalogue::processor).collect();
            let config = StageConfig { kafka, topics, args, processors, has_admin_api: true, settings };
            vec![part(config, farewell, process)]
        })
        .await
    }
}

/// The stage as a part of a process.
pub fn part(config: StageConfig, farewell: Duration, process: &Process) -> Part {
    let process = process.clone();
    let run = engine::run(config, process.clone());
    Part::new("stage", async move {
        let failure = match run.await {
            Ok(()) => return Ok(()),
            Err(error) => Failure::from(error),
        };
        if let Failure::Lasting(kind, _) = failure {
            say_farewell(kind, &failure, farewell, &process).await;
        }
        Err(failure)
    })
}

/// Lets those who look at metrics and `/status` every now and then see why the process ends.
async fn say_farewell(kind: &'static str, failure: &Failure, farewell: Duration, process: &Process) {
    process.health.fail(failure.to_string());
    process.health.fail_for_good(kind);
    if !farewell.is_zero() {
        tracing::error!(%failure, stays = ?farewell, "failed for good");
        let _ = tokio::time::timeout(farewell, process.shutdown.cancelled()).await;
    }
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Claimed { .. } | StageError::Topic(_) | StageError::Client(_) => Self::usage(error),
            StageError::DataLoss { .. } => Self::Lasting("DataLoss", error.into()),
            StageError::State { .. } => Self::Lasting("State", error.into()),
            _ => Self::run(error),
        }
    }
}
