//! Topics: making, removing and asking about them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(15);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The broker under test.
#[derive(Clone, Debug)]
pub struct Kafka {
    /// Its address.
    pub brokers: String,
}

/// Reads how far a consumer group has come.
pub struct GroupOffsets {
    consumer: BaseConsumer,
    list: TopicPartitionList,
}

impl Kafka {
    /// What every client starts from.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    /// Creates a topic that keeps records whatever their time is.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("retention.ms", "-1");
        let results = self.admin(async |admin, options| admin.create_topics([&new], options).await)?;
        answer(results).with_context(|| format!("creating topic {topic}"))
    }

    /// Removes topics.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn delete(&self, topics: &[&str]) -> Result<()> {
        let results = self.admin(async |admin, options| admin.delete_topics(topics, options).await)?;
        answer(results).with_context(|| format!("deleting topics {}", topics.join(", ")))
    }

    /// The end offset of each partition of a topic; `None` without the topic.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn ends(&self, topic: &str) -> Result<Option<Vec<i64>>> {
        let consumer: BaseConsumer = self.client().set("group.id", "millrace-bench").create()?;
        let metadata = consumer.fetch_metadata(None, TIMEOUT).context("asking for topics")?;
        let Some(found) = metadata.topics().iter().find(|t| t.name() == topic) else { return Ok(None) };
        let end =
            |partition| settled(|| consumer.fetch_watermarks(topic, partition, TIMEOUT)).map(|(_, end)| end);
        let mut ids: Vec<i32> =
            found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
        ids.sort_unstable();
        ids.into_iter().map(end).collect::<Result<_>>().map(Some)
    }

    /// A reader of a group's committed offsets on `partitions` of a topic.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn group_offsets(&self, group: &str, topic: &str, partitions: i32) -> Result<GroupOffsets> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        let consumer = self
            .client()
            .set("group.id", group)
            // Asks for what is committed now, without waiting for a transaction that is under way.
            .set("isolation.level", "read_uncommitted")
            .create()?;
        Ok(GroupOffsets { consumer, list })
    }

    fn admin<T>(
        &self,
        ask: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> rdkafka::error::KafkaResult<T>,
    ) -> Result<T> {
        let admin: AdminClient<DefaultClientContext> = self.client().create()?;
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
        let waiter = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(waiter.block_on(ask(&admin, &options))?)
    }
}

impl GroupOffsets {
    /// Orders that the group has committed, over all partitions.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub fn committed(&self) -> Result<u64> {
        let committed = self.consumer.committed_offsets(self.list.clone(), TIMEOUT)?;
        let offset = |offset| match offset {
            Offset::Offset(offset) => u64::try_from(offset).unwrap_or(0),
            _ => 0,
        };
        Ok(committed.elements().iter().map(|element| offset(element.offset())).sum())
    }
}

/// Asks again while it fails: a broker that has just started does not lead its partitions yet.
fn settled<T>(ask: impl Fn() -> rdkafka::error::KafkaResult<T>) -> Result<T> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        match ask() {
            Err(_) if Instant::now() < deadline => std::thread::sleep(ASK_AGAIN),
            answer => return Ok(answer?),
        }
    }
}

fn answer(results: Vec<rdkafka::admin::TopicResult>) -> Result<()> {
    for result in results {
        if let Err((topic, code)) = result {
            bail!("{topic}: {code}");
        }
    }
    Ok(())
}
