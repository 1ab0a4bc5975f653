//! Reading the settings topic from its beginning.

use std::time::Duration;

use contract::Topics;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::Directory;
use crate::config::KafkaArgs;
use crate::kafka::Context;

/// The topic has one partition: its records are ordered.
pub(super) const PARTITION: i32 = 0;
const WATERMARK_TIMEOUT: Duration = Duration::from_secs(1);

/// Follows the topic. Blocks while it polls.
pub(super) struct SettingsLog {
    consumer: BaseConsumer<Context>,
}

/// What one poll brought.
pub(super) enum Polled {
    /// Nothing in the time given.
    Nothing,
    /// The directory may have changed.
    Record,
    /// Everything committed so far was read.
    End,
}

impl SettingsLog {
    /// Starts at the beginning of the topic, which must exist.
    pub(super) fn open(kafka: &KafkaArgs, topics: &Topics) -> KafkaResult<Self> {
        let topic = topics.settings();
        let consumer: BaseConsumer<Context> = kafka
            // The client asks for the coordinator of a group that it never joins: one of a name that the rights of a
            // pipeline cover.
            .consumer(&topic)
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            // the end is only reported by an empty fetch, which waits this long
            .set("fetch.wait.max.ms", "100")
            .create_with_context(Context::default())?;
        // a question first saves the new consumer half a second
        consumer.fetch_watermarks(&topic, PARTITION, WATERMARK_TIMEOUT)?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&topic, PARTITION, Offset::Beginning)?;
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// Waits at most `timeout` for the next record and takes it into `directory`. A record that cannot be
    /// read is logged and passed over.
    pub(super) fn poll(&self, directory: &mut Directory, timeout: Duration) -> KafkaResult<Polled> {
        match self.consumer.poll(timeout) {
            None => Ok(Polled::Nothing),
            Some(Ok(record)) => {
                if let Err(bad) = directory.apply(record.key().unwrap_or_default(), record.payload()) {
                    tracing::warn!(offset = record.offset(), "{bad}");
                }
                Ok(Polled::Record)
            }
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(Polled::End),
            Some(Err(error)) => Err(error),
        }
    }
}
