//! The schema as a list of fields.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// One field.
pub(crate) struct Node<'a> {
    /// As `spec.kafka.tls`; items of a list are `[]`.
    pub path: String,
    /// Its schema.
    pub schema: &'a JSONSchemaProps,
    required: bool,
}

impl<'a> Node<'a> {
    /// Where a tree begins.
    pub fn root(path: &str, schema: &'a JSONSchemaProps) -> Self {
        Self { path: path.to_owned(), schema, required: true }
    }

    /// The field `name` of the object `parent` at `path`.
    pub fn child(path: &str, name: &str, schema: &'a JSONSchemaProps, parent: &JSONSchemaProps) -> Self {
        let required = parent.required.iter().flatten().any(|field| field == name);
        Self { path: format!("{path}.{name}"), schema, required }
    }

    /// Whether it can differ between two resources by itself: it has a value of its own, or it may be absent with all
    /// its fields.
    pub fn can_change(&self) -> bool {
        let has_fields = self.schema.properties.as_ref().is_some_and(|properties| !properties.is_empty());
        let may_be_absent = !self.required && self.schema.default.is_none();
        !has_fields || may_be_absent
    }

    /// Its type in words.
    pub fn kind(&self) -> String {
        let schema = self.schema;
        match schema.type_.as_deref() {
            None if schema.x_kubernetes_int_or_string == Some(true) => "quantity".to_owned(),
            Some("array") => "list".to_owned(),
            Some("object") if schema.additional_properties.is_some() => "map".to_owned(),
            Some("string") if schema.enum_.is_some() => choices(schema),
            Some("string") if self.range_of_duration().is_some() => "duration".to_owned(),
            Some(other) => other.to_owned(),
            None => "any".to_owned(),
        }
    }

    /// What it is unless written.
    pub fn default(&self) -> String {
        match &self.schema.default {
            Some(default) if default.0.is_object() => String::new(),
            Some(default) => format!("`{}`", default.0.to_string().trim_matches('"')),
            None if self.required => "required".to_owned(),
            None => "none".to_owned(),
        }
    }

    /// Numbers and lengths it must lie within.
    pub fn limits(&self) -> String {
        let schema = self.schema;
        if let Some(range) = self.range_of_duration() {
            return range.to_owned();
        }
        let numbers = match (schema.minimum, schema.maximum) {
            (Some(least), Some(most)) => Some(format!("{least} to {most}")),
            (Some(least), None) => Some(format!("from {least}")),
            _ => None,
        };
        let characters = schema.max_length.filter(|_| schema.type_.is_some());
        let characters = characters.map(|most| format!("at most {most} characters"));
        let entries = schema.max_properties.map(|most| format!("at most {most} entries"));
        [numbers, characters, entries].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The range of a duration stands in its rule alone: in the schema it is text.
    fn range_of_duration(&self) -> Option<&str> {
        let mut messages =
            self.schema.x_kubernetes_validations.iter().flatten().filter_map(|rule| rule.message.as_deref());
        messages.find_map(|message| Some(message.split_once(" must be from ")?.1))
    }

    /// Its description, fit for a cell of a table.
    pub fn meaning(&self) -> String {
        self.schema.description.as_deref().unwrap_or_default().replace('|', "\\|")
    }

    /// The fields that its rules speak of, with their messages.
    pub fn rules(&self) -> Vec<(String, String)> {
        let rules = self.schema.x_kubernetes_validations.iter().flatten();
        rules
            .map(|rule| {
                let at = rule.field_path.as_deref().unwrap_or_default();
                (format!("{}{at}", self.path), rule.message.clone().unwrap_or_else(|| rule.rule.clone()))
            })
            .collect()
    }
}

/// `top` and everything below, parents first.
pub(crate) fn nodes(top: Node<'_>) -> Vec<Node<'_>> {
    let (path, schema) = (top.path.clone(), top.schema);
    let mut found = vec![top];
    for (name, property) in schema.properties.iter().flatten() {
        found.extend(nodes(Node::child(&path, name, property, schema)));
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        found.extend(nodes(Node::root(&format!("{path}[]"), items)).into_iter().skip(1));
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        found.extend(nodes(Node::root(&format!("{path}[]"), values)).into_iter().skip(1));
    }
    found
}

fn choices(schema: &JSONSchemaProps) -> String {
    let names =
        schema.enum_.iter().flatten().map(|name| format!("`{}`", name.0.to_string().trim_matches('"')));
    names.collect::<Vec<_>>().join(", ")
}
