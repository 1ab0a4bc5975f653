//! Reading whole topics, and the few things done to topics and groups from outside.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const CALL_LIMIT: Duration = Duration::from_secs(30);
/// A read ends with an error when nothing new came for this long.
const STALL_LIMIT: Duration = Duration::from_mins(1);

/// One record of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its Kafka timestamp, in ms.
    pub time: i64,
    /// Its key, if it has one.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            headers.iter().map(|h| (h.key.to_owned(), h.value.unwrap_or_default().to_vec())).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            time: message.timestamp().to_millis().unwrap_or_default(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }

    /// The header `name` as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The key as text; empty when there is none.
    pub fn key_text(&self) -> String {
        String::from_utf8_lossy(self.key.as_deref().unwrap_or_default()).into_owned()
    }

    /// The value as JSON.
    ///
    /// # Errors
    /// When it is a tombstone or not JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        let value = self.value.as_deref().context("a tombstone is no JSON")?;
        serde_json::from_slice(value)
            .with_context(|| format!("record at {}/{} is not JSON", self.partition, self.offset))
    }
}

/// Shows every committed record of `topic`, as it stands now, to `visit`; in offset order per partition.
///
/// # Errors
/// When the topic cannot be read to its end, or `visit` fails.
pub fn visit(brokers: &str, topic: &str, mut visit: impl FnMut(Record) -> Result<()>) -> Result<()> {
    let consumer: BaseConsumer = consumer_config(brokers).create().context("making a consumer")?;
    let partitions = partition_count(&consumer, topic)?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment).with_context(|| format!("reading {topic}"))?;
    let mut open: HashSet<i32> = (0..partitions).collect();
    let mut progress = Instant::now();
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => visit(Record::of(&message))?,
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
            Some(Err(_)) | None if progress.elapsed() < STALL_LIMIT => continue,
            Some(Err(failure)) => return Err(failure).with_context(|| format!("reading {topic}")),
            None => bail!("no end of {topic} in sight"),
        }
        progress = Instant::now();
    }
    Ok(())
}

/// All committed records of `topic`.
///
/// # Errors
/// As [`visit`].
pub fn read(brokers: &str, topic: &str) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    visit(brokers, topic, |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// The end of each partition of `topic` (its last stable offset), by partition.
///
/// # Errors
/// When the broker does not answer.
pub fn ends(brokers: &str, topic: &str) -> Result<Vec<i64>> {
    let consumer: BaseConsumer = consumer_config(brokers).create().context("making a consumer")?;
    let partitions = partition_count(&consumer, topic)?;
    (0..partitions)
        .map(|partition| {
            let (_, end) = consumer.fetch_watermarks(topic, partition, CALL_LIMIT)?;
            Ok(end)
        })
        .collect()
}

/// How many records `group` has yet to commit in `topic`.
///
/// # Errors
/// When the broker does not answer.
pub fn lag(brokers: &str, topic: &str, group: &str) -> Result<i64> {
    let consumer: BaseConsumer =
        consumer_config(brokers).set("group.id", group).create().context("making a consumer")?;
    let ends = ends(brokers, topic)?;
    let mut wanted = TopicPartitionList::new();
    for partition in 0..ends.len() {
        wanted.add_partition(topic, i32::try_from(partition)?);
    }
    let committed = consumer.committed_offsets(wanted, CALL_LIMIT).context("asking for committed offsets")?;
    Ok(ends
        .iter()
        .zip(committed.elements())
        .map(|(end, element)| end - element.offset().to_raw().unwrap_or(0).max(0))
        .sum())
}

fn consumer_config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "harness")
        .set("group.id", "harness")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("fetch.wait.max.ms", "50");
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
    config
}

fn partition_count(consumer: &BaseConsumer, topic: &str) -> Result<i32> {
    let metadata = consumer.fetch_metadata(Some(topic), CALL_LIMIT).context("asking for metadata")?;
    let count = metadata.topics().first().map_or(0, |t| t.partitions().len());
    ensure!(count > 0, "there is no topic {topic}");
    Ok(i32::try_from(count)?)
}

/// Administration of a broker.
pub struct Admin {
    client: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Admin {
    /// Connects.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(brokers: &str) -> Result<Self> {
        let client = consumer_config(brokers).create().context("making an admin client")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime })
    }

    /// Creates `topic` with records kept forever, plus `config`.
    ///
    /// # Errors
    /// When it exists already or the broker refuses.
    pub fn create(&self, topic: &str, partitions: i32, config: &[(&str, &str)]) -> Result<()> {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        for (key, value) in config {
            new = new.set(key, value);
        }
        let done = self.runtime.block_on(self.client.create_topics(&[new], &options()))?;
        outcome(&done, &format!("creating topic {topic}"))
    }

    /// Deletes `topic`.
    ///
    /// # Errors
    /// When there is none, or the broker refuses.
    pub fn delete(&self, topic: &str) -> Result<()> {
        let done = self.runtime.block_on(self.client.delete_topics(&[topic], &options()))?;
        outcome(&done, &format!("deleting topic {topic}"))
    }

    /// Deletes a consumer group and its offsets.
    ///
    /// # Errors
    /// When it still has members, or the broker refuses.
    pub fn delete_group(&self, group: &str) -> Result<()> {
        let done = self.runtime.block_on(self.client.delete_groups(&[group], &options()))?;
        outcome(&done, &format!("deleting group {group}"))
    }

    /// Deletes all records of `partition` before `offset`.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let mut until = TopicPartitionList::new();
        until.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        let done = self.runtime.block_on(self.client.delete_records(&until, &options()))?;
        done.elements()
            .iter()
            .try_for_each(rdkafka::topic_partition_list::TopicPartitionListElem::error)
            .context("deleting records")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CALL_LIMIT)).operation_timeout(Some(CALL_LIMIT))
}

fn outcome(done: &[Result<String, (String, rdkafka::types::RDKafkaErrorCode)>], what: &str) -> Result<()> {
    for answer in done {
        if let Err((name, code)) = answer {
            bail!("{what}: {name}: {code}");
        }
    }
    Ok(())
}
