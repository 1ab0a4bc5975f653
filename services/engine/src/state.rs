//! Looking at a stage's state, and the two changes to it that only a person may decide on. Everything here
//! blocks while it talks to Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::settings::claim_key;
use contract::state::{PROGRESS_KEY, Progress, SETTINGS_KEY};
use contract::topics::stage_name;
use contract::{ProcessorKind, Settings, Topics};
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use runtime::config::KafkaArgs;
use runtime::settings::{PublishError, transact};

use crate::error::{Interrupt, StageError};
use crate::format;
use crate::loss::move_into;
use crate::producer::{Producer, STEP, transactional};
use crate::reader::Stretch;
use crate::settle::StateTopic;

mod show;

pub use show::PartitionState;

/// What stands for the instance in the transactional id of these commands, and so in the records that they write.
pub(crate) const ADMIN: &str = "admin";

/// Whether a person's command wrote this, and no stage has claimed the partition since.
pub(crate) fn is_set_by_hand(progress: &Progress) -> bool {
    progress.owner.rsplit('.').next() == Some(ADMIN)
}

/// Whether the stage was reset and has read nothing since: what retention takes meanwhile is no loss.
pub(crate) fn is_reset(progress: &Progress) -> bool {
    is_set_by_hand(progress) && progress.last.is_none() && progress.orders == 0 && progress.lost == 0
}

/// A stage as seen from outside.
pub struct StageAdmin {
    kafka: KafkaArgs,
    topics: Topics,
    processors: Vec<Arc<dyn ProcessorKind>>,
    stage: String,
    state: StateTopic,
}

/// Why state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The stage cannot be looked at.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A call to Kafka failed.
    #[error("{doing} failed (--brokers / KAFKA_BROKERS)")]
    Kafka {
        /// What was tried.
        doing: &'static str,
        /// The failure.
        #[source]
        source: KafkaError,
    },
    /// A topic is missing: the stage has never run under this pipeline name.
    #[error("topic {0} does not exist: check --pipeline, --orders-topic and the stage's name")]
    NoTopic(String),
    /// State may only be changed while nothing runs.
    #[error("stage {stage} still runs ({members}): stop it first; a replica that crashed is gone after 6 s")]
    Running {
        /// The stage.
        stage: String,
        /// The instances in its group.
        members: String,
    },
    /// A replica started while state was changed, and may have written what it restored before.
    #[error("stage {stage} was started meanwhile ({members}): stop it, then run this command again")]
    Started {
        /// The stage.
        stage: String,
        /// The instances in its group.
        members: String,
    },
    /// The claims could not be released.
    #[error(transparent)]
    Claims(#[from] PublishError),
}

impl From<Interrupt> for AdminError {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Doubt { doing, source } => Self::Kafka { doing, source },
            Interrupt::TooLarge { source, .. } => Self::Kafka { doing: "writing state records", source },
            Interrupt::Fatal(error) => Self::Stage(error),
            // Nothing here is interrupted by a group or a shutdown.
            Interrupt::Rebalance | Interrupt::Shutdown => {
                Self::Kafka { doing: "waiting", source: KafkaError::Canceled }
            }
        }
    }
}

/// What state is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Show,
    Change,
}

/// Records of one state partition, newest value per key.
#[derive(Default)]
struct Content {
    progress: Option<Result<Progress, String>>,
    generation: Option<u64>,
    keys: BTreeSet<String>,
}

