//! The image that the pods run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// The image that all pods run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageSpec {
    /// The image without tag, as `registry.example/millrace`. Default: that of the operator's configuration. At most
    /// 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255), extend("x-kubernetes-validations" = schema::image_repository()))]
    pub repository: Option<String>,

    /// The tag. Default: that of the operator's configuration, which is the operator's own version. At most 128
    /// characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), extend("x-kubernetes-validations" = schema::image_tag()))]
    pub tag: Option<String>,

    /// When nodes fetch the image. Default: `IfNotPresent`.
    pub pull_policy: PullPolicy,
}

/// When nodes fetch an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PullPolicy {
    /// At every start of a container.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Never: the node must have it.
    Never,
}
