//! Pieces of the schema that the types alone do not say.

use schemars::{Schema, SchemaGenerator, json_schema};

/// An object that the API server takes as it is.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
