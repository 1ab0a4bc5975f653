//! The admin API, one topic and one blocking call at a time.

use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigEntry, ConfigSource, NewPartitions, NewTopic,
    ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::TopicsError;
use crate::config::KafkaArgs;

const TIMEOUT: Duration = Duration::from_secs(15);
/// Lets the broker choose.
const BROKER_DEFAULT: i32 = -1;

pub(super) struct Admin {
    client: AdminClient<DefaultClientContext>,
}

impl Admin {
    pub(super) fn new(kafka: &KafkaArgs) -> Result<Self, TopicsError> {
        let client = kafka.client("millrace-topics").create().map_err(TopicsError::Client)?;
        Ok(Self { client })
    }

    /// Creates a topic; that somebody else created it meanwhile is fine.
    pub(super) fn create(
        &self,
        topic: &str,
        partitions: i32,
        replication: Option<i32>,
        config: &[(&str, &str)],
    ) -> Result<(), TopicsError> {
        let copies = TopicReplication::Fixed(replication.unwrap_or(BROKER_DEFAULT));
        let new = NewTopic::new(topic, partitions, copies);
        let new = config.iter().fold(new, |new, (name, value)| new.set(name, value));
        match one(block_on(self.client.create_topics([&new], &options()))) {
            Err((RDKafkaErrorCode::TopicAlreadyExists, _)) => Ok(()),
            other => settle("create", topic, other),
        }
    }

    /// Gives a topic more partitions.
    pub(super) fn grow(&self, topic: &str, partitions: i32) -> Result<(), TopicsError> {
        let count = usize::try_from(partitions).unwrap_or_default();
        let more = NewPartitions::new(topic, count);
        settle("grow", topic, one(block_on(self.client.create_partitions([&more], &options()))))
    }

    /// The settings that were made for this very topic, not inherited from the broker.
    pub(super) fn own_config(&self, topic: &str) -> Result<Vec<(String, String)>, TopicsError> {
        let own = |entry: ConfigEntry| {
            let value = entry.value.filter(|_| entry.source == ConfigSource::DynamicTopic)?;
            Some((entry.name, value))
        };
        Ok(self.config(topic)?.into_iter().filter_map(own).collect())
    }

    /// All settings in force for this topic.
    pub(super) fn config(&self, topic: &str) -> Result<Vec<ConfigEntry>, TopicsError> {
        let asked = block_on(self.client.describe_configs([&ResourceSpecifier::Topic(topic)], &options()));
        let answer = asked.map(|resources| {
            let first = resources.into_iter().next();
            first.unwrap_or(Err(RDKafkaErrorCode::UnknownTopicOrPartition))
        });
        match answer {
            Ok(Ok(resource)) => Ok(resource.entries),
            Ok(Err(code)) => Err(refused("describe", topic, code)),
            Err(error) => Err(failed("describe", topic, &error)),
        }
    }

    /// Sets `config` and leaves the topic's other own settings as they are. The request replaces all of
    /// them, so that they are read first; a change by somebody else in between would be lost.
    pub(super) fn configure(&self, topic: &str, config: &[(&str, &str)]) -> Result<(), TopicsError> {
        let mut merged = self.own_config(topic)?;
        merged.retain(|(name, _)| !config.iter().any(|(wanted, _)| wanted == name));
        let kept = merged.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let alter = kept
            .chain(config.iter().copied())
            .fold(AlterConfig::new(ResourceSpecifier::Topic(topic)), |alter, (name, value)| {
                alter.set(name, value)
            });
        match block_on(self.client.alter_configs([&alter], &options())) {
            Ok(results) => match results.into_iter().find_map(Result::err) {
                None => Ok(()),
                Some((_, code)) => Err(refused("configure", topic, code)),
            },
            Err(error) => Err(failed("configure", topic, &error)),
        }
    }

    /// Deletes a topic; that there is none is fine.
    pub(super) fn delete(&self, topic: &str) -> Result<(), TopicsError> {
        match one(block_on(self.client.delete_topics(&[topic], &options()))) {
            Err((RDKafkaErrorCode::UnknownTopicOrPartition, _)) => Ok(()),
            other => settle("delete", topic, other),
        }
    }

    /// Deletes a consumer group, which must have no members; that there is none is fine.
    pub(super) fn delete_group(&self, group: &str) -> Result<(), TopicsError> {
        match one(block_on(self.client.delete_groups(&[group], &options()))) {
            Err((RDKafkaErrorCode::GroupIdNotFound, _)) => Ok(()),
            other => settle("delete the group named as", group, other),
        }
    }
}

type Answer = Result<(), (RDKafkaErrorCode, String)>;

fn one(results: KafkaResult<Vec<rdkafka::admin::TopicResult>>) -> Answer {
    match results {
        Ok(results) => match results.into_iter().next() {
            Some(Err((topic, code))) => Err((code, topic)),
            Some(Ok(_)) | None => Ok(()),
        },
        Err(error) => Err((error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail), String::new())),
    }
}

fn settle(action: &'static str, topic: &str, answer: Answer) -> Result<(), TopicsError> {
    answer.map_err(|(code, _)| refused(action, topic, code))
}

fn failed(action: &'static str, topic: &str, error: &KafkaError) -> TopicsError {
    match error.rdkafka_error_code() {
        Some(code) => refused(action, topic, code),
        None => {
            TopicsError::Refused { action, topic: topic.to_owned(), problem: error.to_string(), right: None }
        }
    }
}

/// The cluster's answer; a right that is missing is named as Kafka's tools name it.
pub(super) fn refused(action: &'static str, topic: &str, code: RDKafkaErrorCode) -> TopicsError {
    let kind = match code {
        RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed => "topic",
        RDKafkaErrorCode::GroupAuthorizationFailed => "group",
        other => {
            let problem = other.to_string();
            return TopicsError::Refused { action, topic: topic.to_owned(), problem, right: None };
        }
    };
    let operation = match action {
        "create" => "Create",
        "grow" => "Alter",
        "configure" => "AlterConfigs",
        "describe" => "DescribeConfigs",
        "see" => "Describe",
        _ => "Delete",
    };
    let right = format!("{operation} on {kind} {topic}");
    let problem = format!("this user is not allowed to; grant it {right}");
    TopicsError::Refused { action, topic: topic.to_owned(), problem, right: Some(right) }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}
