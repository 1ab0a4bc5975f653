//! Whether a child is as it should be. Pure.

use k8s_openapi::serde_json::{Map, Value};

/// Fields below these hold amounts, which the API server may write in another way than they came.
const AMOUNTS: [&str; 2] = ["requests", "limits"];

/// The first field in which `live` is not as `desired` says, as a path for people; `None` when everything that
/// is desired is there. What is in `live` beyond that (defaults, other people's fields) is not looked at.
pub(crate) fn difference(desired: &Value, live: &Value) -> Option<String> {
    let mut path = Vec::new();
    differs(desired, live, &mut path).then(|| path.join("."))
}

fn differs(desired: &Value, live: &Value, path: &mut Vec<String>) -> bool {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => objects_differ(desired, live, path),
        (Value::Array(desired), Value::Array(live)) => lists_differ(desired, live, path),
        (Value::String(a), Value::String(b)) if is_amount(path) => !same_amount(a, b),
        (desired, live) => desired != live,
    }
}

fn objects_differ(desired: &Map<String, Value>, live: &Map<String, Value>, path: &mut Vec<String>) -> bool {
    desired.iter().any(|(name, desired)| {
        path.push(name.clone());
        let differs = match live.get(name) {
            Some(live) => differs(desired, live, path),
            None => !is_dropped(desired),
        };
        if !differs {
            path.pop();
        }
        differs
    })
}

/// Lists whose entries have names are compared by name: others may have added entries of theirs. The order of other
/// objects is the server's; that of plain values means something.
fn lists_differ(desired: &[Value], live: &[Value], path: &mut Vec<String>) -> bool {
    if is_named(desired) {
        return desired.iter().any(|entry| named_differs(entry, live, path));
    }
    if desired.len() != live.len() {
        return true;
    }
    desired.iter().enumerate().any(|(index, entry)| {
        let found = if entry.is_object() { match_of(entry, live, path) } else { live.get(index) };
        path.push(index.to_string());
        let differs = found.or_else(|| live.get(index)).is_none_or(|live| differs(entry, live, path));
        if !differs {
            path.pop();
        }
        differs
    })
}

fn named_differs(entry: &Value, live: &[Value], path: &mut Vec<String>) -> bool {
    path.push(entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned());
    let mut found = live.iter().filter(|live| live.get("name") == entry.get("name"));
    let differs = match (found.next(), found.next()) {
        (Some(live), None) => differs(entry, live, path),
        _ => true,
    };
    if !differs {
        path.pop();
    }
    differs
}

/// The entry that is as `desired` says.
fn match_of<'a>(desired: &Value, entries: &'a [Value], path: &[String]) -> Option<&'a Value> {
    entries.iter().find(|entry| !differs(desired, entry, &mut path.to_vec()))
}

fn is_named(list: &[Value]) -> bool {
    list.iter().all(|entry| entry.get("name").is_some()) && !list.is_empty()
}

/// `live` with everything in it that `desired` says, and without entries that somebody put into lists of which the
/// operator decides the whole: those without names, and second ones of a name.
pub(crate) fn restored(desired: &Value, live: &Value) -> Value {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            let mut restored_fields = live.clone();
            for (name, desired) in desired {
                let live = live.get(name).unwrap_or(&Value::Null);
                restored_fields.insert(name.clone(), restored(desired, live));
            }
            Value::Object(restored_fields)
        }
        (Value::Array(desired), Value::Array(live)) if is_named(desired) => {
            let same = |a: &Value, b: &Value| a.get("name") == b.get("name");
            let ours = desired.iter().map(|entry| {
                let live = live.iter().find(|live| same(live, entry)).unwrap_or(&Value::Null);
                restored(entry, live)
            });
            let others = live.iter().filter(|live| !desired.iter().any(|entry| same(entry, live))).cloned();
            ours.chain(others).collect()
        }
        (desired, _) => desired.clone(),
    }
}

