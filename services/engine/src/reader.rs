//! Reads partitions from given offsets up to their ends, outside of any consumer group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::error::{Interrupt, StageError};
use crate::input::fetch_limits;
use crate::native::{BatchQueue, QueueError, Record};

/// How long a reader waits without any record before it counts as failed.
const STALL_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one query of watermarks may take.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// Called between batches, so that a long read notices a shutdown or a rebalance.
pub(crate) type Check<'a> = &'a mut dyn FnMut() -> Result<(), Interrupt>;

/// What transactions a reader sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Committed records only; the end is the last stable offset.
    ReadCommitted,
    /// Everything; the end is the high watermark.
    ReadUncommitted,
}

/// A stretch of one partition: `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub partition: i32,
    pub start: i64,
    pub end: i64,
}

/// A consumer that is kept alive between reads: a fresh one takes half a second for its first.
pub(crate) struct Reader {
    consumer: Arc<BaseConsumer>,
}

impl Reader {
    /// `group` only names the client towards the broker; it is never joined.
    pub(crate) fn new(
        mut config: ClientConfig,
        group: &str,
        isolation: Isolation,
    ) -> Result<Self, StageError> {
        fetch_limits(&mut config);
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // The end of a partition is only reported by an empty fetch, which the broker would hold back.
            .set("fetch.wait.max.ms", "5")
            .set("auto.offset.reset", "error")
            .set(
                "isolation.level",
                match isolation {
                    Isolation::ReadCommitted => "read_committed",
                    Isolation::ReadUncommitted => "read_uncommitted",
                },
            );
        let consumer = config.create_with_context(DefaultConsumerContext).map_err(StageError::Client)?;
        Ok(Self { consumer: Arc::new(consumer) })
    }

    /// First offset and end of a partition, as its leader sees them now.
    pub(crate) fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), Interrupt> {
        self.consumer
            .fetch_watermarks(topic, partition, QUERY_TIMEOUT)
            .map_err(Interrupt::doubt("asking for watermarks"))
    }
    /// How many partitions the topic has; `None` when it does not exist.
    pub(crate) fn partitions(&self, topic: &str) -> Result<Option<i32>, Interrupt> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(topic), QUERY_TIMEOUT)
            .map_err(Interrupt::doubt("asking for metadata"))?;
        let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len());
        Ok(i32::try_from(partitions).ok().filter(|n| *n > 0))
    }

    /// The client, for queries that only it offers.
    pub(crate) fn consumer(&self) -> &BaseConsumer {
        &self.consumer
    }

    /// Hands every record of the stretches to `on_record`, in offset order within each partition.
    pub(crate) fn read(
        &self,
        topic: &str,
        stretches: &[Stretch],
        on_record: &mut dyn FnMut(Record<'_>) -> Result<(), Interrupt>,
        check: Check<'_>,
    ) -> Result<(), Interrupt> {
        let mut open: BTreeMap<i32, i64> =
            stretches.iter().filter(|s| s.start < s.end).map(|s| (s.partition, s.end)).collect();
        if open.is_empty() {
            return Ok(());
        }
        self.assign(topic, stretches).map_err(Interrupt::doubt("assigning a reader"))?;
        let read = self.read_assigned(&mut open, on_record, check);
        self.consumer.unassign().map_err(Interrupt::doubt("unassigning a reader"))?;
        read
    }

    fn read_assigned(
        &self,
        open: &mut BTreeMap<i32, i64>,
        on_record: &mut dyn FnMut(Record<'_>) -> Result<(), Interrupt>,
        check: Check<'_>,
    ) -> Result<(), Interrupt> {
        let queue = BatchQueue::of_consumer(Arc::clone(&self.consumer));
        let mut queue = queue.ok_or_else(|| Interrupt::timed_out("opening a reader's queue"))?;
        let mut stalled = Instant::now();
        while !open.is_empty() {
            check()?;
            let batch = queue.drain(Duration::from_millis(50));
            if batch.len() > 0 {
                stalled = Instant::now();
            } else if stalled.elapsed() > STALL_TIMEOUT {
                return Err(Interrupt::timed_out("reading a topic"));
            }
            for item in batch.iter() {
                match item {
                    Ok(record) => take(record, open, on_record)?,
                    Err(error) => note(error, open)?,
                }
            }
        }
        Ok(())
    }

    fn assign(&self, topic: &str, stretches: &[Stretch]) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        for stretch in stretches.iter().filter(|s| s.start < s.end) {
            list.add_partition_offset(topic, stretch.partition, Offset::Offset(stretch.start))?;
        }
        self.consumer.assign(&list)
    }
}

fn take(
    record: Record<'_>,
    open: &mut BTreeMap<i32, i64>,
    on_record: &mut dyn FnMut(Record<'_>) -> Result<(), Interrupt>,
) -> Result<(), Interrupt> {
    let Some(&end) = open.get(&record.partition) else { return Ok(()) };
    if record.offset < end {
        on_record(record)?;
    }
    if record.offset + 1 >= end {
        open.remove(&record.partition);
    }
    Ok(())
}

fn note(error: QueueError, open: &mut BTreeMap<i32, i64>) -> Result<(), Interrupt> {
    match error.code {
        RDKafkaErrorCode::PartitionEOF => {
            open.remove(&error.partition);
            Ok(())
        }
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => Err(Interrupt::Doubt {
            doing: "reading a topic that was just cut",
            source: KafkaError::MessageConsumption(error.code),
        }),
        RDKafkaErrorCode::TopicAuthorizationFailed => Err(Interrupt::Doubt {
            doing: "reading the orders or the state topic (this user needs Read on both)",
            source: KafkaError::MessageConsumption(error.code),
        }),
        // A new topic answers NOT_LEADER for a moment; the client asks again by itself.
        code => {
            tracing::debug!(?code, partition = error.partition, "reader waits");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

    use super::*;

    fn filled(records: usize) -> MockCluster<'static, DefaultProducerContext> {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("state", 1, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
        for _ in 0..records {
            producer.send(BaseRecord::<[u8], [u8]>::to("state").partition(0).payload(b"value")).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        cluster
    }

    #[test]
    fn an_interrupted_read_can_be_repeated() {
        let cluster = filled(3000);
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let reader = Reader::new(config, "test", Isolation::ReadCommitted).unwrap();
        let (start, end) = reader.watermarks("state", 0).unwrap();
        assert_eq!((start, end), (0, 3000));
        let stretch = [Stretch { partition: 0, start, end }];
        for _ in 0..3 {
            let mut checks = 0;
            let interrupted = reader.read("state", &stretch, &mut |_| Ok(()), &mut || {
                checks += 1;
                if checks > 1 { Err(Interrupt::Rebalance) } else { Ok(()) }
            });
            assert!(matches!(interrupted, Err(Interrupt::Rebalance)));
        }
        let mut offsets = Vec::new();
        let mut take = |record: Record<'_>| {
            offsets.push(record.offset);
            Ok(())
        };
        reader.read("state", &stretch, &mut take, &mut || Ok(())).unwrap();
        assert_eq!(offsets, (0..3000).collect::<Vec<_>>());
    }
}
