//! The `AnalyticsPipeline` resource: what a user writes, and what the operator says about it.
//!
//! The types are the schema: defaults, limits and descriptions of the resource definition are generated from them.
//! A description begins with the meaning and says unit, default and limits.

#![allow(clippy::duplicated_attributes, reason = "each column of the resource's table says its type")]

mod definition;
mod deletion;
mod duration;
mod image;
mod kafka;
mod processors;
mod quantity;
mod redis;
mod resources;
mod scaling;
mod schema;
mod services;
mod status;
mod topics;

pub use definition::{DefinitionError, LONGEST_NAME, definition, definition_yaml};
pub use deletion::{DeletionSpec, OnDeletion};
pub use duration::{Duration, DurationError};
pub use image::{ImageSpec, PullPolicy};
pub use kafka::{CertificateSecret, KafkaSpec, SaslMechanism, SaslSpec, SecretKey, SecretName, TlsSpec};
pub use processors::{FraudSpec, ProcessorsSpec, RevenueSpec, Thresholds, TrendSpec};
pub use quantity::{Quantity, QuantityError};
pub use redis::RedisSpec;
pub use resources::{Amounts, Resources};
pub use scaling::{Scaling, ScalingMode};
pub use services::{DashboardSpec, IngressSpec, NetworkPolicySpec, SimulatorSpec, ViewsSpec};
pub use status::{
    ConditionType, Effect, LagStatus, Phase, PipelineStatus, PlanEntry, ProcessorStatus, ReplicaStatus,
    ScalingReason, ScalingStatus, SettingsStatus, TopicStatus,
};
pub use topics::{TopicManagement, TopicSpec, TopicsSpec};

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a pipeline is to be.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "millrace.dev",
    version = "v1alpha1",
    kind = "AnalyticsPipeline",
    shortname = "apl",
    category = "analytics",
    category = "streaming",
    namespaced,
    status = "PipelineStatus",
    derive = "PartialEq",
    doc = "A pipeline that turns a stream of orders into live revenue, fraud alerts and trends.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether everything runs as asked."
    ),
    printcolumn(
        name = "Phase",
        type_ = "string",
        json_path = ".status.phase",
        description = "What the pipeline is doing."
    ),
    printcolumn(
        name = "Lag",
        type_ = "string",
        json_path = ".status.lag",
        description = "Orders not read yet, of the processor that is furthest behind, and the age of the oldest."
    ),
    printcolumn(
        name = "Replicas",
        type_ = "string",
        json_path = ".status.replicas",
        description = "Replicas of all processors: ready/desired."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        description = "Why it is ready or not.",
        priority = "1"
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = scaling::within_partitions()))]
pub struct AnalyticsPipelineSpec {
    /// Whether the pipeline works. `Paused` drains the processors and takes them to zero replicas; topics and data
    /// stay, views and dashboard go on showing what is there. Default: `Running`.
    #[serde(default)]
    pub state: PipelineState,

    /// How to reach Kafka, and how stages use it.
    pub kafka: KafkaSpec,

    /// Where results go.
    pub redis: RedisSpec,

    /// The public topics. Each has a name, partitions and further settings of its own.
    #[serde(default)]
    pub topics: TopicsSpec,

    /// What is computed from the orders. Each processor that is enabled runs as a Deployment of its own.
    #[serde(default)]
    pub processors: ProcessorsSpec,

    /// The process that merges the processors' results into Redis and the metrics topic. There is always one.
    #[serde(default)]
    pub views: ViewsSpec,

    /// The web page, its REST routes and Socket.IO.
    #[serde(default)]
    pub dashboard: DashboardSpec,

    /// A shop that makes up orders, for trying things out.
    #[serde(default)]
    pub simulator: SimulatorSpec,

    /// Rules about who may talk to the pipeline's pods, and with whom they may talk.
    #[serde(default)]
    pub network_policy: NetworkPolicySpec,

    /// What is left when the resource is deleted.
    #[serde(default)]
    pub deletion: DeletionSpec,

    /// The image that all pods run. Default: the one of the operator's own version.
    #[serde(default)]
    pub image: ImageSpec,
}

/// Whether a pipeline works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PipelineState {
    /// Orders are processed.
    #[default]
    Running,
    /// The processors are drained and at zero replicas.
    Paused,
}

#[cfg(test)]
pub(crate) mod tests;
