//! Pipelines at random, through the real validation.

use std::collections::BTreeMap;

use contract::ProcessorName;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::build::Observed;
use crate::fixtures::{secret, validate};
use crate::pipeline::{Pipeline, Secrets};

/// A pipeline, and what was observed.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub pipeline: Pipeline,
    pub observed: Observed,
}

/// Any pipeline that is valid.
pub(super) fn case() -> impl Strategy<Value = Case> {
    "[a-z]([-a-z0-9]{0,51}[a-z0-9])?".prop_flat_map(|name| named_case(&name))
}

/// Any valid pipeline of this name.
pub(super) fn named_case(name: &str) -> impl Strategy<Value = Case> + use<> {
    let name = name.to_owned();
    let replicas = proptest::collection::vec((0..ProcessorName::ALL.len(), -5..50_i32), 0..4);
    (spec(), replicas, 0..u64::MAX).prop_map(move |(spec, replicas, uid)| {
        let resource = json!({
            "apiVersion": "millrace.dev/v1alpha1",
            "kind": "AnalyticsPipeline",
            "metadata": {"name": name, "namespace": "prod", "uid": uid.to_string()},
            "spec": spec,
        });
        let pipeline = validate(&serde_json::from_value(resource).unwrap()).unwrap();
        let secrets = pipeline.secret_names();
        let keys = ["username", "password", "ca.crt", "tls.crt", "tls.key"];
        let secrets: Secrets = secrets.iter().map(|name| secret(name, &keys)).collect();
        let replicas: BTreeMap<_, _> =
            replicas.into_iter().map(|(index, replicas)| (ProcessorName::ALL[index], replicas)).collect();
        Case { pipeline, observed: Observed { secrets, replicas } }
    })
}

fn spec() -> impl Strategy<Value = Value> {
    (kafka(), redis(), 1..13_i32, around()).prop_flat_map(|(kafka, redis, partitions, around)| {
        processors(partitions).prop_map(move |processors| {
            let mut spec = around.clone();
            spec["kafka"] = kafka.clone();
            spec["redis"] = redis.clone();
            spec["topics"] = json!({"orders": {"partitions": partitions}});
            spec["processors"] = processors;
            spec
        })
    })
}

fn kafka() -> impl Strategy<Value = Value> {
    let tls = prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({"caSecret": {"name": "kafka-ca"}})),
        Just(json!({"clientCertSecret": {"name": "kafka-client"}})),
        Just(json!({"caSecret": {"name": "same"}, "clientCertSecret": {"name": "same"}})),
    ];
    let sasl = prop_oneof![
        Just(Value::Null),
        Just(json!({"mechanism": "PLAIN", "secret": {"name": "same"}})),
        Just(json!({"mechanism": "SCRAM-SHA-512", "secret": {"name": "kafka-user"}})),
    ];
    let brokers = proptest::collection::vec(1..u16::MAX, 1..4);
    (tls, sasl, brokers).prop_map(|(tls, sasl, ports)| {
        let brokers: Vec<_> = ports.iter().map(|port| format!("broker:{port}")).collect();
        let mut kafka = json!({"bootstrapServers": brokers.join(",")});
        for (field, value) in [("tls", tls), ("sasl", sasl)] {
            if !value.is_null() {
                kafka[field] = value;
            }
        }
        kafka
    })
}

fn redis() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"url": "redis://redis"})),
        Just(
            json!({"url": "rediss://redis:6380/1", "secret": {"name": "redis-auth"}, "keyPrefix": "$(A){b}"})
        ),
        Just(json!({"url": "redis://redis:7000", "secret": {"name": "same"}})),
    ]
}

fn processors(partitions: i32) -> impl Strategy<Value = Value> {
    let one = move || {
        let fixed = (1..=partitions).prop_map(|replicas| json!({"mode": "Fixed", "replicas": replicas}));
        let auto = (1..=partitions)
            .prop_flat_map(move |max| (1..=max, Just(max)))
            .prop_map(|(min, max)| json!({"mode": "Auto", "min": min, "max": max}));
        let scaling = prop_oneof![Just(json!({})), Just(json!({"mode": "External"})), fixed, auto];
        (any::<bool>(), scaling, resources()).prop_map(|(enabled, scaling, resources)| {
            json!({"enabled": enabled, "scaling": scaling, "resources": resources})
        })
    };
    (one(), one(), one())
        .prop_map(|(revenue, fraud, trend)| json!({"revenue": revenue, "fraud": fraud, "trend": trend}))
}

fn resources() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        Just(json!({"requests": {"cpu": "3", "memory": "2Gi"}})),
        Just(json!({"limits": {"cpu": "10m", "memory": "16Mi"}})),
        Just(json!({"requests": {"cpu": 1}, "limits": {"cpu": 2}})),
    ]
}

/// What is beside the processors.
fn around() -> impl Strategy<Value = Value> {
    let state = prop_oneof![3 => Just("Running"), 1 => Just("Paused")];
    let ingress = prop_oneof![
        Just(Value::Null),
        Just(json!({"host": "live.shop.example"})),
        Just(json!({"host": "*.shop.example", "tlsSecret": "live-tls", "className": "nginx"})),
    ];
    let image = prop_oneof![
        Just(json!({})),
        Just(json!({"tag": "2", "pullPolicy": "Always"})),
        Just(json!({"repository": "host:5000/a/b", "tag": "1", "pullPolicy": "Never"})),
    ];
    (state, ingress, image, 0..4_i32, any::<bool>(), any::<bool>(), resources()).prop_map(
        |(state, ingress, image, dashboards, simulator, policies, resources)| {
            let mut dashboard = json!({"replicas": dashboards, "resources": resources.clone()});
            if !ingress.is_null() {
                dashboard["ingress"] = ingress;
            }
            json!({
                "state": state,
                "dashboard": dashboard,
                "image": image,
                "views": {"resources": resources},
                "simulator": {"enabled": simulator},
                "networkPolicy": {"enabled": policies},
            })
        },
    )
}
