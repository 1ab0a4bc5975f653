//! Counters, in the state topic and in Redis, against the oracle.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Differences;
use crate::oracle::Expected;
use crate::pipeline::Pipeline;
use crate::redis_server::Redis;
use crate::topic;

/// The families of keys that the revenue view owns.
const FAMILIES: [&str; 2] = ["revenue:", "orders:"];

/// Compares every key of the revenue families: exactly these keys, exactly these values.
///
/// # Errors
/// When Redis does not answer.
pub fn counters(pipeline: &Pipeline, redis: &Redis, expected: &Expected) -> Result<Differences> {
    let prefix = pipeline.key_prefix();
    let actual: BTreeMap<_, _> = redis
        .strings()?
        .into_iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(&prefix)?.to_owned(), value)))
        .filter(|(key, _)| FAMILIES.iter().any(|family| key.starts_with(family)))
        .collect();
    Ok(differences("Redis counters", &expected.counters, &actual))
}

/// Compares the revenue counters that a drained stage left in its state topic, summed over its partitions.
///
/// # Errors
/// When the topic cannot be read or holds a counter that is no number.
pub fn state(pipeline: &Pipeline, stage: &str, expected: &Expected) -> Result<Differences> {
    let mut newest = BTreeMap::new();
    topic::visit(pipeline.brokers(), &pipeline.state(stage), |record| {
        if let Some(counter) = record.key_text().strip_prefix("revenue/") {
            newest.insert((counter.to_owned(), record.partition), record.value);
        }
        Ok(())
    })?;
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for ((counter, _), value) in newest {
        let Some(value) = value else { continue };
        let number: i128 =
            String::from_utf8(value)?.parse().with_context(|| format!("counter {counter} of the state"))?;
        *sums.entry(counter).or_default() += number;
    }
    let actual = sums.into_iter().map(|(counter, sum)| (counter, sum.to_string())).collect();
    Ok(differences("state counters", &expected.counters, &actual))
}

fn differences(
    what: &'static str,
    expected: &BTreeMap<String, String>,
    actual: &BTreeMap<String, String>,
) -> Differences {
    let mut differences = Differences::of(what);
    for (key, value) in expected {
        differences.compared();
        match actual.get(key) {
            Some(found) if found == value => {}
            Some(found) => differences.add(format!("{key} is {found}, must be {value}{}", by(found, value))),
            None => differences.add(format!("{key} is missing, must be {value}")),
        }
    }
    for (key, found) in actual.iter().filter(|(key, _)| !expected.contains_key(*key)) {
        differences.add(format!("{key} is {found}, must not exist"));
    }
    differences
}

fn by(found: &str, wanted: &str) -> String {
    match (found.parse::<i128>(), wanted.parse::<i128>()) {
        (Ok(found), Ok(wanted)) => format!(" ({:+})", found - wanted),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
        entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn an_off_by_one_a_missing_and_a_foreign_counter_are_found() {
        let expected = map([("orders:total", "10"), ("revenue:total", "100")]);
        assert!(differences("counters", &expected, &expected).is_empty());
        let found =
            differences("counters", &expected, &map([("orders:total", "11"), ("revenue:city:X", "1")]));
        assert_eq!(
            found.found,
            [
                "orders:total is 11, must be 10 (+1)",
                "revenue:total is missing, must be 100",
                "revenue:city:X is 1, must not exist"
            ]
        );
    }
}
