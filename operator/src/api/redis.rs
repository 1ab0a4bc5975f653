//! Where results go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SecretName, schema};

/// Redis or Valkey, one server or a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedisSpec {
    /// `redis://host:port`, or `rediss://host:port` for TLS, a database number may follow (`/2`). No user and no
    /// password: those belong into `secret`. At most 500 characters.
    #[schemars(length(min = 1, max = 500), extend("x-kubernetes-validations" = schema::redis_url()))]
    pub url: String,

    /// The Secret with key `password` and, unless the default user is meant, `username`. Without: no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretName>,

    /// Put before every key. A part in braces keeps all keys in one slot of a Redis Cluster. Default:
    /// `{<namespace>.<name>}:`. At most 200 characters; may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), extend("x-kubernetes-validations" = schema::key_prefix()))]
    pub key_prefix: Option<String>,
}
