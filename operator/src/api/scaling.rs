//! How many replicas a processor has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

/// How many replicas share the partitions of the orders. More than there are partitions would idle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Scaling {
    /// Who decides. `Fixed`: `replicas`. `Auto`: the operator, by load, between `min` and `max`. `External`: somebody
    /// else sets the Deployment's replicas (a HorizontalPodAutoscaler, KEDA, a person). Default: `Fixed`.
    pub mode: ScalingMode,

    /// With `Fixed`: how many replicas. Default: 1; 1 to the partitions of `topics.orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub replicas: Option<i32>,

    /// With `Auto`: the fewest replicas. Default: 1; 1 to `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub min: Option<i32>,

    /// With `Auto`: the most replicas. Default and greatest: the partitions of `topics.orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub max: Option<i32>,

    /// With `Auto`: how old the oldest unread order may get; what has piled up is worked off within this time.
    /// Default: 30s; 1s to 1h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<Duration>,
}

/// Who decides on the replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ScalingMode {
    /// The number in the resource.
    #[default]
    Fixed,
    /// The operator, by load.
    Auto,
    /// Somebody else; the operator leaves the replicas alone.
    External,
}
