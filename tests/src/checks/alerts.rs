//! The alerts topic against the oracle.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::Value;

use super::Differences;
use crate::oracle::Expected;
use crate::pipeline::Pipeline;
use crate::topic;

/// Compares all committed alerts, every field and the key: none lost, none twice, none wrong.
///
/// # Errors
/// When the topic cannot be read.
pub fn alerts(pipeline: &Pipeline, expected: &Expected) -> Result<Differences> {
    let mut actual: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut wrong_keys = Vec::new();
    topic::visit(pipeline.brokers(), &pipeline.alerts(), |record| {
        let alert = record.json()?;
        let id = alert["alertId"].as_str().unwrap_or_default().to_owned();
        if alert["userId"] != record.key_text() {
            wrong_keys.push(format!("{id} has the key {:?}", record.key_text()));
        }
        actual.entry(id).or_default().push(alert);
        Ok(())
    })?;
    let mut differences = differences(&expected.alerts, &actual);
    for wrong in wrong_keys {
        differences.add(wrong);
    }
    Ok(differences)
}

fn differences(
    expected: &BTreeMap<String, Vec<Value>>,
    actual: &BTreeMap<String, Vec<Value>>,
) -> Differences {
    let mut differences = Differences::of("alerts");
    let nothing = Vec::new();
    for (id, wanted) in expected {
        differences.compared();
        let found = actual.get(id).unwrap_or(&nothing);
        if found.len() != wanted.len() {
            differences.add(format!("{id} was sent {} times, must be {}", found.len(), wanted.len()));
        } else if sorted(found) != sorted(wanted) {
            differences.add(format!("{id} is {}, must be {}", show(found), show(wanted)));
        }
    }
    for (id, found) in actual.iter().filter(|(id, _)| !expected.contains_key(*id)) {
        differences.add(format!("{id} must not exist: {}", show(found)));
    }
    differences
}

fn sorted(alerts: &[Value]) -> Vec<String> {
    let mut texts: Vec<_> = alerts.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}

fn show(alerts: &[Value]) -> String {
    sorted(alerts).join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn two() -> BTreeMap<String, Vec<Value>> {
        ["a", "b"].map(|id| (id.to_owned(), vec![json!({"alertId": id, "value": 1})])).into()
    }

    #[test]
    fn equal_alerts_do_not_differ() {
        assert!(differences(&two(), &two()).is_empty());
    }

    #[test]
    fn a_missing_a_repeated_a_wrong_and_an_invented_alert_are_found() {
        let mut missing = two();
        missing.remove("a");
        assert_eq!(differences(&two(), &missing).found, ["a was sent 0 times, must be 1"]);
        let mut twice = two();
        twice.get_mut("b").unwrap().push(json!({"alertId": "b", "value": 1}));
        assert_eq!(differences(&two(), &twice).found, ["b was sent 2 times, must be 1"]);
        let mut wrong = two();
        wrong.insert("a".to_owned(), vec![json!({"alertId": "a", "value": 2})]);
        assert_eq!(differences(&two(), &wrong).len(), 1);
        let mut invented = two();
        invented.insert("c".to_owned(), vec![json!({"alertId": "c"})]);
        assert_eq!(differences(&two(), &invented).len(), 1);
    }
}
