//! `millrace dashboard`: REST, Socket.IO and the web page.

use dashboard::{DashboardArgs, DashboardConfig, DashboardError, Store};
use runtime::config::{AdminArgs, LogArgs, PipelineArgs, RedisArgs};
use runtime::traces::Service;
use runtime::{KafkaArgs, Process};

use super::begin;
use crate::failure::Failure;
use crate::host::{Part, host};

/// Show the results: REST, Socket.IO and a web page
///
/// Reads totals from Redis and relays updates and alerts from Kafka. Any number may run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace dashboard                              http://localhost:3001
  millrace dashboard --listen 127.0.0.1:8080      for this machine only")]
pub struct Args {
    #[command(flatten)]
    dashboard: DashboardArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { dashboard: args, kafka, redis, pipeline, admin, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let redis = redis.address().map_err(Failure::usage)?;
        let config = DashboardConfig { args, kafka, topics: pipeline.topics(), store: Store::Redis(redis) };
        host(Service { name: "millrace-dashboard", pipeline: &pipeline.pipeline }, &admin, |process| {
            vec![part(config, process)]
        })
        .await
    }
}

/// The dashboard as a part of a process.
pub fn part(config: DashboardConfig, process: &Process) -> Part {
    let run = dashboard::run(config, process.clone());
    Part::new("dashboard", async { Ok(run.await?) })
}

impl From<DashboardError> for Failure {
    fn from(error: DashboardError) -> Self {
        match error {
            DashboardError::Listen(_) => Self::usage(error),
            _ => Self::run(error),
        }
    }
}
