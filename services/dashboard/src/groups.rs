//! Asks Kafka how far the stages have read: what their consumer groups have committed, against where the orders
//! end. Joins no group and reads no record. Blocks.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contract::Topics;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use runtime::config::KafkaArgs;
use runtime::kafka::Context;
use runtime::settings::{self, PublishError};
use runtime::topics::partition_count;

use crate::lag::found::counts_revenue;
use crate::lag::{Found, PartitionReach, StageReach};

const ASK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often it is looked up which stages there are.
const STAGES_EVERY: Duration = Duration::from_secs(30);

/// Why it is not known how far the stages are.
#[derive(Debug, thiserror::Error)]
pub enum GroupsError {
    /// Which stages there are is not known.
    #[error("cannot read which stages there are")]
    Stages(#[source] PublishError),
    /// A question was not answered.
    #[error("cannot ask how far stage {stage} has read")]
    Ask {
        /// The stage.
        stage: String,
        /// The failure.
        #[source]
        source: KafkaError,
    },
}

/// The consumer groups of a pipeline's stages.
pub struct Groups {
    kafka: KafkaArgs,
    topics: Topics,
    known: Vec<Group>,
    looked: Option<Instant>,
}

struct Group {
    stage: String,
    client: BaseConsumer<Context>,
}

impl Groups {
    /// Asks nothing yet.
    pub fn new(kafka: KafkaArgs, topics: Topics) -> Self {
        Self { kafka, topics, known: Vec::new(), looked: None }
    }

    /// How far all stages have read.
    ///
    /// # Errors
    /// When a broker does not answer, or does not let this user see.
    pub fn ask(&mut self) -> Result<Found, GroupsError> {
        if self.looked.is_none_or(|looked| looked.elapsed() > STAGES_EVERY) {
            self.look_up()?;
        }
        let mut found = Found::default();
        for group in &self.known {
            let failed = |source| GroupsError::Ask { stage: group.stage.clone(), source };
            let reach = group.reach(&self.topics.orders).map_err(failed)?;
            if counts_revenue(&group.stage) {
                let invalid = group.ends(&self.topics.dead_letters).map_err(failed)?;
                found.counted = counted(&reach, &invalid);
            }
            found.stages.push(StageReach { stage: group.stage.clone(), partitions: reach });
        }
        Ok(found)
    }

    fn look_up(&mut self) -> Result<(), GroupsError> {
        let directory = settings::read(&self.kafka, &self.topics).map_err(GroupsError::Stages)?;
        let stages: BTreeSet<_> = directory.claims.into_values().map(|claim| claim.stage).collect();
        self.known.retain(|group| stages.contains(&group.stage));
        for stage in stages {
            if self.known.iter().all(|group| group.stage != stage) {
                let client = self.client(&stage);
                let failed = |source| GroupsError::Ask { stage: stage.clone(), source };
                self.known.push(Group { client: client.map_err(failed)?, stage });
            }
        }
        self.looked = Some(Instant::now());
        Ok(())
    }

    fn client(&self, stage: &str) -> KafkaResult<BaseConsumer<Context>> {
        self.kafka
            .consumer(&format!("{}.dashboard", self.topics.pipeline))
            .set("group.id", self.topics.group(stage))
            .set("allow.auto.create.topics", "false")
            .create_with_context(Context::default())
    }
}

impl Group {
    fn reach(&self, topic: &str) -> KafkaResult<Vec<PartitionReach>> {
        let ends = self.ends(topic)?;
        let mut asked = TopicPartitionList::new();
        for (partition, _) in &ends {
            asked.add_partition(topic, *partition);
        }
        let committed = self.client.committed_offsets(asked, ASK_TIMEOUT)?;
        let position = |partition| match committed.find_partition(topic, partition)?.offset() {
            Offset::Offset(position) => Some(position),
            _ => None,
        };
        let reach = |(partition, end)| PartitionReach { partition, position: position(partition), end };
        Ok(ends.into_iter().map(reach).collect())
    }

    /// Where the partitions end; none when there is no such topic.
    fn ends(&self, topic: &str) -> KafkaResult<Vec<(i32, i64)>> {
        let count = partition_count(self.client.client(), topic, ASK_TIMEOUT).unwrap_or_default();
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut asked = TopicPartitionList::new();
        for partition in 0..count {
            asked.add_partition_offset(topic, partition, Offset::End)?;
        }
        let ends = self.client.offsets_for_times(asked, ASK_TIMEOUT)?;
        let end = |partition: i32| match ends.find_partition(topic, partition)?.offset() {
            Offset::Offset(end) => Some((partition, end)),
            _ => None,
        };
        Ok((0..count).filter_map(end).collect())
    }
}

/// Offsets read without those of invalid orders: each of these is a dead letter. Transactions leave further marks
/// in the topic of dead letters, so this may shrink; it grows only with valid orders.
fn counted(reach: &[PartitionReach], invalid: &[(i32, i64)]) -> Option<i64> {
    let read: Option<i64> = reach.iter().map(|partition| partition.position).sum();
    read.map(|read| read - invalid.iter().map(|(_, end)| end).sum::<i64>())
}
