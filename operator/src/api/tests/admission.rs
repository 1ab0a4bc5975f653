//! What an API server does with a resource before it keeps it, as far as the schema decides: nothing takes the place of
//! null, defaults are filled in, types and limits are checked, then the rules. The real one is asked the same questions
//! in `tests/api_rules.rs`.

use kube_cel::Validator;
use serde_json::{Map, Value};

/// The resource with defaults.
pub(crate) fn admit(schema: &Value, object: &Value, old: Option<&Value>) -> Result<Value, String> {
    let defaulted = defaulted(schema, object);
    let old = old.map(|old| self::defaulted(schema, old));
    let mut problems = Vec::new();
    check(schema, &defaulted, "", &mut problems);
    if problems.is_empty() {
        let judged = Validator::new().validate(schema, &defaulted, old.as_ref());
        judged.map_err(|errors| errors.to_string())?;
        Ok(defaulted)
    } else {
        Err(problems.join("\n"))
    }
}

/// The resource as a cluster keeps it: nothing takes the place of null, and what is left out has its default, the
/// defaults of what is below filled in as well.
pub(super) fn defaulted(schema: &Value, object: &Value) -> Value {
    let mut object = object.clone();
    remove_nulls(&mut object);
    fill_in(schema, &mut object);
    object
}

fn remove_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, field| !field.is_null());
        fields.values_mut().for_each(remove_nulls);
    }
}

fn fill_in(schema: &Value, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(default) = property.get("default") {
            fields.entry(name).or_insert_with(|| default.clone());
        }
        if let Some(field) = fields.get_mut(name) {
            fill_in(property, field);
        }
    }
}

/// Checks `value` and everything below. The words are those of the API server.
fn check(schema: &Value, value: &Value, path: &str, problems: &mut Vec<String>) {
    let mut say = |problem: String| problems.push(format!("{path}: {problem}"));
    if let Some(expected) = schema["type"].as_str().filter(|expected| !is(expected, value)) {
        return say(format!("must be of type {expected}"));
    }
    if let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) {
        let choices: Vec<_> = choices.iter().map(ToString::to_string).collect();
        say(format!("Unsupported value: {value}: supported values: {}", choices.join(", ")));
    }
    if let Some(number) = value.as_f64() {
        let beyond = |limit: &str, outside: fn(&f64, &f64) -> bool| {
            schema[limit].as_f64().filter(|limit| outside(&number, limit))
        };
        if let Some(least) = beyond("minimum", f64::lt) {
            say(format!("should be greater than or equal to {least}"));
        }
        if let Some(most) = beyond("maximum", f64::gt) {
            say(format!("should be less than or equal to {most}"));
        }
    }
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        let limit = |limit: &str| schema[limit].as_u64();
        if let Some(least) = limit("minLength").filter(|least| length < *least) {
            say(format!("should be at least {least} chars long"));
        }
        if let Some(most) = limit("maxLength").filter(|most| length > *most) {
            say(format!("may not be more than {most} bytes"));
        }
    }
    if let Some(fields) = value.as_object().filter(|_| !path.starts_with("metadata")) {
        check_fields(schema, fields, path, problems);
    }
}

fn check_fields(schema: &Value, fields: &Map<String, Value>, path: &str, problems: &mut Vec<String>) {
    let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(required) {
            problems.push(format!("{}: Required value", at(required)));
        }
    }
    if let Some(most) = schema["maxProperties"].as_u64().filter(|most| fields.len() as u64 > *most) {
        problems.push(format!("{path}: Too many: must have at most {most} items"));
    }
    for (name, field) in fields {
        let of_object = path.is_empty() && ["apiVersion", "kind", "metadata"].contains(&name.as_str());
        match schema["properties"].get(name).or_else(|| schema.get("additionalProperties")) {
            Some(schema) => check(schema, field, &at(name), problems),
            None if of_object => {}
            None => problems.push(format!("unknown field {:?}", at(name))),
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("the schema has a field of type {other}, which is not checked here"),
    }
}
