//! `NetworkPolicy` objects: who may talk to the pods, and with whom they may talk. They add up: where two select a pod, it may
//! do what either allows.
//!
//! Brokers and nodes of a Redis Cluster are known by their ports only, and taken to listen on the same one as those in
//! the resource: their addresses are theirs to say.

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort,
    NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{self, NAME, OPERATOR};
use super::{ADMIN_PORT, DASHBOARD_PORT};
use crate::pipeline::{Component, OperatorNamespace, Pipeline};

/// The label that every namespace has with its own name.
const NAMESPACE: &str = "kubernetes.io/metadata.name";
const DNS_PORT: i32 = 53;

pub(super) fn policies(pipeline: &Pipeline) -> Vec<NetworkPolicy> {
    let Some(operator) = &pipeline.network_policy else { return Vec::new() };
    let dashboard = pipeline.dashboard.as_ref().map(|_| dashboard(pipeline));
    [for_all(pipeline, operator), views(pipeline)].into_iter().chain(dashboard).collect()
}

/// All pods: the operator asks them how they are; they ask for names, talk to Kafka and send traces. Everything else
/// is forbidden by being selected here.
fn for_all(pipeline: &Pipeline, operator: &OperatorNamespace) -> NetworkPolicy {
    let from_operator = NetworkPolicyIngressRule {
        from: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(having(NAMESPACE, &operator.0)),
            pod_selector: Some(having(NAME, OPERATOR)),
            ip_block: None,
        }]),
        ports: Some(vec![tcp(ADMIN_PORT)]),
    };
    let kafka = pipeline.kafka.brokers.ports.iter().map(|port| tcp(i32::from(*port))).collect();
    let traces = pipeline.traces.port().map(|port| to(vec![tcp(i32::from(port))]));
    policy(
        metadata::of_pipeline(&pipeline.identity),
        metadata::pods(&pipeline.identity, None),
        vec![from_operator],
        [to(vec![port("UDP", DNS_PORT), tcp(DNS_PORT)]), to(kafka)].into_iter().chain(traces).collect(),
    )
}

/// Views write to Redis.
fn views(pipeline: &Pipeline) -> NetworkPolicy {
    of(pipeline, Component::Views, Vec::new())
}

/// The dashboard reads from Redis, and everybody may look at it.
fn dashboard(pipeline: &Pipeline) -> NetworkPolicy {
    let page = NetworkPolicyIngressRule { from: None, ports: Some(vec![tcp(DASHBOARD_PORT)]) };
    of(pipeline, Component::Dashboard, vec![page])
}

/// A policy of one component that talks to Redis.
fn of(pipeline: &Pipeline, component: Component, ingress: Vec<NetworkPolicyIngressRule>) -> NetworkPolicy {
    policy(
        metadata::of(&pipeline.identity, component),
        metadata::pods(&pipeline.identity, Some(component)),
        ingress,
        vec![to(vec![tcp(i32::from(pipeline.redis.port))])],
    )
}

fn policy(
    metadata: ObjectMeta,
    pod_selector: LabelSelector,
    ingress: Vec<NetworkPolicyIngressRule>,
    egress: Vec<NetworkPolicyEgressRule>,
) -> NetworkPolicy {
    let spec = NetworkPolicySpec {
        pod_selector: Some(pod_selector),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ingress: (!ingress.is_empty()).then_some(ingress),
        egress: Some(egress),
    };
    NetworkPolicy { metadata, spec: Some(spec) }
}

/// To anywhere on these ports.
fn to(ports: Vec<NetworkPolicyPort>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule { ports: Some(ports), to: None }
}

fn having(label: &str, value: &str) -> LabelSelector {
    LabelSelector {
        match_labels: Some([(label.to_owned(), value.to_owned())].into()),
        match_expressions: None,
    }
}

fn tcp(number: i32) -> NetworkPolicyPort {
    port("TCP", number)
}

fn port(protocol: &str, number: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(number)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    }
}
