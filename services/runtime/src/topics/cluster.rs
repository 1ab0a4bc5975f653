//! For whoever keeps topics in shape over time: look first, then make one change at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use contract::Topics;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::MetadataTopic;

use super::TopicsError;
use super::admin::{Admin, refused};
use super::apply::{Change, carry_out, is_state_topic};
use crate::config::KafkaArgs;
use crate::kafka::Probe;

/// The first question also connects, which takes several round trips with TLS and SASL.
const LOOK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a cluster. Every method blocks: not for async code.
pub struct Cluster {
    probe: Probe,
    admin: Admin,
}

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How many brokers the cluster has: the most copies a partition can have.
    pub brokers: i32,
    /// The topics asked for that exist.
    pub topics: BTreeMap<String, Found>,
}

/// A topic that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many partitions it has.
    pub partitions: i32,
    /// Copies of the partition that has the fewest.
    pub replication: i32,
    /// The settings made for this very topic, not inherited from the broker.
    pub config: BTreeMap<String, String>,
}

impl Cluster {
    /// Makes the clients; connects to nothing yet.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub fn open(kafka: &KafkaArgs) -> Result<Self, TopicsError> {
        let probe = Probe::new(kafka, "millrace-topics", false).map_err(TopicsError::Client)?;
        Ok(Self { probe, admin: Admin::new(kafka)? })
    }

    /// Looks at `names`. A topic that this user may not see is an error, not a missing topic.
    ///
    /// # Errors
    /// When no broker answers within 5 s, or a right is missing.
    pub fn look<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Look, TopicsError> {
        let mut look = Look::default();
        for name in names {
            let metadata = self.probe.metadata(Some(name), LOOK_TIMEOUT)?;
            look.brokers = i32::try_from(metadata.brokers().len()).unwrap_or(i32::MAX);
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            if let Some(found) = topic.map(|topic| self.found(topic)).transpose()?.flatten() {
                look.topics.insert(name.to_owned(), found);
            }
        }
        Ok(look)
    }

    fn found(&self, topic: &MetadataTopic) -> Result<Option<Found>, TopicsError> {
        match topic.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Ok(None);
            }
            Some(code) => return Err(refused("see", topic.name(), code)),
        }
        let count = |len: usize| i32::try_from(len).unwrap_or(i32::MAX);
        let copies = topic.partitions().iter().map(|partition| count(partition.replicas().len()));
        Ok(Some(Found {
            partitions: count(topic.partitions().len()),
            replication: copies.min().unwrap_or(0),
            config: self.admin.own_config(topic.name())?.into_iter().collect(),
        }))
    }

    /// The internal topics of a pipeline that exist: its settings topic and the state topics of all stages.
    ///
    /// # Errors
    /// When no broker answers within 5 s.
    pub fn internal(&self, topics: &Topics) -> Result<Vec<String>, TopicsError> {
        let metadata = self.probe.metadata(None, LOOK_TIMEOUT)?;
        let settings = topics.settings();
        let present =
            metadata.topics().iter().filter(|topic| topic.error().is_none()).map(MetadataTopic::name);
        let ours = present.filter(|name| *name == settings || is_state_topic(topics, name));
        Ok(ours.map(ToOwned::to_owned).collect())
    }

    /// The consumer groups of a pipeline's stages that exist.
    ///
    /// # Errors
    /// When no broker answers within 5 s.
    pub fn groups(&self, topics: &Topics) -> Result<Vec<String>, TopicsError> {
        let all = self.probe.groups(LOOK_TIMEOUT)?;
        // a stage's group is named as its state topic, but for the end
        Ok(all.into_iter().filter(|group| is_state_topic(topics, &format!("{group}.state"))).collect())
    }

    /// Makes one change.
    ///
    /// # Errors
    /// When the cluster refuses it or does not answer within 15 s; then it may still have been made.
    pub fn carry_out(&self, change: &Change) -> Result<(), TopicsError> {
        carry_out(change, &self.admin)
    }

    /// Deletes a topic with all that is in it; that there is none is fine.
    ///
    /// # Errors
    /// As [`Cluster::carry_out`].
    pub fn delete_topic(&self, topic: &str) -> Result<(), TopicsError> {
        self.admin.delete(topic)
    }

    /// Deletes a consumer group with its offsets; that there is none is fine.
    ///
    /// # Errors
    /// As [`Cluster::carry_out`]; also while the group has members.
    pub fn delete_group(&self, group: &str) -> Result<(), TopicsError> {
        self.admin.delete_group(group)
    }
}