/// What the API server does not store: it means the same as nothing.
fn is_dropped(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_amount(path: &[String]) -> bool {
    path.len() >= 2 && AMOUNTS.contains(&path[path.len() - 2].as_str())
}

fn same_amount(a: &str, b: &str) -> bool {
    use crate::api::Quantity;
    match (a.parse::<Quantity>(), b.parse::<Quantity>()) {
        (Ok(a), Ok(b)) => a.compare(&b).is_eq(),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::serde_json::json;

    use super::*;

    #[test]
    fn what_others_added_is_no_difference() {
        let desired = json!({"spec": {"containers": [{"name": "a", "env": [{"name": "X", "value": "1"}]}]}});
        let live = json!({
            "status": {"replicas": 1},
            "spec": {"paused": false, "containers": [
                {"name": "sidecar"},
                {"name": "a", "image": "i", "env": [{"name": "Y"}, {"name": "X", "value": "1"}]},
            ]},
        });
        assert_eq!(difference(&desired, &live), None);
    }

    #[test]
    fn a_changed_a_removed_and_a_missing_field_are_named() {
        let desired = json!({"spec": {"replicas": 2, "containers": [{"name": "a", "args": ["x", "y"]}]}});
        for (live, path) in [
            (
                json!({"spec": {"replicas": 3, "containers": [{"name": "a", "args": ["x", "y"]}]}}),
                "spec.replicas",
            ),
            (json!({"spec": {"containers": [{"name": "a", "args": ["x", "y"]}]}}), "spec.replicas"),
            (json!({"spec": {"replicas": 2, "containers": [{"name": "b"}]}}), "spec.containers.a"),
            (
                json!({"spec": {"replicas": 2, "containers": [{"name": "a", "args": ["x"]}]}}),
                "spec.containers.a.args",
            ),
            (
                json!({"spec": {"replicas": 2, "containers": [{"name": "a", "args": ["x", "z"]}]}}),
                "spec.containers.a.args.1",
            ),
        ] {
            assert_eq!(difference(&desired, &live).as_deref(), Some(path));
        }
    }

    #[test]
    fn amounts_are_compared_as_amounts_and_nothing_else_is() {
        let resources = |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}}});
        assert_eq!(difference(&resources("0.5"), &resources("500m")), None);
        assert_eq!(
            difference(&resources("0.5"), &resources("501m")).as_deref(),
            Some("resources.requests.cpu")
        );
        let value = |text: &str| json!({"env": {"value": text}});
        assert_eq!(difference(&value("0.5"), &value("500m")).as_deref(), Some("env.value"));
    }

    #[test]
    fn entries_without_names_may_come_in_any_order_but_not_more_of_them() {
        let spread =
            |keys: &[&str]| json!({"spread": keys.iter().map(|key| json!({"key": key})).collect::<Vec<_>>()});
        assert_eq!(difference(&spread(&["zone", "host"]), &spread(&["host", "zone"])), None);
        let more = spread(&["zones", "host", "zone"]);
        assert_eq!(difference(&spread(&["zone", "host"]), &more).as_deref(), Some("spread"));
        assert_eq!(restored(&spread(&["zone", "host"]), &more), spread(&["zone", "host"]));
        assert!(difference(&json!({"args": ["a", "b"]}), &json!({"args": ["b", "a"]})).is_some());
    }

    #[test]
    fn what_is_restored_is_as_desired_and_keeps_what_is_not_ours() {
        let desired = json!({"ports": [{"name": "admin", "port": 1}]});
        let doubled =
            json!({"ports": [{"name": "admin", "port": 2}, {"name": "admin", "port": 1}, {"name": "own"}]});
        assert_eq!(difference(&desired, &doubled).as_deref(), Some("ports.admin"));
        let live =
            json!({"ports": [{"name": "admin", "port": 2, "protocol": "TCP"}, {"name": "own"}], "other": 1});
        for live in [doubled, live] {
            let restored = restored(&desired, &live);
            assert_eq!(difference(&desired, &restored), None);
            assert_eq!(restored["ports"][1], json!({"name": "own"}));
            assert_eq!(restored.get("other"), live.get("other"));
        }
    }

    #[test]
    fn empty_values_may_be_missing_but_false_and_zero_may_not() {
        assert_eq!(difference(&json!({"a": "", "b": [], "c": {}, "d": null}), &json!({})), None);
        assert!(difference(&json!({"automountServiceAccountToken": false}), &json!({})).is_some());
        assert!(difference(&json!({"minReadySeconds": 0}), &json!({})).is_some());
    }
}
