//! One consumer's life.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};
use runtime::Shutdown;
use runtime::topics::partition_count;

use super::{Interrupted, TailContext, TailError, TailTask, pause};
use crate::faults;
use crate::transactions::{StateRecord, Step, TransactionReader, Turn};

/// How long one poll waits: what stopping takes at most, and how often an idle tail wakes up.
const POLL: Duration = Duration::from_millis(500);
/// How many records are taken in before the publisher is told.
const BURST: usize = 1_000;
/// How often the topic is asked for its partitions.
const REFRESH: Duration = Duration::from_secs(10);
/// How often it is asked while it is not there.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// Reads one state topic with one consumer.
pub(super) struct Session<'a> {
    task: &'a TailTask,
    context: &'a TailContext,
    stop: &'a Shutdown,
    consumer: BaseConsumer<Quiet>,
    /// By partition.
    readers: HashMap<i32, TransactionReader>,
    refreshed: Instant,
}

/// Leaves errors to the poll that returns them; librdkafka reports the end of a partition as one.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        if !matches!(error, KafkaError::PartitionEOF(_)) {
            tracing::debug!(%error, reason, "kafka client");
        }
    }
}

impl ConsumerContext for Quiet {}

impl<'a> Session<'a> {
    pub(super) fn open(
        task: &'a TailTask,
        context: &'a TailContext,
        stop: &'a Shutdown,
    ) -> Result<Self, Interrupted> {
        let consumer = context
            .kafka
            // also the name of a group that is never joined: one that the rights of a pipeline cover
            .consumer(&task.topic)
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            // a log that is shorter than it was is read anew, and what it held before is forgotten
            .set("auto.offset.reset", "error")
            .set("allow.auto.create.topics", "false")
            // new records end a fetch at once; this is how long one waits that says where the end is
            .set("fetch.wait.max.ms", "500")
            .create_with_context(Quiet)
            .map_err(|e| Interrupted::Failed(TailError::Client(e)))?;
        Ok(Self { task, context, stop, consumer, readers: HashMap::new(), refreshed: Instant::now() })
    }

    /// Reads until told to stop.
    pub(super) fn read(mut self) -> Result<(), Interrupted> {
        self.refresh()?;
        while !self.stop.is_cancelled() {
            if self.readers.is_empty() {
                pause(LOOK_AGAIN, self.stop);
                self.refresh()?;
                continue;
            }
            self.burst()?;
            if self.refreshed.elapsed() >= REFRESH {
                self.refresh()?;
            }
        }
        Ok(())
    }

