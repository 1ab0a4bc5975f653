//! The alert rules: promtool takes them, each was seen to come and not to come, and each has a runbook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{checkout, promtool, reference};

const RULES: &str = "deploy/helm/millrace/files/alerts.yaml";
const TESTS: &str = "tests/data/alerts.test.yaml";

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(checkout(path)).expect(path);
    serde_saphyr::from_str(&text).expect(path)
}

fn rules() -> Vec<Value> {
    let rules = yaml(RULES)["groups"][0]["rules"].as_array().cloned().expect("rules");
    assert!(rules.len() >= 7, "only {} rules", rules.len());
    rules
}

fn text<'a>(rule: &'a Value, field: &str) -> &'a str {
    rule[field].as_str().unwrap_or_default()
}

#[test]
fn the_rules_are_well_formed_and_behave_as_tested() {
    let path = checkout(RULES).display().to_string();
    for args in [["check", "rules", &path], ["test", "rules", "alerts.test.yaml"]] {
        let (fine, said) = promtool(&args, None).expect("promtool runs");
        assert!(fine, "{said}");
    }
}

/// promtool's tests are tests: one that expects what does not come fails.
#[test]
fn a_wrong_expectation_is_found() {
    let tests = std::fs::read_to_string(checkout(TESTS)).expect(TESTS);
    let wrong = tests.replace("severity: critical", "severity: harmless");
    assert_ne!(tests, wrong);
    let path = checkout("tests/data").join(format!("wrong-{}.test.yaml", std::process::id()));
    std::fs::write(&path, wrong).expect("a file");
    let (fine, said) =
        promtool(&["test", "rules", &path.display().to_string()], None).expect("promtool runs");
    std::fs::remove_file(&path).expect("the file goes");
    assert!(!fine && said.contains("harmless"), "{said}");
}

/// Each alert is seen to fire once and to stay silent once.
#[test]
fn every_alert_is_tested_both_ways() {
    let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
    for test in yaml(TESTS)["tests"].as_array().expect("tests") {
        for case in test["alert_rule_test"].as_array().expect("cases") {
            let fires = case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            seen.entry(text(case, "alertname").to_owned()).or_default().insert(fires);
        }
    }
    let both: BTreeSet<_> =
        seen.into_iter().filter(|(_, ways)| ways.len() == 2).map(|(name, _)| name).collect();
    let all: BTreeSet<_> = rules().iter().map(|rule| text(rule, "alert").to_owned()).collect();
    assert_eq!(both, all);
}

#[test]
fn rules_ask_for_metrics_that_exist() {
    let known = reference::series();
    for rule in rules() {
        let unknown: Vec<_> = reference::asked(text(&rule, "expr")).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{}: there is no {unknown:?}", rule["alert"]);
    }
}

/// Each has a severity, words, and a page called after it with the three sections.
#[test]
fn every_alert_has_its_runbook() {
    let index = std::fs::read_to_string(checkout("docs/runbooks/README.md")).expect("the index");
    for rule in rules() {
        let (name, notes) = (text(&rule, "alert"), &rule["annotations"]);
        assert!(["warning", "critical"].contains(&text(&rule["labels"], "severity")), "{name}");
        assert!(!text(notes, "summary").is_empty() && !text(notes, "description").is_empty(), "{name}");
        let url = text(notes, "runbook_url");
        let page = std::fs::read_to_string(checkout(url)).unwrap_or_else(|_| panic!("{name}: no {url}"));
        assert!(page.starts_with(&format!("# {name}\n")), "{url} is about something else");
        for section in ["## What it means", "## How to look", "## What to do"] {
            assert!(page.contains(section), "{url} has no section {section}");
        }
        let file = url.rsplit('/').next().unwrap_or_default();
        assert!(index.contains(&format!("[{name}]({file})")), "{name} is not in the index");
    }
}
