//! Topics: their names, and how many partitions they have.

use contract::Topics;
use contract::topics::TopicsError;

use crate::api::{TopicSpec, TopicsSpec};
use crate::pipeline::names::Identity;
use crate::pipeline::violation::Violations;

/// The longest name that the services take: internal topics are named after a pipeline, with room for more.
const LONGEST_NAME: usize = 200;
/// The most partitions of a topic.
const MOST_PARTITIONS: i32 = 1_000;
/// The most copies of a topic's records.
const MOST_COPIES: i32 = 9;

pub(super) fn topics(spec: &TopicsSpec, identity: &Identity, found: &mut Violations) -> Topics {
    let TopicsSpec { orders, metrics, alerts, dead_letters } = spec;
    for (field, topic) in
        [("orders", orders), ("metrics", metrics), ("alerts", alerts), ("deadLetters", dead_letters)]
    {
        check(&format!("spec.topics.{field}"), topic, found);
    }
    let topics = Topics {
        pipeline: identity.pipeline(),
        orders: orders.name.clone(),
        metrics: metrics.name.clone(),
        alerts: alerts.name.clone(),
        dead_letters: dead_letters.name.clone(),
    };
    if let Err(error) = topics.validate() {
        found.add(path(&error), error);
    }
    topics
}

fn check(path: &str, topic: &TopicSpec, found: &mut Violations) {
    let TopicSpec { name, partitions, replication_factor, management: _, config: _ } = topic;
    if name.len() > LONGEST_NAME {
        let length = name.len();
        found.add(
            format!("{path}.name"),
            format!("has {length} characters; at most {LONGEST_NAME} are allowed"),
        );
    }
    if !(1..=MOST_PARTITIONS).contains(partitions) {
        let problem = format!("is {partitions}; it must be from 1 to {MOST_PARTITIONS}");
        found.add(format!("{path}.partitions"), problem);
    }
    if let Some(copies) = replication_factor.filter(|copies| !(1..=MOST_COPIES).contains(copies)) {
        let problem = format!("is {copies}; it must be from 1 to {MOST_COPIES}");
        found.add(format!("{path}.replicationFactor"), problem);
    }
}

/// The field that an invalid name, or the second of two that are the same, comes from.
fn path(error: &TopicsError) -> &'static str {
    let what = match error {
        TopicsError::Invalid { what, .. } => what,
        // the later of the two may be an internal one, named after the pipeline
        TopicsError::Same { first, second, .. } if second.ends_with("topic") => second,
        TopicsError::Same { first, .. } => first,
    };
    match what.as_str() {
        "orders topic" => "spec.topics.orders.name",
        "metrics topic" => "spec.topics.metrics.name",
        "alerts topic" => "spec.topics.alerts.name",
        "dead-letter topic" => "spec.topics.deadLetters.name",
        _ => "metadata.name",
    }
}
