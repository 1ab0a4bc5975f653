mod admission;
mod promises;
mod rules;
#[path = "../../tests/data/samples.rs"]
mod samples;

pub(crate) use admission::admit;

use serde_json::Value;

use super::definition;

/// The schema that a cluster would check by.
pub(crate) fn schema() -> Value {
    let definition = definition();
    let schema = definition.spec.versions[0].schema.as_ref().unwrap();
    serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap()
}
