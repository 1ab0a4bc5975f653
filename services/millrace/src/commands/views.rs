//! `millrace views`: from state topics to Redis and the metrics topic.

use runtime::config::{AdminArgs, LogArgs, PipelineArgs, RedisArgs};
use runtime::traces::Service;
use runtime::{KafkaArgs, Process, SettingsTail};
use views::{StoreChoice, ViewsArgs, ViewsConfig, ViewsError};

use super::begin;
use crate::catalogue;
use crate::failure::Failure;
use crate::host::{Part, host};

/// Merge the stages' state into Redis and the metrics topic
///
/// One process serves a pipeline; another one started by mistake waits until the first stands still. What is
/// in Redis is written anew whenever Redis lost it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace views                                       to the Redis at localhost:6379
  millrace views --redis-url rediss://user:secret@redis.example:6380
  millrace views --key-prefix '{shop}:'                all keys in one slot of a Redis Cluster
  millrace views --purge                               take it all out of Redis again")]
pub struct Args {
    /// Delete everything that views have written to Redis, then end. Stop them first: they would write it again.
    #[arg(long)]
    purge: bool,

    #[command(flatten)]
    views: ViewsArgs,
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
        let Self { purge, views: args, kafka, redis, pipeline, admin, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let redis = redis.address().map_err(Failure::usage)?;
        if purge {
            let keys = views::purge(redis, &catalogue::views()).await?;
            tracing::info!(keys, "deleted what views had written");
            return Ok(());
        }
        let topics = pipeline.topics();
        host(Service { name: "millrace-views", pipeline: &pipeline.pipeline }, &admin, |process| {
            let directory = SettingsTail::start(&kafka, &topics, process);
            let store = StoreChoice::Redis(redis);
            let config = ViewsConfig { args, kafka, store, topics, views: catalogue::views(), directory };
            vec![part(config, process)]
        })
        .await
    }
}

/// The views as a part of a process.
pub fn part(config: ViewsConfig, process: &Process) -> Part {
    let run = Box::pin(views::run(config, process.clone()));
    Part::new("views", async { Ok(run.await?) })
}

impl From<ViewsError> for Failure {
    fn from(error: ViewsError) -> Self {
        if error.is_configuration() { Self::usage(error) } else { Self::run(error) }
    }
}
