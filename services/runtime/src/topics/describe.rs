//! What the cluster has.

use std::collections::BTreeMap;

use contract::Topics;
use serde::Serialize;

use super::TopicsError;
use super::admin::Admin;
use super::apply::is_state_topic;
use crate::config::KafkaArgs;
use crate::kafka::Probe;

/// Settings that decide whether a pipeline works.
const TELLING: [&str; 5] =
    ["cleanup.policy", "retention.ms", "min.insync.replicas", "max.message.bytes", "message.timestamp.type"];

/// One topic of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopicState {
    /// Its name.
    pub topic: String,
    /// How many partitions it has; `None` when it does not exist.
    pub partitions: Option<i32>,
    /// The settings in force that decide whether a pipeline works.
    pub config: BTreeMap<String, String>,
}

/// The public topics, the settings topic and the state topics that exist.
///
/// # Errors
/// When the cluster cannot be asked.
pub fn describe(kafka: &KafkaArgs, topics: &Topics) -> Result<Vec<TopicState>, TopicsError> {
    let probe = Probe::new(kafka, "millrace-topics", false).map_err(TopicsError::Client)?;
    let admin = Admin::new(kafka)?;
    let present: BTreeMap<_, _> = probe.topics()?.into_iter().collect();
    let states = present.keys().filter(|name| is_state_topic(topics, name)).cloned();
    let Topics { pipeline: _, orders, metrics, alerts, dead_letters } = topics.clone();
    [orders, metrics, alerts, dead_letters, topics.settings()]
        .into_iter()
        .chain(states)
        .map(|topic| {
            let partitions = present.get(&topic).copied();
            let config = if partitions.is_some() { telling(&admin, &topic)? } else { BTreeMap::new() };
            Ok(TopicState { topic, partitions, config })
        })
        .collect()
}

fn telling(admin: &Admin, topic: &str) -> Result<BTreeMap<String, String>, TopicsError> {
    let entries = admin.config(topic)?.into_iter();
    let told = entries.filter(|entry| TELLING.contains(&entry.name.as_str()));
    Ok(told.filter_map(|entry| Some((entry.name, entry.value?))).collect())
}
