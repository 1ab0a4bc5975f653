//! Follows one topic from shortly before its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};
use runtime::config::KafkaArgs;
use runtime::kafka::{Context, WaitError, wait_for_topic};
use runtime::topics::partition_count;
use runtime::{Need, Shutdown};

use crate::feed::Position;

/// How often the topic is looked at: whether it has grown, and whether it can be reached at all.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
const ASK_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Closing a consumer blocks while brokers are away; the process does not wait for it any longer.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

type Client = StreamConsumer<Context>;

/// One topic, and how far before its end to begin.
pub(super) struct Tail {
    pub kafka: KafkaArgs,
    pub client_id: String,
    pub topic: String,
    /// What names the topic on the command line.
    pub option: &'static str,
    /// Offsets of each partition to read before following; control records count.
    pub reach: i64,
    /// Met while the topic is followed.
    pub need: Need,
}

/// One record.
pub(super) struct Record<'a> {
    pub message: &'a BorrowedMessage<'a>,
    pub value: &'a [u8],
    pub position: Position,
    /// Whether it came after the tail was begun.
    pub live: bool,
}

/// Takes the records of a topic.
pub(super) trait Sink {
    /// Takes the next record; those of one partition come in order.
    fn record(&mut self, record: &Record<'_>);
    /// All that was there at start has been taken.
    fn caught_up(&mut self);
}

/// Where each partition ended at start, and which have not been read up to there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Progress {
    ends: BTreeMap<i32, i64>,
    behind: BTreeSet<i32>,
}

