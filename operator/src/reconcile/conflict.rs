//! Two pipelines that would write to one topic: the older one does, the other says so. And what others use is not theirs
//! to delete. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube::ResourceExt;

use super::facts::Problem;
use crate::api::AnalyticsPipeline;

/// What a pipeline writes to and reads, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    name: String,
    /// Older than the other if less; the uid decides between pipelines of one moment.
    age: (Option<Timestamp>, String),
    brokers: BTreeSet<String>,
    outputs: BTreeSet<String>,
    orders: String,
}

impl From<&AnalyticsPipeline> for Claim {
    fn from(resource: &AnalyticsPipeline) -> Self {
        let topics = &resource.spec.topics;
        let outputs = [&topics.metrics, &topics.alerts, &topics.dead_letters];
        let brokers = resource.spec.kafka.bootstrap_servers.split(',');
        let created = resource.metadata.creation_timestamp.as_ref().map(|time| time.0);
        Self {
            name: format!("{}/{}", resource.namespace().unwrap_or_default(), resource.name_any()),
            age: (created, resource.uid().unwrap_or_default()),
            brokers: brokers.map(|broker| broker.trim().to_ascii_lowercase()).collect(),
            outputs: outputs.map(|topic| topic.name.clone()).into(),
            orders: topics.orders.name.clone(),
        }
    }
}

impl Claim {
    fn shares_kafka(&self, other: &Self) -> bool {
        !self.brokers.is_disjoint(&other.brokers)
    }

    fn uses(&self, topic: &str) -> bool {
        self.orders == topic || self.outputs.contains(topic)
    }
}

/// Topics of `own` that others use, each with one of those.
pub(crate) fn shared(own: &Claim, others: impl IntoIterator<Item = Claim>) -> BTreeMap<String, String> {
    let topics = || own.outputs.iter().chain([&own.orders]);
    let used = |other: Claim| {
        let topics = topics().filter(|topic| other.uses(topic));
        topics.map(|topic| (topic.clone(), other.name.clone())).collect::<Vec<_>>()
    };
    others.into_iter().filter(|other| own.shares_kafka(other)).flat_map(used).collect()
}

/// Why `own` has to stand back, if it has to.
pub(crate) fn conflict(own: &Claim, others: impl IntoIterator<Item = Claim>) -> Option<Problem> {
    let stronger = |other: &Claim| other.age < own.age && other.shares_kafka(own);
    let mut rivals: Vec<_> = others.into_iter().filter(stronger).collect();
    rivals.sort_by(|a, b| a.age.cmp(&b.age));
    rivals.iter().find_map(|rival| {
        let shared: Vec<_> = own.outputs.intersection(&rival.outputs).map(String::as_str).collect();
        (!shared.is_empty()).then(|| Problem {
            reason: "ResourceConflict",
            message: format!(
                "the older pipeline {} on the same Kafka writes to {} already; give this pipeline topics of its own \
                 (spec.topics.*.name, in a new resource), or delete one of the two",
                rival.name,
                shared.join(", ")
            ),
            stuck: true,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, second: i64, brokers: &str, outputs: &[&str]) -> Claim {
        Claim {
            name: name.to_owned(),
            age: (Timestamp::from_second(second).ok(), name.to_owned()),
            brokers: brokers.split(',').map(ToOwned::to_owned).collect(),
            outputs: outputs.iter().map(|topic| (*topic).to_owned()).collect(),
            orders: "orders".to_owned(),
        }
    }

    #[test]
    fn the_older_pipeline_wins() {
        let old = claim("a/old", 1, "k:1,k:2", &["metrics", "alerts"]);
        let new = claim("b/new", 2, "k:2", &["alerts", "other"]);
        let problem = conflict(&new, [old.clone()]).unwrap();
        assert_eq!((problem.reason, problem.stuck), ("ResourceConflict", true));
        assert!(
            problem.message.contains("a/old") && problem.message.contains("to alerts already"),
            "{problem:?}"
        );
        assert_eq!(conflict(&old, [new]), None);
    }

    #[test]
    fn of_two_pipelines_of_one_moment_exactly_one_wins() {
        let (one, two) = (claim("a/x", 1, "k:1", &["m"]), claim("b/x", 1, "k:1", &["m"]));
        let lose = [conflict(&one, [two.clone()]), conflict(&two, [one])].map(|problem| problem.is_some());
        assert_eq!(lose, [false, true]);
    }

    #[test]
    fn another_cluster_and_other_topics_do_not_matter() {
        let new = claim("b/new", 2, "k:2", &["m"]);
        assert_eq!(conflict(&new, [claim("a", 1, "k:1", &["m"]), claim("b", 1, "k:2", &["n"])]), None);
    }

    #[test]
    fn what_others_use_on_the_same_kafka_is_known() {
        let own = claim("a/own", 1, "k:1", &["m", "d"]);
        let reader = Claim { orders: "m".to_owned(), ..claim("b/reader", 2, "k:1,k:2", &["x"]) };
        let elsewhere = claim("c/elsewhere", 2, "k:9", &["d"]);
        let same = claim("d/same", 2, "k:1", &["y"]);
        let found = shared(&own, [reader, elsewhere, same]);
        let expected = [("m", "b/reader"), ("orders", "d/same")];
        assert_eq!(found, expected.map(|(topic, by)| (topic.to_owned(), by.to_owned())).into());
    }
}
