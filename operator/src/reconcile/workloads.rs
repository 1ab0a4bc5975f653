//! How a pipeline's Deployments and pods are doing. Pure.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use k8s_openapi::serde_json::Value;
use kube::ResourceExt;
use kube::api::DynamicObject;

use super::facts::{Role, Workload};
use crate::pipeline::Component;

/// On everything that belongs to one kind of pod.
const COMPONENT: &str = "app.kubernetes.io/component";
/// How a stage that stopped because orders or state are gone begins its last words.
const LOSS: &str = "DataLoss in ";

/// A Deployment as a part of the pipeline.
pub(crate) fn workload<'a>(
    component: Component,
    deployment: &DynamicObject,
    pods: impl IntoIterator<Item = &'a Pod>,
) -> Workload {
    let number = |path: &str| deployment.data.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let desired = number("/spec/replicas");
    let seen = deployment.metadata.generation.is_none_or(|now| number("/status/observedGeneration") >= now);
    let settled =
        seen && number("/status/replicas") == desired && number("/status/updatedReplicas") == desired;
    let small = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    Workload {
        component: component.to_string(),
        role: role(component),
        desired: small(desired),
        ready: small(number("/status/readyReplicas")),
        settled,
        trouble: pods.into_iter().filter(|pod| is_of(pod, component.as_str())).find_map(trouble),
    }
}

/// Why a Deployment is not there: it is not made before its topics are.
pub(crate) const HELD_BACK: &str = "it waits for topics";
/// Something else keeps it from being made, which is told apart.
pub(crate) const MISSING: &str = "there is no Deployment yet";

/// A Deployment that is not there.
pub(crate) fn absent(component: Component, desired: Option<i32>, why: &str) -> Workload {
    Workload {
        component: component.to_string(),
        role: role(component),
        desired: desired.unwrap_or(1),
        ready: 0,
        settled: false,
        trouble: Some(why.to_owned()),
    }
}

/// The replicas that a Deployment is to have.
pub(crate) fn replicas(deployment: &DynamicObject) -> Option<i32> {
    let replicas = deployment.data.pointer("/spec/replicas").and_then(Value::as_i64)?;
    i32::try_from(replicas).ok()
}

fn role(component: Component) -> Role {
    match component {
        Component::Processor(_) => Role::Processor,
        Component::Views => Role::Views,
        Component::Dashboard | Component::Simulator => Role::Other,
    }
}

/// What pods said that stopped because orders or state are gone.
pub(crate) fn losses<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Vec<String> {
    let mut losses: Vec<_> = pods
        .into_iter()
        .filter_map(|pod| {
            let last = containers(pod).find_map(last_words)?;
            let begin = last.find(LOSS)?;
            let said = last[begin..].lines().next().unwrap_or_default().trim();
            let stage = pod.labels().get(COMPONENT).map_or("a stage", String::as_str);
            Some(format!("{stage}: {said}"))
        })
        .collect();
    losses.sort();
    losses.dedup();
    losses
}

/// Whether a pod is of this component.
pub(crate) fn is_of(pod: &Pod, component: &str) -> bool {
    pod.labels().get(COMPONENT).is_some_and(|found| found == component)
}

/// Why a pod does not come up, where it is not a matter of time.
pub(crate) fn trouble(pod: &Pod) -> Option<String> {
    let name = pod.name_any();
    let waiting = containers(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| is_trouble(reason))?;
        let said = last_words(container).or(waiting.message.as_deref()).unwrap_or_default();
        Some(format!("pod {name}: {reason}: {}", last_line(said)))
    });
    waiting.or_else(|| unschedulable(pod).map(|message| format!("pod {name} finds no node: {message}")))
}

fn is_trouble(reason: &str) -> bool {
    ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"]
        .contains(&reason)
        || reason.starts_with("Create")
}

fn unschedulable(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let refused = |c: &&k8s_openapi::api::core::v1::PodCondition| {
        c.type_ == "PodScheduled" && c.status == "False" && c.reason.as_deref() == Some("Unschedulable")
    };
    conditions.iter().find(refused)?.message.as_deref()
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}

/// What a container said at its end: now, or the last time.
fn last_words(container: &ContainerStatus) -> Option<&str> {
    let state = [container.state.as_ref(), container.last_state.as_ref()];
    state.into_iter().flatten().find_map(|state| state.terminated.as_ref()?.message.as_deref())
}

fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no message")
}
