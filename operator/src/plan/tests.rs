mod effects;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::fields::{self, FIELDS};
use super::{Change, plan, since};
use crate::api::{AnalyticsPipelineSpec, Effect, PipelineStatus, definition};
use crate::reference::{Node, nodes};

fn spec(more: &Value) -> AnalyticsPipelineSpec {
    let mut written = json!({
        "kafka": { "bootstrapServers": "kafka:9092" },
        "redis": { "url": "redis://redis:6379" },
    });
    for (name, value) in more.as_object().unwrap() {
        written[name] = value.clone();
    }
    serde_json::from_value(written).unwrap()
}

fn changes(old: &Value, new: &Value) -> Vec<(String, Effect)> {
    let entries = plan(&spec(old), &spec(new)).unwrap();
    entries.into_iter().map(|entry| (entry.path, entry.effect)).collect()
}

fn one(path: &str, effect: Effect) -> Vec<(String, Effect)> {
    vec![(path.to_owned(), effect)]
}

/// Everything in the spec that can differ between two resources: fields with a value of their own, and objects that may
/// be absent as a whole.
fn everything_that_can_change() -> Vec<String> {
    let definition = definition();
    let schema = definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref().unwrap();
    let spec = &schema.properties.as_ref().unwrap()["spec"];
    nodes(Node::root("spec", spec)).into_iter().filter(Node::can_change).map(|node| node.path).collect()
}

#[test]
fn every_field_is_declared_once() {
    let everything = everything_that_can_change();
    assert!(everything.len() > 80, "only {} fields", everything.len());
    for path in &everything {
        let declared: Vec<_> = FIELDS.iter().filter(|field| fields::is(field.path, path)).collect();
        assert_eq!(declared.len(), 1, "{path} has {} declarations", declared.len());
    }
    for field in FIELDS {
        let used = everything.iter().any(|path| fields::is(field.path, path));
        assert!(used, "{} is no field of the schema", field.path);
    }
}

/// Each field, changed alone, is found under its own name and with its own effect.
#[test]
fn every_field_is_found_when_it_changes() {
    for path in everything_that_can_change() {
        // Trees of values will do: it is paths that are compared.
        let value = |leaf: Value| {
            path.split('.')
                .skip(1)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .fold(leaf, |inner, name| json!({ name: inner }))
        };
        let entries = super::entries(&value(json!(1)), &value(json!(2)));
        let effect = match fields::field(&path).unwrap().change {
            Change::Always(effect, _) => effect,
            Change::OnlyUp { .. } => Effect::Topic,
        };
        let found: Vec<_> = entries.into_iter().map(|entry| (entry.path, entry.effect)).collect();
        assert_eq!(found, one(&path, effect));
    }
}

#[test]
fn effects_are_all_in_use() {
    let used: BTreeSet<_> = FIELDS
        .iter()
        .flat_map(|field| match field.change {
            Change::Always(effect, _) => vec![effect],
            Change::OnlyUp { .. } => vec![Effect::Topic, Effect::Refused],
        })
        .collect();
    assert_eq!(used, Effect::ALL.into_iter().collect());
}

#[test]
fn what_is_the_same_is_no_change() {
    let empty = json!({});
    assert_eq!(changes(&empty, &empty), []);
    // Defaults that are written, and durations in another unit.
    let written = json!({ "state": "Running", "views": { "interval": "100ms" }, "topics": { "orders": { "partitions": 3 } } });
    assert_eq!(changes(&empty, &written), []);
    let kafka =
        |interval: &str| json!({ "kafka": { "bootstrapServers": "kafka:9092", "commitInterval": interval } });
    assert_eq!(changes(&kafka("1s"), &kafka("1000ms")), []);
}

#[test]
fn partitions_grow_or_are_refused() {
    let partitions = |n: i32| json!({ "topics": { "orders": { "partitions": n } } });
    let path = "spec.topics.orders.partitions";
    assert_eq!(changes(&partitions(3), &partitions(12)), one(path, Effect::Topic));
    assert_eq!(changes(&partitions(12), &partitions(3)), one(path, Effect::Refused));
    let refused = plan(&spec(&partitions(12)), &spec(&partitions(3))).unwrap();
    assert_eq!(refused[0].why, "a topic's partitions cannot shrink");
}

#[test]
fn what_comes_or_goes_as_a_whole_is_one_change() {
    let kafka = |tls: Value| json!({ "kafka": { "bootstrapServers": "kafka:9092", "tls": tls } });
    let (plain, public) = (json!({}), kafka(json!({})));
    let private = kafka(json!({ "caSecret": { "name": "ca" } }));
    assert_eq!(changes(&plain, &public), one("spec.kafka.tls", Effect::Rolling));
    assert_eq!(changes(&private, &plain), one("spec.kafka.tls", Effect::Rolling));
    assert_eq!(changes(&public, &private), one("spec.kafka.tls.caSecret", Effect::Rolling));
    let other = kafka(json!({ "caSecret": { "name": "other-ca" } }));
    assert_eq!(changes(&private, &other), one("spec.kafka.tls.caSecret.name", Effect::Rolling));
}

#[test]
fn settings_of_a_topic_change_as_a_whole() {
    let config = |config: Value| json!({ "topics": { "alerts": { "config": config } } });
    let path = "spec.topics.alerts.config";
    let (day, week) = (config(json!({ "retention.ms": "1" })), config(json!({ "retention.ms": "7" })));
    assert_eq!(changes(&json!({}), &day), one(path, Effect::Topic));
    assert_eq!(changes(&day, &week), one(path, Effect::Topic));
}

#[test]
fn several_changes_are_listed_by_path() {
    let new = json!({
        "processors": { "fraud": { "thresholds": { "highValue": 1 }, "scaling": { "replicas": 2 } } },
        "image": { "tag": "2" },
    });
    let expected = [
        ("spec.image.tag", Effect::Rolling),
        ("spec.processors.fraud.scaling.replicas", Effect::Rescale),
        ("spec.processors.fraud.thresholds.highValue", Effect::Hot),
    ];
    assert_eq!(changes(&json!({}), &new), expected.map(|(path, effect)| (path.to_owned(), effect)));
}

#[test]
fn a_plan_stands_until_the_next_generation() {
    let (first, second) = (spec(&json!({})), spec(&json!({ "image": { "tag": "2" } })));
    let mut status = PipelineStatus::default();
    let mut step = |generation: i64, spec: &AnalyticsPipelineSpec| {
        let planned = since(&status, Some(generation), spec).unwrap();
        status.observed_generation = Some(generation);
        status.plan = planned.plan;
        status.applied_spec = Some(planned.applied_spec);
        status.plan.iter().map(|entry| entry.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(step(1, &first), Vec::<String>::new());
    assert_eq!(step(2, &second), ["spec.image.tag"]);
    assert_eq!(step(2, &second), ["spec.image.tag"]);
    assert_eq!(step(3, &second), Vec::<String>::new());
}

#[test]
fn an_older_spec_that_cannot_be_read_gives_no_plan() {
    let status = PipelineStatus { applied_spec: Some(json!({ "kafka": 1 })), ..PipelineStatus::default() };
    assert_eq!(since(&status, Some(1), &spec(&json!({}))).unwrap().plan, []);
}
