//! Where two specs differ.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::fields;

/// A field that is not what it was.
pub(super) struct Changed<'a> {
    /// As `spec.topics.orders.partitions`.
    pub path: String,
    /// What it was; `None`: it was not there.
    pub old: Option<&'a Value>,
    /// What it is.
    pub new: Option<&'a Value>,
}

/// All fields that differ, in the order of their paths. What comes or goes as a whole is one change.
pub(super) fn between<'a>(old: &'a Value, new: &'a Value) -> Vec<Changed<'a>> {
    let mut found = Vec::new();
    compare("spec".to_owned(), Some(old), Some(new), &mut found);
    found
}

fn compare<'a>(path: String, old: Option<&'a Value>, new: Option<&'a Value>, found: &mut Vec<Changed<'a>>) {
    match (old, new) {
        _ if old == new => {}
        (Some(Value::Object(old)), Some(Value::Object(new))) if fields::has_parts(&path) => {
            for key in keys(old, new) {
                compare(format!("{path}.{key}"), old.get(key), new.get(key), found);
            }
        }
        _ => found.push(Changed { path, old, new }),
    }
}

fn keys<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> BTreeSet<&'a String> {
    old.keys().chain(new.keys()).collect()
}
