//! That a change does what is declared: each field is changed alone, on a pipeline that uses everything, and what comes of
//! it is compared with the declaration.

use std::collections::BTreeMap;

use contract::Settings;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Value, json};

use super::super::fields;
use super::{everything_that_can_change, plan};
use crate::api::tests::{admit, schema};
use crate::api::{AnalyticsPipeline, DeletionSpec, Effect, TopicsSpec};
use crate::build::{Observed, build};
use crate::fixtures;
use crate::pipeline::Scaling;

/// What each field is changed to; null takes it away.
#[expect(clippy::too_many_lines, reason = "one line a field")]
fn changes() -> Vec<(&'static str, Value)> {
    let gone = Value::Null;
    vec![
        ("spec.state", json!("Paused")),
        ("spec.kafka.bootstrapServers", json!("other:9092")),
        ("spec.kafka.tls", gone.clone()),
        ("spec.kafka.tls.caSecret", gone.clone()),
        ("spec.kafka.tls.caSecret.name", json!("other")),
        ("spec.kafka.tls.caSecret.key", json!("other.crt")),
        ("spec.kafka.tls.clientCertSecret", gone.clone()),
        ("spec.kafka.tls.clientCertSecret.name", json!("other")),
        ("spec.kafka.sasl", gone.clone()),
        ("spec.kafka.sasl.mechanism", json!("PLAIN")),
        ("spec.kafka.sasl.secret.name", json!("other")),
        ("spec.kafka.commitInterval", json!("60ms")),
        ("spec.kafka.transactionTimeout", json!("20s")),
        ("spec.redis.url", json!("redis://other:6379")),
        ("spec.redis.secret", gone.clone()),
        ("spec.redis.secret.name", json!("other")),
        ("spec.redis.keyPrefix", json!("other:")),
        ("spec.topics.*.name", json!("other")),
        ("spec.topics.*.partitions", json!(24)),
        ("spec.topics.*.replicationFactor", json!(2)),
        ("spec.topics.*.management", json!("External")),
        ("spec.topics.*.config", json!({ "retention.ms": "2" })),
        ("spec.processors.*.enabled", json!(false)),
        ("spec.processors.*.scaling.mode", json!("External")),
        ("spec.processors.*.scaling.replicas", json!(3)),
        ("spec.processors.*.scaling.min", json!(3)),
        ("spec.processors.*.scaling.max", json!(5)),
        ("spec.processors.*.scaling.maxLag", json!("1m")),
        ("spec.processors.*.resources.requests.cpu", json!("50m")),
        ("spec.processors.*.resources.requests.memory", json!("100Mi")),
        ("spec.processors.*.resources.limits.cpu", json!("3")),
        ("spec.processors.*.resources.limits.memory", json!("3Gi")),
        ("spec.processors.fraud.thresholds.highValue", json!(1)),
        ("spec.processors.fraud.thresholds.ordersPerMinute", json!(1)),
        ("spec.processors.trend.topK", json!(1)),
        ("spec.views.interval", json!("200ms")),
        ("spec.*.resources.requests.cpu", json!("50m")),
        ("spec.*.resources.requests.memory", json!("100Mi")),
        ("spec.*.resources.limits.cpu", json!("3")),
        ("spec.*.resources.limits.memory", json!("3Gi")),
        ("spec.dashboard.replicas", json!(3)),
        ("spec.dashboard.ingress", gone),
        ("spec.dashboard.ingress.host", json!("other.example")),
        ("spec.dashboard.ingress.tlsSecret", json!("other")),
        ("spec.dashboard.ingress.className", json!("other")),
        ("spec.simulator.enabled", json!(false)),
        ("spec.simulator.ordersPerSecond", json!(7)),
        ("spec.simulator.suspiciousPercent", json!(7)),
        ("spec.networkPolicy.enabled", json!(false)),
        ("spec.deletion.topics", json!("Delete")),
        ("spec.deletion.state", json!("Delete")),
        ("spec.image.repository", json!("other.example/millrace")),
        ("spec.image.tag", json!("other")),
        ("spec.image.pullPolicy", json!("Always")),
    ]
}

