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
/// How often the configuration of a topic is asked for until it is there.
const TRIES: usize = 4;
const PAUSE: Duration = Duration::from_millis(200);
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
    ///
    /// The client swallows what a broker answers about a single topic. But every topic has settings: none at all is a
    /// refusal, or a broker that does not know a new topic yet, which passes.
    pub(super) fn config(&self, topic: &str) -> Result<Vec<ConfigEntry>, TopicsError> {
        for _ in 0..TRIES {
            let found = self.config_once(topic)?;
            if !found.is_empty() {
                return Ok(found);
            }
            std::thread::sleep(PAUSE);
        }
        Err(refused("describe", topic, RDKafkaErrorCode::TopicAuthorizationFailed))
    }

    fn config_once(&self, topic: &str) -> Result<Vec<ConfigEntry>, TopicsError> {
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
    ///
    /// The client swallows a refusal of a single topic: whether the broker took them is seen by reading them again.
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
                None => self.check_taken(topic, config),
                Some((_, code)) => Err(refused("configure", topic, code)),
            },
            Err(error) => Err(failed("configure", topic, &error)),
        }
    }

    fn check_taken(&self, topic: &str, config: &[(&str, &str)]) -> Result<(), TopicsError> {
        let holds = |own: &[(String, String)], (name, value): &(&str, &str)| {
            own.iter().any(|(found, set)| found == name && set == value)
        };
        let mut left = config.to_vec();
        for _ in 0..TRIES {
            let own = self.own_config(topic)?;
            left.retain(|entry| !holds(&own, entry));
            if left.is_empty() {
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(not_taken(topic, &left))
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

/// A change that the broker answered and did not make.
fn not_taken(topic: &str, config: &[(&str, &str)]) -> TopicsError {
    let list: Vec<_> = config.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let problem = format!(
        "the cluster did not take {}: either it knows no such setting or value, or this user is not allowed to; grant \
         it AlterConfigs on topic {topic}",
        list.join(", ")
    );
    TopicsError::Refused { action: "configure", topic: topic.to_owned(), problem, right: None }
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
