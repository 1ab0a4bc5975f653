//! From a pipeline to the objects it consists of. Pure: nothing is asked, nothing fails, the same input gives the same
//! objects, so that nothing is written when nothing changed.
//!
//! # Guarantees
//! - No object holds a password or a key: pods get them from Secrets by reference.
//! - Selectors rest on the pipeline's name and the component alone: they can never need to change.
//! - What changes without pod restarts (settings), replicas and partitions are in no pod template.
//! - Every pod passes the profile `restricted` of Pod Security.

mod budget;
mod deployment;
mod env;
mod metadata;
mod network;
mod pod;
mod security;
mod service;

pub use metadata::{INSTANCE, MANAGED_BY, OPERATOR, SECRETS, selector};

use std::collections::BTreeMap;

use contract::ProcessorName;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use crate::pipeline::{Component, Pipeline, Secrets};

/// The port of `/livez`, `/readyz`, `/metrics` and `/status` of every pod.
pub const ADMIN_PORT: i32 = 9464;
/// The port of the dashboard, in its pods and its Service.
pub const DASHBOARD_PORT: i32 = 3001;

/// What else the objects depend on.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The Secrets that the pipeline names. Pods restart once when the content of one they use changes.
    pub secrets: Secrets,
    /// How many replicas each processor with [`Scaling::Auto`](crate::pipeline::Scaling::Auto) is to have: the last
    /// decision, or, while there is none, what its Deployment has. Without an entry: the fewest. Others are not asked.
    pub replicas: BTreeMap<ProcessorName, i32>,
}

/// The objects that a pipeline consists of, in the order in which they are applied: what protects comes before what is
/// protected. All are in the pipeline's namespace and owned by it; what is not here is to be deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Children {
    /// `<name>`, without rights and without a token.
    pub service_accounts: Vec<ServiceAccount>,
    /// If the resource asks for them.
    pub network_policies: Vec<NetworkPolicy>,
    /// One for each kind of pod of which several may run.
    pub budgets: Vec<PodDisruptionBudget>,
    /// One for each component. Without `replicas` where somebody else decides on them; a Deployment that has none then
    /// (because it was paused) needs to be given one, or nothing will ever scale it up.
    pub deployments: Vec<Deployment>,
    /// `<name>-dashboard`.
    pub services: Vec<Service>,
    /// `<name>-dashboard`, if the resource asks for it.
    pub ingresses: Vec<Ingress>,
}

/// Builds all objects of a pipeline.
pub fn build(pipeline: &Pipeline, observed: &Observed) -> Children {
    let components = pipeline.components();
    let dashboard = pipeline.dashboard.as_ref();
    Children {
        service_accounts: vec![security::service_account(pipeline)],
        network_policies: network::policies(pipeline),
        budgets: components.iter().filter_map(|component| budget::budget(pipeline, *component)).collect(),
        deployments: components
            .iter()
            .map(|component| deployment::deployment(pipeline, *component, observed))
            .collect(),
        services: dashboard.map(|_| service::service(pipeline)).into_iter().collect(),
        ingresses: dashboard
            .and_then(|dashboard| dashboard.ingress.as_ref())
            .map(|ingress| service::ingress(pipeline, ingress))
            .into_iter()
            .collect(),
    }
}

/// How many replicas a component is to have; `None` when somebody else decides.
pub fn replicas(pipeline: &Pipeline, component: Component, observed: &Observed) -> Option<i32> {
    deployment::replicas(pipeline, component, observed)
}

#[cfg(test)]
mod tests;