    /// Waits for a record, then takes in what else is there.
    fn burst(&mut self) -> Result<(), Interrupted> {
        let mut wait = POLL;
        for _ in 0..BURST {
            let Self { task, consumer, readers, .. } = self;
            let (partition, step) = match consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => {
                    let partition = message.partition();
                    (partition, take(readers, &message).map_err(|e| failed(task, partition, e))?)
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.context.hub.lock().reached_end(&task.id, partition);
                    let step = readers.get_mut(&partition).map(TransactionReader::end).transpose();
                    (partition, step.map_err(|e| failed(task, partition, e))?.unwrap_or_default())
                }
                Some(Err(error)) => {
                    self.judge(&error)?;
                    break;
                }
            };
            self.apply(partition, step)?;
            wait = Duration::ZERO;
        }
        if wait.is_zero() {
            self.context.hub.changed.notify_one();
        }
        Ok(())
    }

    fn apply(&mut self, partition: i32, step: Step) -> Result<(), Interrupted> {
        let Self { task, context, .. } = self;
        let Step { apply, turn } = step;
        let torn = turn == Some(Turn::Torn);
        {
            let mut projection = context.hub.lock();
            for transaction in apply {
                projection.apply(&task.id, partition, transaction).map_err(|source| {
                    let topic = task.topic.clone();
                    Interrupted::Failed(TailError::Merge { topic, partition, source })
                })?;
            }
            if let Some(turn) = turn {
                projection.turn(&task.id, partition, turn);
            }
        }
        if faults::partial_transactions() {
            // opens the hole wide enough for a test to see through
            self.context.hub.changed.notify_one();
            std::thread::sleep(Duration::from_millis(5));
        }
        if torn {
            self.context.metrics.record_torn();
            tracing::debug!(topic = self.task.topic, partition, "gap in the state");
        }
        self.ask_end(partition);
        Ok(())
    }

    /// Finds out up to where a torn partition has to be caught up. When nobody answers, the next record or
    /// the partition's end asks again.
    fn ask_end(&mut self, partition: i32) {
        let Some(reader) = self.readers.get_mut(&partition).filter(|r| r.needs_end()) else { return };
        if let Ok((_, end)) = self.consumer.fetch_watermarks(&self.task.topic, partition, ASK_TIMEOUT) {
            reader.catch_up_to(end);
        }
    }

    /// Looks whether the topic is there, whether it has grown, and whether the brokers answer.
    fn refresh(&mut self) -> Result<(), Interrupted> {
        self.refreshed = Instant::now();
        let topic = &self.task.topic;
        let reached = self.consumer.fetch_metadata(Some(topic), ASK_TIMEOUT);
        if let Err(error) = reached {
            self.unreachable(&error);
            return Ok(());
        }
        let Some(count) = partition_count(self.consumer.client(), topic, ASK_TIMEOUT) else { return Ok(()) };
        self.context.need.met();
        self.grow(count)
    }

    /// Begins with the partitions that are not read yet, all of them or none.
    fn grow(&mut self, count: i32) -> Result<(), Interrupted> {
        let new: Vec<_> = (0..count).filter(|p| !self.readers.contains_key(p)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let Self { task, context, consumer, .. } = self;
        // counted as not read from here on, so that nothing is shown without them
        context.hub.lock().grow(&task.id, usize::try_from(count).unwrap_or_default());
        let mut list = TopicPartitionList::new();
        let mut readers = Vec::new();
        for partition in new {
            // of a read_committed consumer this is the last stable offset
            let (_, end) = match consumer.fetch_watermarks(&task.topic, partition, ASK_TIMEOUT) {
                Ok(watermarks) => watermarks,
                Err(error) => return Err(Interrupted::Anew(format!("cannot ask for its end: {error}"))),
            };
            readers.push((partition, TransactionReader::new(task.processors.clone(), end)));
            list.add_partition_offset(&task.topic, partition, Offset::Beginning)
                .map_err(|e| Interrupted::Anew(e.to_string()))?;
        }
        consumer.incremental_assign(&list).map_err(|e| Interrupted::Anew(e.to_string()))?;
        tracing::info!(topic = task.topic, partitions = count, "reading state");
        self.readers.extend(readers);
        Ok(())
    }

    /// Most errors pass; some mean that what was read does not hold any more.
    fn judge(&self, error: &KafkaError) -> Result<(), Interrupted> {
        use RDKafkaErrorCode as Code;
        match error.rdkafka_error_code() {
            Some(
                Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::UnknownTopic
                | Code::UnknownTopicOrPartition
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::Fatal,
            ) => {
                let why = error.to_string();
                self.context.need.missing(format!("cannot read topic {}: {why}", self.task.topic));
                Err(Interrupted::Anew(why))
            }
            Some(Code::AllBrokersDown) => {
                self.unreachable(error);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn unreachable(&self, error: &KafkaError) {
        let brokers = &self.context.kafka.brokers;
        self.context.need.missing(format!("cannot reach {brokers} (--brokers / KAFKA_BROKERS): {error}"));
    }
}

fn take<M: Message>(
    readers: &mut HashMap<i32, TransactionReader>,
    message: &M,
) -> Result<Step, crate::transactions::RecordError> {
    let Some(reader) = readers.get_mut(&message.partition()) else { return Ok(Step::default()) };
    reader.record(&StateRecord {
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().unwrap_or_default(),
        value: message.payload(),
    })
}

fn failed(task: &TailTask, partition: i32, source: crate::transactions::RecordError) -> Interrupted {
    Interrupted::Failed(TailError::Record { topic: task.topic.clone(), partition, source })
}
