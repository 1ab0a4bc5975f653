//! The resource definition: what the derived one is made into before a cluster gets it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, ValidationRule,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::AnalyticsPipeline;

/// The longest name of a pipeline: the longest name made of it, `<name>-dashboard`, is the name of a Service, which has
/// 63 characters at most.
pub const LONGEST_NAME: usize = 63 - "-dashboard".len();

/// Why the resource definition cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It cannot be turned into a tree of values.
    #[error("cannot turn the resource definition into JSON")]
    Json(#[from] serde_json::Error),
    /// It cannot be written as YAML.
    #[error("cannot write the resource definition as YAML")]
    Yaml(#[from] serde_saphyr::ser::Error),
}

/// The definition of `AnalyticsPipeline`, as a cluster takes it.
pub fn definition() -> CustomResourceDefinition {
    let mut definition = AnalyticsPipeline::crd();
    let schemas = definition.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for schema in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        tidy(schema);
        schema.x_kubernetes_validations = Some(name_rules());
    }
    definition
}

/// The definition as YAML.
///
/// # Errors
/// When it cannot be written, which would be a fault of this program.
pub fn definition_yaml() -> Result<String, DefinitionError> {
    let mut tree = serde_json::to_value(definition())?;
    whole_numbers(&mut tree);
    Ok(serde_saphyr::to_string(&tree)?)
}

/// Rules about the resource's own name, which is no part of the spec.
fn name_rules() -> Vec<ValidationRule> {
    let rule = |rule: String, message: String| ValidationRule {
        rule,
        message: Some(message),
        ..ValidationRule::default()
    };
    vec![
        rule(
            format!("size(self.metadata.name) <= {LONGEST_NAME}"),
            format!(
                "metadata.name is longer than {LONGEST_NAME} characters, and <name>-dashboard would be longer than the \
                 63 that a Service's name can have: choose a shorter one"
            ),
        ),
        rule(
            "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')".to_owned(),
            "metadata.name must be lower-case letters, digits and '-', beginning with a letter and without dots: Services \
             are named after it"
                .to_owned(),
        ),
    ]
}

/// Brings a derived schema into the shape in which it is good to read and quick to check:
/// - nothing is nullable, so that `field: null` is the same as no field;
/// - the default of an object is `{}`: the defaults of its fields do the rest. Not so if there are rules about the object,
///   which the API server applies to the default as it stands;
/// - formats that Kubernetes does not know are left out; the limits say the same;
/// - descriptions are paragraphs without line breaks.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(JSON(default)) = &mut schema.default
        && default.is_object()
        && schema.x_kubernetes_validations.is_none()
    {
        *default = json!({});
    }
    schema.format.take_if(|format| format.starts_with("uint"));
    if let Some(description) = &mut schema.description {
        *description = description.split('\n').collect::<Vec<_>>().join(" ");
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(tidy);
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => tidy(items),
        Some(JSONSchemaPropsOrArray::Schemas(list)) => list.iter_mut().for_each(tidy),
        None => {}
    }
}

/// Limits are floating-point numbers in the library's types; `20` reads better than `20.0`.
fn whole_numbers(tree: &mut Value) {
    match tree {
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Number(number) => {
            if let Some(whole) = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e18)
                && !number.is_i64()
                && !number.is_u64()
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and far within the range")]
                let whole = whole as i64;
                *tree = json!(whole);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