/// A spec in which every field has a value, with the scaling that `path` has a meaning in.
fn everything(path: &str) -> Value {
    let resources = json!({
        "requests": { "cpu": "100m", "memory": "128Mi" },
        "limits": { "cpu": "1", "memory": "1Gi" },
    });
    let scaling = match path.rsplit('.').next() {
        Some("replicas") => json!({ "mode": "Fixed", "replicas": 2 }),
        Some("mode") => json!({ "mode": "Auto" }),
        _ => json!({ "mode": "Auto", "min": 2, "max": 4, "maxLag": "30s" }),
    };
    let topic = |name: &str| {
        json!({
            "name": name, "partitions": 12, "replicationFactor": 3, "management": "Managed",
            "config": { "retention.ms": "1" },
        })
    };
    let processor = || json!({ "enabled": true, "scaling": scaling, "resources": resources });
    let mut spec = json!({
        "state": "Running",
        "kafka": {
            "bootstrapServers": "kafka:9092",
            "tls": { "caSecret": { "name": "ca", "key": "ca.crt" }, "clientCertSecret": { "name": "client" } },
            "sasl": { "mechanism": "SCRAM-SHA-512", "secret": { "name": "user" } },
            "commitInterval": "50ms",
            "transactionTimeout": "10s",
        },
        "redis": { "url": "redis://redis:6379", "secret": { "name": "redis" }, "keyPrefix": "shop:" },
        "topics": {
            "orders": topic("orders"), "metrics": topic("metrics"), "alerts": topic("alerts"),
            "deadLetters": topic("dead"),
        },
        "processors": { "revenue": processor(), "fraud": processor(), "trend": processor() },
        "views": { "interval": "100ms", "resources": resources },
        "dashboard": {
            "replicas": 2, "resources": resources,
            "ingress": { "host": "live.example", "tlsSecret": "live", "className": "nginx" },
        },
        "simulator": { "enabled": true, "ordersPerSecond": 1, "suspiciousPercent": 5, "resources": resources },
        "networkPolicy": { "enabled": true },
        "deletion": { "topics": "Retain", "state": "Retain" },
        "image": { "repository": "registry.example/millrace", "tag": "1", "pullPolicy": "IfNotPresent" },
    });
    spec["processors"]["fraud"]["thresholds"] = json!({ "highValue": 50_000_000, "ordersPerMinute": 10 });
    spec["processors"]["trend"]["topK"] = json!(10);
    spec
}

fn changed(spec: &Value, path: &str, value: &Value) -> Value {
    let (parent, name) = path.strip_prefix("spec").unwrap().rsplit_once('.').unwrap();
    let mut spec = spec.clone();
    let parent = spec.pointer_mut(&parent.replace('.', "/")).unwrap_or_else(|| panic!("no place for {path}"));
    match value {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(name)),
        value => parent[name] = value.clone(),
    }
    spec
}

fn resource(spec: &Value) -> AnalyticsPipeline {
    serde_json::from_value(json!({
        "apiVersion": "millrace.dev/v1alpha1",
        "kind": "AnalyticsPipeline",
        "metadata": { "name": "shop", "namespace": "prod", "uid": "a-uid" },
        "spec": spec,
    }))
    .unwrap()
}

/// What comes of a spec, sorted by who notices a change of it.
struct Outcome {
    templates: BTreeMap<String, PodTemplateSpec>,
    /// How many replicas, and who decides on them.
    replicas: (BTreeMap<String, Option<i32>>, Vec<Scaling>),
    topics: TopicsSpec,
    /// What is taken over while pods run on.
    live: (Settings, Value, DeletionSpec),
}

