//! One Deployment for each component.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Observed, metadata, pod};
use crate::api::PipelineState;
use crate::pipeline::{Component, Pipeline, Processor, Scaling};

/// Old templates are kept for looking at; going back is done in the resource.
const OLD_TEMPLATES: i32 = 3;

pub(super) fn deployment(pipeline: &Pipeline, component: Component, observed: &Observed) -> Deployment {
    Deployment {
        metadata: metadata::of(&pipeline.identity, component),
        spec: Some(DeploymentSpec {
            replicas: replicas(pipeline, component, observed),
            selector: metadata::pods(&pipeline.identity, Some(component)),
            strategy: Some(strategy(component)),
            revision_history_limit: Some(OLD_TEMPLATES),
            template: pod::template(pipeline, component, observed),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// `None` when somebody else decides.
pub(super) fn replicas(pipeline: &Pipeline, component: Component, observed: &Observed) -> Option<i32> {
    match component {
        Component::Processor(name) => {
            let processor = pipeline.processors.iter().find(|processor| processor.name == name)?;
            match pipeline.state {
                PipelineState::Paused => Some(0),
                PipelineState::Running => of_processor(processor, observed),
            }
        }
        Component::Views | Component::Simulator => Some(1),
        Component::Dashboard => pipeline.dashboard.as_ref().map(|dashboard| dashboard.replicas),
    }
}

fn of_processor(processor: &Processor, observed: &Observed) -> Option<i32> {
    match processor.scaling {
        Scaling::Fixed { replicas } => Some(replicas),
        Scaling::Auto { min, max, max_lag: _ } => {
            Some(observed.replicas.get(&processor.name).map_or(min, |decided| (*decided).clamp(min, max)))
        }
        Scaling::External => None,
    }
}

/// How a new template comes into force.
fn strategy(component: Component) -> DeploymentStrategy {
    match component {
        // A pod more would take partitions and give them back: two pauses for all replicas instead of one.
        Component::Processor(_) => rolling(0, 1),
        // One at a time. Rolling would start the new one while the old one still drains: new views would find a
        // foreign writer in Redis and wait until that stands still, so they would be no sooner ready; two shops
        // would sell twice as much.
        Component::Views | Component::Simulator => {
            DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }
        }
        // Someone is always there to answer.
        Component::Dashboard => rolling(1, 0),
    }
}

fn rolling(surge: i32, unavailable: i32) -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(surge)),
            max_unavailable: Some(IntOrString::Int(unavailable)),
        }),
    }
}
