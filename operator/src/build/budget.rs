//! How many pods may be taken away at a time, by whoever empties nodes.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::pipeline::{Component, Pipeline};

/// The budget of a component of which several pods may run. One of which there is only one would either allow
/// everything or keep its node from ever being emptied.
pub(super) fn budget(pipeline: &Pipeline, component: Component) -> Option<PodDisruptionBudget> {
    let several = match component {
        Component::Processor(_) | Component::Dashboard => true,
        Component::Views | Component::Simulator => false,
    };
    several.then(|| PodDisruptionBudget {
        metadata: metadata::of(&pipeline.identity, component),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(metadata::pods(&pipeline.identity, Some(component))),
            // a pod that does not work anyway must not keep a node from being emptied
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    })
}
