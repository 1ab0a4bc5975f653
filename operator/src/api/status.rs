//! What the operator says about a pipeline.

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, TopicManagement};

/// What the operator says about a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PipelineStatus {
    /// The generation of the resource that all this speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// What the pipeline is doing, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,

    /// The whole in single statements; for their types see the documentation.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// Orders not read yet, of the processor that is furthest behind, and the age of the oldest: `830 (2s)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<String>,

    /// Replicas of all processors: ready/desired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<String>,

    /// The public topics as Kafka has them.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub topics: Vec<TopicStatus>,

    /// The processors that are enabled.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub processors: Vec<ProcessorStatus>,

    /// What changes without pod restarts, and who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<SettingsStatus>,

    /// What the last change of the resource meant, field by field.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["path"]))]
    pub plan: Vec<PlanEntry>,

    /// The spec of `observedGeneration`; the next one is compared with it for `plan`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::schema::any_object")]
    pub applied_spec: Option<serde_json::Value>,
}

/// What a pipeline is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// It is on its way to what was asked for.
    Pending,
    /// Everything runs as asked.
    Running,
    /// It runs, but something is missing or cannot be as asked.
    Degraded,
    /// It is on its way to being paused.
    Pausing,
    /// No processor runs, as asked.
    Paused,
    /// It cannot go on until somebody changes something.
    Failed,
    /// It is being deleted.
    Deleting,
}

/// The types of conditions. `Ready`, `Reconciling` and `Stalled` mean what tools that wait for resources take them for:
/// the last two are there only while they are true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// Everything runs as asked.
    Ready,
    /// The operator is still at it.
    Reconciling,
    /// The operator cannot go on until somebody changes something.
    Stalled,
    /// Brokers answer and let us do what we need.
    KafkaReachable,
    /// All topics are there, as asked.
    TopicsReady,
    /// All processors have the replicas they should have.
    ProcessorsReady,
    /// Views write to Redis.
    ViewsReady,
    /// Every replica runs with the newest settings.
    SettingsApplied,
    /// A stage found orders or state missing in Kafka and stopped.
    DataLoss,
    /// The processors are drained and at zero replicas, as asked.
    Paused,
}

/// One topic as Kafka has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many copies of each record it has.
    pub replication_factor: i32,
    /// Who creates and changes it.
    pub management: TopicManagement,
    /// In what it differs from the resource, one sentence each.
    #[serde(default)]
    pub drift: Vec<String>,
}

/// One processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorStatus {
    /// Which: `revenue`, `fraud` or `trend`.
    pub name: String,
    /// How many replicas.
    pub replicas: ReplicaStatus,
    /// What is not read yet; absent while nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<LagStatus>,
    /// The last decision about the replicas, with scaling mode `Auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
}

/// How many replicas there are to be and are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// How many there are to be.
    pub desired: i32,
    /// How many are ready.
    pub ready: i32,
}

/// What is not read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LagStatus {
    /// How many orders.
    #[schemars(range(min = 0))]
    pub records: u64,
    /// How old the oldest is.
    pub age: Duration,
}

/// A decision about the replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingStatus {
    /// When.
    pub at: Time,
    /// Replicas before.
    pub from: i32,
    /// Replicas after.
    pub to: i32,
    /// What it goes back to.
    pub reason: ScalingReason,
    /// The reason with its numbers, one sentence.
    pub why: String,
}

/// What a number of replicas goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingReason {
    /// How fast orders come in.
    ArrivalRate,
    /// Orders have piled up and are worked off.
    CatchUp,
    /// More would help, but there are no more partitions or `max` is reached.
    AtPartitionLimit,
    /// One partition alone needs more than a pod: more replicas cannot help.
    HotPartition,
    /// Fewer would do, but the highest need of the last 15 minutes still counts.
    Stabilising,
    /// Pods do not say how they are: nothing is changed.
    NoData,
}

/// Settings that change without pod restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsStatus {
    /// The newest generation of the settings.
    #[schemars(range(min = 0))]
    pub generation: u64,
    /// How many replicas run with it, of how many: `3/3`.
    pub acknowledged: String,
}

/// What the change of one field means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanEntry {
    /// The field, as `spec.topics.orders.partitions`.
    pub path: String,
    /// What its change does.
    pub effect: Effect,
    /// The effect in one sentence.
    pub why: String,
}

/// What the change of a field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Effect {
    /// It holds within seconds; no pod restarts.
    Hot,
    /// Pods are added or taken away; those that stay do not restart.
    Rescale,
    /// Pods restart, one after the other.
    Rolling,
    /// Topics in Kafka change; no pod restarts.
    Topic,
    /// It cannot be changed.
    Refused,
}

impl Effect {
    /// All of them, the gentlest first.
    pub const ALL: [Self; 5] = [Self::Hot, Self::Rescale, Self::Rolling, Self::Topic, Self::Refused];

    /// What it means for a running pipeline.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Hot => "it holds within seconds; no pod restarts",
            Self::Rescale => "pods are added or taken away; those that stay do not restart",
            Self::Rolling => "pods restart, one after the other; nothing is lost or counted twice",
            Self::Topic => "topics in Kafka change; no pod restarts",
            Self::Refused => "it cannot be changed; the API server refuses it",
        }
    }
}

impl ConditionType {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::Reconciling,
        Self::Stalled,
        Self::KafkaReachable,
        Self::TopicsReady,
        Self::ProcessorsReady,
        Self::ViewsReady,
        Self::SettingsApplied,
        Self::DataLoss,
        Self::Paused,
    ];

    /// As it stands in a condition's `type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::KafkaReachable => "KafkaReachable",
            Self::TopicsReady => "TopicsReady",
            Self::ProcessorsReady => "ProcessorsReady",
            Self::ViewsReady => "ViewsReady",
            Self::SettingsApplied => "SettingsApplied",
            Self::DataLoss => "DataLoss",
            Self::Paused => "Paused",
        }
    }
}

impl ConditionType {
    /// What it says when it is true.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ready => "everything runs as asked",
            Self::Reconciling => "the operator is still at it; absent otherwise",
            Self::Stalled => "the operator cannot go on until somebody changes something; absent otherwise",
            Self::KafkaReachable => "the brokers answer and let the operator do what it needs",
            Self::TopicsReady => "all topics are there, as asked",
            Self::ProcessorsReady => "all processors have the replicas they are to have, and all are ready",
            Self::ViewsReady => "views write to Redis",
            Self::SettingsApplied => "every replica runs with the newest settings",
            Self::DataLoss => "a stage found orders or state missing in Kafka and stopped",
            Self::Paused => "the processors are drained and at zero replicas, as asked",
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
