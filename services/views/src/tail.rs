//! Reads one stage's state topic in a thread of its own: all partitions, from the beginning, no group.

mod session;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::ProcessorName;
use rdkafka::error::KafkaError;
use runtime::config::KafkaArgs;
use runtime::{Need, Shutdown};

use self::session::Session;
use crate::hub::Hub;
use crate::merge::Overflow;
use crate::metrics::Metrics;
use crate::projection::TailId;
use crate::transactions::RecordError;

/// How long to wait before the topic is read anew.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What all tails of a process share.
#[derive(Clone)]
pub(crate) struct TailContext {
    pub kafka: KafkaArgs,
    pub hub: Arc<Hub>,
    /// Whether the brokers answer.
    pub need: Arc<Need>,
    pub metrics: Metrics,
}

/// What is to be read.
#[derive(Clone, Debug)]
pub(crate) struct TailTask {
    pub id: TailId,
    pub topic: String,
    /// The processors that the stage has claimed and that have a view.
    pub processors: BTreeSet<ProcessorName>,
}

/// Why a state topic cannot be read. Ends the process: what it would show would be wrong.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// No consumer can be made.
    #[error("cannot make a Kafka consumer (--kafka-property / KAFKA_PROPERTIES)")]
    Client(#[source] KafkaError),
    /// A record cannot be understood.
    #[error("cannot read partition {partition} of state topic {topic}")]
    Record {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// What is wrong.
        source: RecordError,
    },
    /// A sum is too large.
    #[error("cannot merge partition {partition} of state topic {topic}")]
    Merge {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// What is wrong.
        source: Overflow,
    },
}

/// Why a session with the brokers ended.
enum Interrupted {
    /// The topic has to be read anew, and why.
    Anew(String),
    Failed(TailError),
}

/// Reads until `stop`. Blocks.
///
/// # Errors
/// When the state cannot be understood, or no consumer can be made.
pub(crate) fn follow(task: &TailTask, context: &TailContext, stop: &Shutdown) -> Result<(), TailError> {
    while !stop.is_cancelled() {
        context.hub.lock().begin(&task.id);
        context.hub.changed.notify_one();
        let read = Session::open(task, context, stop).and_then(Session::read);
        match read {
            Ok(()) => {}
            Err(Interrupted::Failed(error)) => return Err(error),
            Err(Interrupted::Anew(why)) => {
                tracing::warn!(topic = task.topic, why, "reading the state topic anew");
                context.metrics.record_restart();
                pause(RETRY_PAUSE, stop);
            }
        }
    }
    Ok(())
}

/// Sleeps, but not beyond `stop` by more than a moment.
fn pause(time: Duration, stop: &Shutdown) {
    const STEP: Duration = Duration::from_millis(100);
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.is_cancelled() {
        std::thread::sleep(STEP);
    }
}