impl StageAdmin {
    /// The stage that runs `processors`.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(
        kafka: KafkaArgs,
        topics: Topics,
        mut processors: Vec<Arc<dyn ProcessorKind>>,
    ) -> Result<Self, AdminError> {
        processors.sort_by_key(|kind| kind.name());
        let stage = stage_name(&processors.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        let id = topics.transactional_id(&stage, ADMIN);
        let (topic, group) = (topics.state(&stage), topics.group(&stage));
        let reader = StateTopic::new(&kafka.client(&id), topic, &group, &id)?;
        Ok(Self { kafka, topics, processors, stage, state: reader })
    }

    /// Lets a stage that stopped with `DataLoss` go on: every position moves to the nearest offset that the orders
    /// topic holds, totals stay as they are, nothing is counted twice, and the offsets given up are recorded. Where
    /// the topic was deleted and made anew, what it held before the old position is not read: `reset` reads it all.
    /// Where records of the state topic were lost, the stage goes on where its group stood.
    /// Returns, per changed partition, how many.
    ///
    /// # Errors
    /// When the stage still runs, or when Kafka fails; then nothing was changed. Also when a replica started
    /// meanwhile.
    pub fn accept_loss(&self) -> Result<BTreeMap<i32, u64>, AdminError> {
        self.check_stopped()?;
        let mut given_up = BTreeMap::new();
        let mut records = Vec::new();
        let committed = self.group_offsets()?;
        let mut contents = self.read(Purpose::Change)?;
        for partition in 0..self.partitions(&self.topics.orders)? {
            let (known, group) = (contents.remove(&partition), committed.get(&partition));
            let ends = self.state.committed.watermarks(&self.topics.orders, partition)?;
            let progress = match known.and_then(|content| content.progress?.ok()) {
                Some(progress) => progress,
                None if group.is_some() => format::first_progress(&self.processors, ends.0),
                None => continue,
            };
            let moved = move_into(progress.clone(), group.copied().unwrap_or(0), ends);
            given_up.insert(partition, moved.lost - progress.lost);
            records.push((partition, PROGRESS_KEY.to_owned(), Some(self.sign(moved))));
        }
        self.write(&records)?;
        self.check_still_stopped()?;
        Ok(given_up)
    }

    /// Makes the stage forget everything and read the orders topic from its beginning again at its next start;
    /// its processors are free to be claimed by any stage. Returns the number of state records removed.
    ///
    /// # Errors
    /// When the stage still runs or was started meanwhile, or when Kafka fails.
    pub fn reset(&self) -> Result<usize, AdminError> {
        self.check_stopped()?;
        let mut removed = 0;
        for (partition, content) in self.read(Purpose::Change)? {
            let (low, _) = self.state.committed.watermarks(&self.topics.orders, partition)?;
            let mut progress = format::first_progress(&self.processors, low);
            progress.records = u32::try_from(content.keys.len()).unwrap_or(u32::MAX);
            let mut records = vec![(partition, PROGRESS_KEY.to_owned(), Some(self.sign(progress)))];
            removed += content.keys.len();
            records.extend(content.keys.into_iter().map(|key| (partition, key, None)));
            self.write(&records)?;
        }
        self.check_still_stopped()?;
        self.release_claims()?;
        Ok(removed)
    }

    fn release_claims(&self) -> Result<(), AdminError> {
        transact(&self.kafka, &self.topics, |now| {
            let ours = now.claims.iter().filter(|(_, claim)| claim.stage == self.stage);
            Ok::<_, PublishError>(ours.map(|(processor, _)| (claim_key(*processor), None)).collect())
        })?;
        Ok(())
    }

    fn transactional_id(&self) -> String {
        self.topics.transactional_id(&self.stage, ADMIN)
    }

    fn sign(&self, mut progress: Progress) -> Vec<u8> {
        progress.owner = self.transactional_id();
        serde_json::to_vec(&progress).unwrap_or_default()
    }

    fn partitions(&self, topic: &str) -> Result<i32, AdminError> {
        self.state.committed.partitions(topic)?.ok_or_else(|| AdminError::NoTopic(topic.to_owned()))
    }

    /// The stretches to read. Before a change, transactions that a dead replica left open are ended first: one
    /// that still committed afterwards would undo what is written here.
    fn stretches(&self, purpose: Purpose) -> Result<Vec<Stretch>, AdminError> {
        let partitions = 0..self.partitions(&self.state.topic)?;
        if purpose == Purpose::Change {
            return Ok(self.state.settle(&partitions.collect::<Vec<_>>(), &mut || Ok(()))?);
        }
        let stretch = |partition| {
            let (start, end) = self.state.committed.watermarks(&self.state.topic, partition)?;
            Ok(Stretch { partition, start, end })
        };
        partitions.map(stretch).collect()
    }

    /// The offsets that the stage's group has committed.
    fn group_offsets(&self) -> Result<BTreeMap<i32, i64>, AdminError> {
        let group = self.topics.group(&self.stage);
        let mut config = self.kafka.client(&self.transactional_id());
        let consumer: BaseConsumer = config.set("group.id", group).create().map_err(StageError::Client)?;
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.partitions(&self.topics.orders)? {
            asked.add_partition(&self.topics.orders, partition);
        }
        let committed = consumer
            .committed_offsets(asked, STEP * 20)
            .map_err(|source| AdminError::Kafka { doing: "asking for the group's offsets", source })?;
        let known =
            |e: &TopicPartitionListElem<'_>| Some((e.partition(), e.offset().to_raw().filter(|o| *o >= 0)?));
        Ok(committed.elements().iter().filter_map(known).collect())
    }

    fn read(&self, purpose: Purpose) -> Result<BTreeMap<i32, Content>, AdminError> {
        let topic = self.state.topic.clone();
        let stretches = self.stretches(purpose)?;
        let mut contents: BTreeMap<i32, Content> = BTreeMap::new();
        let mut take = |record: crate::native::Record<'_>| {
            let content = contents.entry(record.partition).or_default();
            let key = String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned();
            match record.value {
                Some(value) if key == PROGRESS_KEY => content.progress = Some(format::read_progress(value)),
                Some(value) => {
                    if key == SETTINGS_KEY {
                        content.generation =
                            Settings::from_record(value).ok().map(|settings| settings.generation);
                    }
                    content.keys.insert(key);
                }
                None => drop(content.keys.remove(&key)),
            }
            Ok(())
        };
        self.state.committed.read(&topic, &stretches, &mut take, &mut || Ok(()))?;
        Ok(contents)
    }

    /// The client ids of the members of the stage's group.
    fn members(&self) -> Result<Vec<String>, AdminError> {
        let group = self.topics.group(&self.stage);
        let list = self
            .state
            .committed
            .consumer()
            .fetch_group_list(Some(&group), STEP * 20)
            .map_err(|source| AdminError::Kafka { doing: "asking for the group's members", source })?;
        let members = list.groups().iter().flat_map(rdkafka::groups::GroupInfo::members);
        Ok(members.map(|member| member.client_id().to_owned()).collect())
    }

    fn check_stopped(&self) -> Result<(), AdminError> {
        let members = self.members()?;
        if members.is_empty() {
            return Ok(());
        }
        Err(AdminError::Running { stage: self.stage.clone(), members: members.join(", ") })
    }

    /// Again after the last write: a replica that came since the first look may have restored the state as it was,
    /// and written its progress behind ours.
    fn check_still_stopped(&self) -> Result<(), AdminError> {
        match self.check_stopped() {
            Err(AdminError::Running { stage, members }) => Err(AdminError::Started { stage, members }),
            other => other,
        }
    }

    /// Writes records in one transaction: partition, key, value or tombstone.
    fn write(&self, records: &[(i32, String, Option<Vec<u8>>)]) -> Result<(), AdminError> {
        let topic = self.topics.state(&self.stage);
        let id = self.transactional_id();
        let producer = Producer::start(&transactional(self.kafka.client(&id), &id), &topic, || Ok(()))?;
        producer.begin()?;
        for (partition, key, value) in records {
            let record = BaseRecord::<[u8], [u8]>::to(&topic).partition(*partition).key(key.as_bytes());
            producer.send(match value {
                Some(value) => record.payload(value),
                None => record,
            })?;
        }
        producer.flush()?;
        producer.commit()?;
        Ok(())
    }
}
