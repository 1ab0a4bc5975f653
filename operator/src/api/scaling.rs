//! How many replicas a processor has.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Duration, schema};

/// How many replicas share the partitions of the orders. More than there are partitions would idle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = rules()))]
pub struct Scaling {
    /// Who decides. `Fixed`: `replicas`. `Auto`: the operator, by load, between `min` and `max`. `External`: somebody
    /// else sets the Deployment's replicas (a `HorizontalPodAutoscaler`, KEDA, a person). Default: `Fixed`.
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
    #[schemars(extend("x-kubernetes-validations" = schema::duration("maxLag", "1s", "1h")))]
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

/// A number that has no effect in the chosen mode is refused, and so is an empty range.
fn rules() -> Value {
    let only = |field: &str, mode: &str| {
        let cel = format!("self.mode == '{mode}' || !has(self.{field})");
        let message =
            format!("{field} has an effect with mode {mode} only: remove it, or set mode to {mode}");
        schema::rule_at(&format!(".{field}"), cel, message)
    };
    let range = "!has(self.min) || !has(self.max) || self.min <= self.max";
    json!([
        only("replicas", "Fixed"),
        only("min", "Auto"),
        only("max", "Auto"),
        only("maxLag", "Auto"),
        schema::rule_at(".min", range, "min is above max: lower min or raise max"),
    ])
}

/// Replicas are within the partitions of the orders; a rule of the whole spec, for it takes both to judge.
pub(super) fn within_partitions() -> Value {
    let processors = ["revenue", "fraud", "trend"].into_iter();
    let rules = processors.flat_map(|processor| {
        ["replicas", "min", "max"].map(|field| {
            let path = format!("processors.{processor}.scaling.{field}");
            let cel = format!("!has(self.{path}) || self.{path} <= self.topics.orders.partitions");
            let message = format!(
                "{path} is above topics.orders.partitions, and a replica without a partition does nothing: lower it, or \
                 raise topics.orders.partitions"
            );
            schema::rule_at(&format!(".{path}"), cel, message)
        })
    });
    Value::Array(rules.collect())
}
