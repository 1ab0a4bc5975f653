//! One module a command: its options, and how it is put together.

pub mod dashboard;
pub mod demo;
pub mod process;
pub mod settings;
pub mod simulate;
pub mod state;
pub mod topics;
pub mod views;

use anyhow::Context;
use contract::Topics;
use runtime::KafkaArgs;
use runtime::config::LogArgs;

use crate::failure::Failure;

/// What every command does before anything else: starts logging, and refuses Kafka properties that
/// librdkafka does not know, and names that cannot stand together, before a port opens.
fn begin(log: &LogArgs, kafka: &KafkaArgs, topics: &Topics) -> Result<(), Failure> {
    runtime::telemetry::init(log).map_err(Failure::run)?;
    topics.validate().map_err(Failure::usage)?;
    kafka.check().map_err(Failure::usage)
}

/// Runs `work`, which blocks.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Failure>
where
    T: Send + 'static,
    E: Into<Failure> + Send + 'static,
{
    let done =
        tokio::task::spawn_blocking(work).await.context("the command's thread").map_err(Failure::run)?;
    done.map_err(Into::into)
}
