//! Deleting what a pipeline had in Kafka.

use std::collections::BTreeMap;

use contract::Topics;
use runtime::KafkaArgs;
use runtime::topics::{Cluster, TopicsError};

use super::decide::Policy;
use crate::api::{TopicManagement, TopicsSpec};
use crate::chain::chain;
use crate::faults;
use crate::metrics::Metrics;

/// What is to go.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Removal {
    topics: Topics,
    /// Whether the state and settings topics and the groups go.
    state: bool,
    /// The public topics that go.
    public: Vec<String>,
    /// Those that stay because another pipeline uses them, and which.
    shared: BTreeMap<String, String>,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    /// What is gone.
    pub gone: Vec<String>,
    /// Why the rest is not.
    pub failed: Vec<String>,
}

impl Removal {
    /// Of the public topics only those go that the operator manages and that none of the other pipelines uses (`shared`).
    pub(super) fn of(
        specs: &TopicsSpec,
        topics: &Topics,
        policy: Policy,
        shared: &BTreeMap<String, String>,
    ) -> Self {
        let TopicsSpec { orders, metrics, alerts, dead_letters } = specs;
        let managed = [orders, metrics, alerts, dead_letters]
            .into_iter()
            .filter(|topic| policy.topics && topic.management == TopicManagement::Managed)
            .map(|topic| topic.name.clone());
        let (stay, go): (Vec<_>, Vec<_>) = managed.partition(|topic| shared.contains_key(topic));
        let user = |topic: &String| Some((topic.clone(), shared.get(topic)?.clone()));
        let shared = stay.iter().filter_map(user).collect();
        Self { topics: topics.clone(), state: policy.state, public: go, shared }
    }

    /// What is not to go although it is the pipeline's, and why.
    pub(super) fn stays(&self) -> Vec<String> {
        let shared = self.shared.iter();
        shared.map(|(topic, user)| format!("the topic {topic} stays: the pipeline {user} uses it")).collect()
    }

    /// All of it, as people call it.
    pub(super) fn names(&self) -> Vec<String> {
        let pipeline = &self.topics.pipeline;
        let internal = [
            format!("the topics {pipeline}.settings and {pipeline}.*.state"),
            format!("the consumer groups {pipeline}.*"),
        ];
        let internal = internal.into_iter().filter(|_| self.state);
        self.public.iter().map(|topic| format!("the topic {topic}")).chain(internal).collect()
    }
}

/// Deletes it all; what fails does not keep the rest. Blocks.
pub(super) fn remove(kafka: &KafkaArgs, removal: &Removal, metrics: &Metrics) -> Removed {
    let mut removed = Removed::default();
    match Cluster::open(kafka).and_then(|cluster| Ok((found(&cluster, removal)?, cluster))) {
        Ok((Found { groups, topics }, cluster)) => {
            for group in groups {
                let done = written(metrics, "group", || cluster.delete_group(&group));
                removed.note(format!("the consumer group {group}"), done);
            }
            for topic in topics {
                let done = written(metrics, "topic", || cluster.delete_topic(&topic));
                removed.note(format!("the topic {topic}"), done);
            }
        }
        Err(error) => removed.failed.push(chain(&error)),
    }
    removed
}

/// What of it there is.
struct Found {
    groups: Vec<String>,
    topics: Vec<String>,
}

fn found(cluster: &Cluster, removal: &Removal) -> Result<Found, TopicsError> {
    let mut topics: Vec<_> =
        cluster.look(removal.public.iter().map(String::as_str))?.topics.into_keys().collect();
    let mut groups = Vec::new();
    if removal.state {
        topics.extend(cluster.internal(&removal.topics)?);
        groups = cluster.groups(&removal.topics)?;
    }
    Ok(Found { groups, topics })
}

fn written<T>(metrics: &Metrics, what: &str, write: impl FnOnce() -> T) -> T {
    faults::pass(what);
    metrics.record_write(what);
    let done = write();
    faults::pass(what);
    done
}

impl Removed {
    fn note(&mut self, what: String, done: Result<(), TopicsError>) {
        match done {
            Ok(()) => self.gone.push(what),
            Err(error) => self.failed.push(chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPICS: Policy = Policy { topics: true, state: false };

    #[test]
    fn somebody_elses_topics_stay() {
        let mut specs = TopicsSpec::default();
        specs.orders.management = TopicManagement::External;
        let removal = Removal::of(&specs, &Topics::named("ns.shop"), TOPICS, &BTreeMap::new());
        assert_eq!(removal.public, ["metrics", "alerts", "orders.dead-letter"]);
        assert_eq!(removal.stays(), [""; 0]);
    }

    #[test]
    fn what_another_pipeline_uses_stays_and_is_told() {
        let used = [("orders", "ns/other"), ("foreign", "ns/other")];
        let used = used.map(|(topic, by)| (topic.to_owned(), by.to_owned())).into();
        let removal = Removal::of(&TopicsSpec::default(), &Topics::named("ns.shop"), TOPICS, &used);
        assert_eq!(removal.public, ["metrics", "alerts", "orders.dead-letter"]);
        assert_eq!(removal.stays(), ["the topic orders stays: the pipeline ns/other uses it"]);
    }

    #[test]
    fn what_is_left_is_told_by_name() {
        let state = Policy { topics: false, state: true };
        let removal = Removal::of(&TopicsSpec::default(), &Topics::named("ns.shop"), state, &BTreeMap::new());
        let expected = ["the topics ns.shop.settings and ns.shop.*.state", "the consumer groups ns.shop.*"];
        assert_eq!(removal.names(), expected);
    }
}
