//! Creating, growing and checking the topics of a pipeline.
//!
//! Everything here blocks while it asks the cluster: call it from a thread, not from async code.

mod admin;
mod apply;
mod cluster;
mod describe;

use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::error::KafkaError;

use crate::config::KafkaArgs;
use crate::kafka::{Probe, Unreachable};
use admin::Admin;
pub use apply::{Change, apply};
pub use cluster::{Cluster, Found, Look};
pub use describe::{TopicState, describe};

/// A topic's settings, as Kafka names them.
pub type TopicConfig = &'static [(&'static str, &'static str)];

/// State topics. With Kafka's defaults the active segment, which holds nearly everything, is never compacted.
pub const STATE_CONFIG: TopicConfig = &[
    ("cleanup.policy", "compact"),
    ("segment.bytes", "33554432"),
    ("segment.ms", "600000"),
    ("min.cleanable.dirty.ratio", "0.1"),
    ("max.message.bytes", "1048576"),
];

/// The settings topic: few records, all of which matter.
pub const SETTINGS_CONFIG: TopicConfig =
    &[("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.1")];

/// How many partitions and replicas the topics are to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicPlan {
    /// Partitions of the orders topic, and so of every state topic: the most replicas a stage can use.
    pub orders_partitions: i32,
    /// Partitions of the metrics topic.
    pub metrics_partitions: i32,
    /// Partitions of the alerts topic.
    pub alerts_partitions: i32,
    /// Partitions of the dead-letter topic.
    pub dead_letter_partitions: i32,
    /// Copies of each partition; `None` leaves it to the broker's default.
    pub replication: Option<i32>,
}

/// What can go wrong with topics.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// The cluster cannot be asked.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// No client can be made.
    #[error("cannot make a Kafka client (--kafka-property / KAFKA_PROPERTIES)")]
    Client(#[source] KafkaError),
    /// A request was not answered, or not understood.
    #[error("cannot {action} topic {topic}: {problem}")]
    Refused {
        /// What was tried: create, grow, configure, describe, see, delete.
        action: &'static str,
        /// The topic.
        topic: String,
        /// The cluster's answer.
        problem: String,
        /// The right that this user lacks, if that is why: `Create on topic orders`.
        right: Option<String>,
    },
}

/// Creates a compacted internal topic if it is missing, with as many copies as the topic `like` has, and checks that it
/// has at least `partitions`.
/// If it exists only its metadata is read, so that this works without the right to create topics (and on
/// librdkafka's mock cluster, which has no admin API).
///
/// # Errors
/// When the cluster cannot be asked or refuses.
pub fn ensure_internal(
    kafka: &KafkaArgs,
    topic: &str,
    partitions: i32,
    like: &str,
    config: TopicConfig,
) -> Result<(), TopicsError> {
    let probe = Probe::new(kafka, "millrace-topics", false).map_err(TopicsError::Client)?;
    match probe.partitions(topic)? {
        Some(have) if have >= partitions => Ok(()),
        Some(_) => Admin::new(kafka)?.grow(topic, partitions),
        None => {
            // state that is easier to lose than orders would make all of them count again
            let copies = probe.copies(like)?;
            let min_insync = min_insync(copies);
            let min_insync = min_insync.as_ref().map(|(name, value)| (*name, value.as_str()));
            let config: Vec<_> = config.iter().copied().chain(min_insync).collect();
            Admin::new(kafka)?.create(topic, partitions, copies, &config)
        }
    }
}

/// From this many copies on, a write must reach all but one to count.
const COPIES_FOR_MIN_INSYNC: i32 = 3;

/// The setting that a topic with so many copies is created with.
fn min_insync(copies: Option<i32>) -> Option<(&'static str, String)> {
    let copies = copies.filter(|copies| *copies >= COPIES_FOR_MIN_INSYNC)?;
    Some(("min.insync.replicas", (copies - 1).to_string()))
}

/// The value in force of one of the topic's settings, as Kafka names them; `None` if the broker has no such.
///
/// # Errors
/// When the cluster cannot be asked, or does not let this user look.
pub fn setting(kafka: &KafkaArgs, topic: &str, name: &str) -> Result<Option<String>, TopicsError> {
    let found = Admin::new(kafka)?.config(topic)?.into_iter().find(|entry| entry.name == name);
    Ok(found.and_then(|entry| entry.value))
}

/// How many partitions `topic` has, as `client` sees it; `None` when it does not exist or nobody answers
/// within `timeout`. On a producer's client asking may create the topic.
pub fn partition_count<C: ClientContext>(client: &Client<C>, topic: &str, timeout: Duration) -> Option<i32> {
    let metadata = client.fetch_metadata(Some(topic), timeout).ok()?;
    let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none())?;
    i32::try_from(found.partitions().len()).ok().filter(|n| *n > 0)
}
