//! Where pods send traces.

use serde_json::{Value, json};

use super::{objects, observed};
use crate::build::build;
use crate::fixtures::{defaults, resource};
use crate::pipeline::{Pipeline, Traces};

/// The containers' environments and the open ports of the pipeline in `full.yaml`.
fn built(variables: &[(&str, &str)]) -> (Vec<Value>, Vec<Value>) {
    let mut defaults = defaults();
    defaults.traces =
        Traces::of(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut resource = resource("full");
    resource.spec.network_policy.enabled = true;
    let objects = objects(&build(&Pipeline::validate(&resource, &defaults).unwrap(), &observed()));
    let of_kind = |kind: &'static str| {
        objects.iter().filter(move |(key, _)| key.starts_with(kind)).map(|(_, object)| object)
    };
    let environments =
        of_kind("Deployment/").map(|d| d["spec"]["template"]["spec"]["containers"][0]["env"].clone());
    let rules = of_kind("NetworkPolicy/").filter_map(|policy| policy["spec"]["egress"].as_array());
    let ports = rules.flatten().filter_map(|rule| rule["ports"].as_array()).flatten().cloned();
    (environments.collect(), ports.collect())
}

#[test]
fn every_pod_is_told_and_may_reach_the_receiver() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.observability:4318");
    let (environments, ports) = built(&[endpoint, ("OTEL_TRACES_SAMPLER", "always_on"), ("HOME", "/")]);
    assert!(environments.len() >= 6, "{environments:?}");
    for environment in &environments {
        let told: Vec<_> = environment
            .as_array()
            .unwrap()
            .iter()
            .filter(|variable| {
                variable["name"].as_str().is_some_and(|name| name.starts_with("OTEL_") || name == "HOME")
            })
            .collect();
        let sampler = json!({"name": "OTEL_TRACES_SAMPLER", "value": "always_on"});
        assert_eq!(told, [&json!({"name": endpoint.0, "value": endpoint.1}), &sampler]);
    }
    assert!(ports.contains(&json!({"port": 4318, "protocol": "TCP"})), "{ports:?}");
    let (_, without) = built(&[]);
    assert_eq!(without.len() + 1, ports.len());
}