fn outcome(spec: &Value) -> Outcome {
    let pipeline = fixtures::validate(&resource(spec)).unwrap();
    let children = build(&pipeline, &Observed { secrets: fixtures::secrets(), ..Observed::default() });
    let deployments = children.deployments.into_iter().map(|deployment| {
        let spec = deployment.spec.unwrap();
        (deployment.metadata.name.unwrap(), spec.template, spec.replicas)
    });
    let deployments: Vec<_> = deployments.collect();
    Outcome {
        templates: deployments.iter().map(|(name, template, _)| (name.clone(), template.clone())).collect(),
        replicas: (
            deployments.iter().map(|(name, _, replicas)| (name.clone(), *replicas)).collect(),
            pipeline.processors.iter().map(|processor| processor.scaling).collect(),
        ),
        topics: pipeline.topic_specs,
        live: (pipeline.settings, json!([children.ingresses, children.network_policies]), pipeline.deletion),
    }
}

/// The effects that a change has on a running pipeline.
fn observed(old: &Outcome, new: &Outcome) -> Vec<Effect> {
    let restarts =
        old.templates.iter().any(|(name, template)| new.templates.get(name).is_some_and(|t| t != template));
    let found = [
        (Effect::Rolling, restarts),
        (Effect::Rescale, old.replicas != new.replicas),
        (Effect::Topic, old.topics != new.topics),
        (Effect::Hot, old.live != new.live),
    ];
    found.into_iter().filter_map(|(effect, seen)| seen.then_some(effect)).collect()
}

#[test]
fn each_change_does_what_is_declared() {
    let changes = changes();
    for path in everything_that_can_change() {
        let (_, value) = changes
            .iter()
            .find(|(pattern, _)| fields::is(pattern, &path))
            .unwrap_or_else(|| panic!("{path} is not changed here"));
        let before = everything(&path);
        let after = changed(&before, &path, value);
        let entries = plan(&resource(&before).spec, &resource(&after).spec).unwrap();
        let [entry] = entries.as_slice() else { panic!("{path}: {entries:?}") };
        assert_eq!(entry.path, path);
        let observed = observed(&outcome(&before), &outcome(&after));
        match entry.effect {
            // Admission lets no such change through.
            Effect::Refused => {}
            // A component that comes or goes takes its rules about the network with it.
            Effect::Rescale => assert!(observed.starts_with(&[Effect::Rescale]), "{path}: {observed:?}"),
            // More partitions allow more replicas.
            Effect::Topic => assert!(
                observed.contains(&Effect::Topic) && !observed.contains(&Effect::Rolling),
                "{path}: {observed:?}"
            ),
            // The rules about the network name ports that connections go to.
            Effect::Rolling => assert!(observed.starts_with(&[Effect::Rolling]), "{path}: {observed:?}"),
            Effect::Hot => assert_eq!(observed, [Effect::Hot], "{path}"),
        }
    }
}

/// What admission says to a change.
fn judge(before: &Value, after: &Value) -> Result<Value, String> {
    let written = |spec: &Value| serde_json::to_value(resource(spec)).unwrap();
    admit(&schema(), &written(after), Some(&written(before)))
}

/// What is declared as refused is what admission refuses, and no other change is.
#[test]
fn admission_refuses_what_is_declared_as_refused_and_nothing_else() {
    let changes = changes();
    for path in everything_that_can_change() {
        let (_, value) = changes.iter().find(|(pattern, _)| fields::is(pattern, &path)).unwrap();
        let before = everything(&path);
        let after = changed(&before, &path, value);
        let judged = judge(&before, &after);
        let declared = plan(&resource(&before).spec, &resource(&after).spec).unwrap();
        assert_eq!(judged.is_err(), declared[0].effect == Effect::Refused, "{path}: {judged:?}");
    }
    let before = everything("");
    let fewer = changed(&before, "spec.topics.alerts.partitions", &json!(6));
    let refused = judge(&before, &fewer).unwrap_err();
    assert!(refused.contains("spec.topics.alerts.partitions"), "{refused}");
}
