//! A pipeline that has been checked: the only input of everything after validation.
//!
//! [`Pipeline::validate`] turns a resource and the operator's defaults into types that cannot hold what could not
//! work: names fit, durations are within their limits, replicas never exceed partitions, every pod has requests and
//! limits. Passwords and keys stay in their Secrets; here are only references.

mod connection;
mod image;
mod names;
mod resources;
mod secrets;
mod traces;
mod validate;
mod violation;

pub use connection::{Brokers, Kafka, Login, Redis};
pub(crate) use connection::{PASSWORD, TLS_CERT, TLS_KEY, USERNAME};
pub use image::{Image, ImageName, InvalidImage};
pub use names::{Component, Identity};
pub use resources::{Allotment, Amount};
pub use secrets::{Entry, MissingEntry, Secrets};
pub use traces::Traces;
pub use violation::Violation;

use std::time::Duration;

use contract::{ProcessorName, Settings, Topics};

use crate::api::{AnalyticsPipeline, DeletionSpec, IngressSpec, PipelineState, TopicsSpec};

/// What holds for all pipelines of this operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorDefaults {
    /// The image of the services, unless a pipeline names another.
    pub image: ImageName,
    /// The operator's own namespace, from which it asks pods how they are; network policies let it in.
    pub namespace: String,
    /// Where pods send traces.
    pub traces: Traces,
}

/// A pipeline that has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// Which resource this is.
    pub identity: Identity,
    /// Whether orders are processed.
    pub state: PipelineState,
    /// How to reach Kafka.
    pub kafka: Kafka,
    /// How to reach Redis.
    pub redis: Redis,
    /// The names of all topics, groups and ids.
    pub topics: Topics,
    /// How the public topics are to be.
    pub topic_specs: TopicsSpec,
    /// What changes without pod restarts; generation 0, which publishing decides.
    pub settings: Settings,
    /// The processors that are enabled, in canonical order.
    pub processors: Vec<Processor>,
    /// What the pod of the views gets.
    pub views: Allotment,
    /// The dashboard, if there is one.
    pub dashboard: Option<Dashboard>,
    /// The simulator, if there is one.
    pub simulator: Option<Allotment>,
    /// Whether there are network policies, and where the operator is.
    pub network_policy: Option<OperatorNamespace>,
    /// What is left when the resource is deleted.
    pub deletion: DeletionSpec,
    /// What all pods run.
    pub image: Image,
    /// Where pods send traces.
    pub traces: Traces,
}

/// The namespace that the operator runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorNamespace(pub String);

/// A processor that is enabled: a stage, a Deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// Which.
    pub name: ProcessorName,
    /// Who decides on its replicas.
    pub scaling: Scaling,
    /// What each pod gets.
    pub allotment: Allotment,
}

/// Who decides on the replicas of a processor. All numbers are from 1 to the partitions of the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// The resource.
    Fixed {
        /// How many.
        replicas: i32,
    },
    /// The operator, by load.
    Auto {
        /// The fewest.
        min: i32,
        /// The most; not under `min`.
        max: i32,
        /// How old the oldest unread order may get.
        max_lag: Duration,
    },
    /// Somebody else.
    External,
}

/// The dashboard.
#[derive(Clone, Debug, PartialEq)]
pub struct Dashboard {
    /// How many replicas; at least 1.
    pub replicas: i32,
    /// How it is reached from outside the cluster.
    pub ingress: Option<IngressSpec>,
    /// What each pod gets.
    pub allotment: Allotment,
}

impl Pipeline {
    /// Checks a resource.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with the field. Most of it the API server refuses already; what comes
    /// here was stored before a rule existed, or breaks a rule that admission cannot express.
    pub fn validate(
        resource: &AnalyticsPipeline,
        defaults: &OperatorDefaults,
    ) -> Result<Self, Vec<Violation>> {
        validate::validate(resource, defaults)
    }

    /// The components that are to be there, in the order in which they are shown.
    pub fn components(&self) -> Vec<Component> {
        let processors = self.processors.iter().map(|processor| Component::Processor(processor.name));
        let dashboard = self.dashboard.iter().map(|_| Component::Dashboard);
        let simulator = self.simulator.iter().map(|_| Component::Simulator);
        processors.chain([Component::Views]).chain(dashboard).chain(simulator).collect()
    }

    /// The names of all Secrets that pods or the operator need, each once. All are in the pipeline's namespace.
    pub fn secret_names(&self) -> Vec<String> {
        secrets::names(self)
    }
}

#[cfg(test)]
mod tests;
