//! What a pod gets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Quantity, schema};

/// What a pod gets. What is left out has the operator's default for this kind of pod; a default limit is raised to the
/// request if that is greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::requests_within_limits()))]
pub struct Resources {
    /// What a pod is sure to have; by this it is given a node.
    pub requests: Amounts,
    /// What a pod may use at most.
    pub limits: Amounts,
}

/// CPU and memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Amounts {
    /// Processor time, in cores: `500m` is half a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::cpu()))]
    pub cpu: Option<Quantity>,
    /// Memory, in bytes: `128Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::memory()))]
    pub memory: Option<Quantity>,
}
