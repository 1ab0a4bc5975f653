//! What is left of a pipeline.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is left when the resource is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DeletionSpec {
    /// The public topics that the operator manages (`management: Managed`): orders, metrics, alerts, dead letters.
    /// `Delete` deletes them with everything in them, but for those that another pipeline on the same Kafka uses.
    /// Default: `Retain`.
    pub topics: OnDeletion,

    /// What Millrace keeps for itself: the state and settings topics, the consumer groups and the keys in Redis.
    /// Without them a pipeline of the same name begins anew. Default: `Retain`.
    pub state: OnDeletion,
}

/// Whether something outlives the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDeletion {
    /// It stays.
    #[default]
    Retain,
    /// It goes.
    Delete,
}