impl Tail {
    /// Reads until `shutdown`.
    pub async fn follow(self, mut sink: impl Sink, shutdown: &Shutdown) -> Result<(), WaitError> {
        let Self { kafka, topic, option, need, .. } = &self;
        let partitions = match wait_for_topic(kafka, topic, option, need, shutdown).await {
            Ok(partitions) => partitions,
            Err(WaitError::Stopped) => return Ok(()),
            Err(error) => return Err(error),
        };
        let client = Arc::new(self.client()?);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.read(&client, partitions, &mut sink) => {}
        }
        close(client).await;
        Ok(())
    }

    fn client(&self) -> KafkaResult<Client> {
        self.kafka
            .consumer(&self.client_id)
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .create_with_context(Context::default())
    }

    /// Never ends.
    async fn read(&self, client: &Arc<Client>, partitions: i32, sink: &mut impl Sink) {
        let mut progress = self.begin(client, partitions).await;
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        if progress.behind.is_empty() {
            self.caught_up(sink);
        }
        loop {
            tokio::select! {
                received = client.recv() => match received {
                    Ok(message) => sink.record(&progress.record(&message)),
                    Err(KafkaError::PartitionEOF(partition)) => {
                        if progress.reached_end(partition) {
                            self.caught_up(sink);
                        }
                    }
                    Err(error) => self.failed(&error).await,
                },
                _ = look.tick() => self.look(client, &mut progress).await,
            }
        }
    }

    fn caught_up(&self, sink: &mut impl Sink) {
        sink.caught_up();
        tracing::info!(topic = self.topic, "following");
    }

    async fn failed(&self, error: &KafkaError) {
        self.need.missing(format!("topic {} cannot be read: {error}", self.topic));
        tokio::time::sleep(RETRY_PAUSE).await;
    }

    async fn begin(&self, client: &Arc<Client>, partitions: i32) -> Progress {
        loop {
            match self.assign_tail(client, partitions).await {
                Ok(progress) => return progress,
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn assign_tail(&self, client: &Arc<Client>, partitions: i32) -> KafkaResult<Progress> {
        let (asked, topic) = (Arc::clone(client), self.topic.clone());
        let marks = blocking(move || {
            (0..partitions)
                .map(|p| asked.fetch_watermarks(&topic, p, ASK_TIMEOUT))
                .collect::<Result<Vec<_>, _>>()
        });
        let marks = marks.await.unwrap_or(Err(KafkaError::Canceled))?;
        let mut progress = Progress::default();
        let mut list = TopicPartitionList::new();
        for (partition, (low, end)) in (0..).zip(marks) {
            let from = progress.begin(partition, (low, end), self.reach);
            list.add_partition_offset(&self.topic, partition, Offset::Offset(from))?;
        }
        client.incremental_assign(&list)?;
        self.need.met();
        Ok(progress)
    }

    /// Notices new partitions, and that nobody answers any more.
    async fn look(&self, client: &Arc<Client>, progress: &mut Progress) {
        let (asked, topic) = (Arc::clone(client), self.topic.clone());
        let count = blocking(move || partition_count(asked.client(), &topic, ASK_TIMEOUT)).await.flatten();
        let Some(count) = count else {
            return self.need.missing(format!(
                "topic {} cannot be seen at {} (--brokers / KAFKA_BROKERS): \
                 no broker answers, or the topic was deleted",
                self.topic, self.kafka.brokers
            ));
        };
        match self.assign_new(client, progress, count) {
            Ok(()) => self.need.met(),
            Err(error) => self.need.missing(format!("topic {} has grown: {error}", self.topic)),
        }
    }

    /// A partition that was not there at start is new from its first record on.
    fn assign_new(&self, client: &Client, progress: &mut Progress, count: i32) -> KafkaResult<()> {
        for partition in (0..count).filter(|p| !progress.ends.contains_key(p)).collect::<Vec<_>>() {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(&self.topic, partition, Offset::Beginning)?;
            client.incremental_assign(&list)?;
            progress.ends.insert(partition, 0);
            tracing::info!(topic = self.topic, partition, "following a new partition");
        }
        Ok(())
    }
}

impl Progress {
    /// Begins a partition that holds `[low, end)`; returns the offset to read from.
    fn begin(&mut self, partition: i32, (low, end): (i64, i64), reach: i64) -> i64 {
        self.ends.insert(partition, end);
        if low < end {
            self.behind.insert(partition);
        }
        (end - reach).max(low)
    }

    /// A partition was read to its end; whether that was the last one to catch up.
    fn reached_end(&mut self, partition: i32) -> bool {
        self.behind.remove(&partition) && self.behind.is_empty()
    }

    fn record<'a>(&self, message: &'a BorrowedMessage<'a>) -> Record<'a> {
        let (partition, offset) = (message.partition(), message.offset());
        Record {
            message,
            value: message.payload().unwrap_or_default(),
            position: (message.timestamp().to_millis().unwrap_or_default(), partition, offset),
            live: self.ends.get(&partition).is_none_or(|end| offset >= *end),
        }
    }
}

/// `None` when the call panicked or the runtime is going away.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(call).await.ok()
}

async fn close(client: Arc<Client>) {
    let (closed, wait) = tokio::sync::oneshot::channel::<()>();
    // a thread of its own: the runtime would wait for a blocking task, however long it takes
    std::thread::spawn(move || {
        drop(client);
        drop(closed);
    });
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, wait).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_begins_before_the_end_but_not_before_the_log() {
        let mut progress = Progress::default();
        assert_eq!(progress.begin(0, (0, 5_000), 1_000), 4_000);
        assert_eq!(progress.begin(1, (4_500, 5_000), 1_000), 4_500);
        assert_eq!(progress.begin(2, (0, 10), 1_000), 0);
        assert_eq!(progress.begin(3, (7, 7), 1_000), 7);
        assert_eq!(progress.behind, BTreeSet::from([0, 1, 2]), "an empty partition has nothing to read");
    }

    #[test]
    fn it_has_caught_up_once_when_every_partition_was_at_its_end() {
        let mut progress = Progress::default();
        progress.begin(0, (0, 10), 5);
        progress.begin(1, (0, 10), 5);
        assert!(!progress.reached_end(1));
        assert!(!progress.reached_end(1));
        assert!(progress.reached_end(0));
        assert!(!progress.reached_end(0));
    }
}
