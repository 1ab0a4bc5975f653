//! `millrace process`: one stage.

use contract::ProcessorName;
use engine::{StageArgs, StageConfig, StageError};
use runtime::config::{AdminArgs, LogArgs, PipelineArgs};
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
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { mut processors, stage: args, kafka, pipeline, admin, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        processors.sort_unstable();
        processors.dedup();
        let topics = pipeline.topics();
        host(&admin, |process| {
            let settings = SettingsTail::start(&kafka, &topics, process);
            let processors = processors.into_iter().map(catalogue::processor).collect();
            vec![part(
                StageConfig { kafka, topics, args, processors, has_admin_api: true, settings },
                process,
            )]
        })
        .await
    }
}

/// The stage as a part of a process.
pub fn part(config: StageConfig, process: &Process) -> Part {
    let run = engine::run(config, process.clone());
    Part::new("stage", async { Ok(run.await?) })
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        match error {
            StageError::Claimed { .. } | StageError::Topic(_) | StageError::Client(_) => Self::usage(error),
            _ => Self::run(error),
        }
    }
}
