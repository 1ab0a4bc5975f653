//! Grafana's dashboards: they ask for what exists, and can be read.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{checkout, reference};

/// What is in the place of Grafana's own variables.
const VARIABLES: [(&str, &str); 3] = [("$namespace", ".*"), ("$pipeline", ".*"), ("$__rate_interval", "20s")];

/// One query of a panel.
pub struct Query {
    /// Dashboard and panel.
    pub panel: String,
    /// As Prometheus is asked.
    pub expression: String,
}

/// The dashboards.
pub fn files() -> [PathBuf; 2] {
    ["shop.json", "pipeline.json"].map(|name| checkout("deploy/helm/millrace/files/grafana").join(name))
}

fn dashboards() -> Vec<Value> {
    let read = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("the dashboard is there");
        serde_json::from_str(&text).expect("the dashboard is JSON")
    };
    files().iter().map(read).collect()
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row")
}

fn expressions(dashboard: &Value) -> impl Iterator<Item = &str> {
    let targets = panels(dashboard).flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("an expression"))
}

/// The queries of all panels.
pub fn queries() -> Vec<Query> {
    let mut queries = Vec::new();
    for dashboard in &dashboards() {
        for panel in panels(dashboard) {
            for target in panel["targets"].as_array().expect("targets") {
                let written = target["expr"].as_str().expect("an expression").to_owned();
                let expression =
                    VARIABLES.iter().fold(written, |text, (name, value)| text.replace(name, value));
                assert!(!expression.contains('$'), "an unknown variable: {expression}");
                queries
                    .push(Query { panel: format!("{}: {}", dashboard["title"], panel["title"]), expression });
            }
        }
    }
    assert!(queries.len() > 60, "only {} queries", queries.len());
    queries
}

#[test]
fn panels_ask_for_metrics_that_exist() {
    let known = reference::series();
    for Query { panel, expression } in queries() {
        let asked = reference::asked(&expression);
        assert!(!asked.is_empty(), "{panel} asks for nothing: {expression}");
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{panel}: there is no {unknown:?}");
    }
}

/// What only grows says nothing as it is, and begins anew with its process: it is asked how fast or how much it grew.
#[test]
fn counters_are_asked_for_as_rates() {
    let known = reference::metrics();
    let mut seen = 0;
    for dashboard in &dashboards() {
        for expression in expressions(dashboard) {
            let asked = reference::asked(expression).into_iter();
            for name in asked.filter(|name| known.get(name).is_some_and(|kind| kind == "counter")) {
                for (at, _) in expression.match_indices(&name) {
                    seen += 1;
                    let before = &expression[..at];
                    assert!(
                        before.ends_with("rate(") || before.ends_with("increase("),
                        "{name}: {expression}"
                    );
                }
            }
        }
    }
    assert!(seen > 10, "only {seen} counters");
}

/// What can be chosen above the panels is what there is in the time that is looked at.
#[test]
fn choices_follow_the_time_range() {
    for dashboard in &dashboards() {
        let choices = dashboard["templating"]["list"].as_array().expect("variables");
        let asked: Vec<_> = choices.iter().filter(|choice| choice["type"] == "query").collect();
        assert_eq!(asked.len(), 2);
        for choice in asked {
            assert_eq!(
                (&choice["refresh"], &choice["datasource"]["uid"]),
                (&json!(2), &json!("${datasource}"))
            );
        }
    }
}

/// Every panel is named, explained, has the chosen data source, and lies beside the others.
#[test]
fn panels_are_explained_and_do_not_overlap() {
    for dashboard in &dashboards() {
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in panels(dashboard) {
            let title = panel["title"].as_str().expect("a title");
            assert!(ids.insert(panel["id"].as_u64()), "{title} has the number of another");
            assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
            let place = |side: &str| panel["gridPos"][side].as_u64().expect("a place");
            assert!(place("x") + place("w") <= 24, "{title} is too wide");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(taken.insert((x, y)), "{title} lies over another panel");
                }
            }
        }
        assert!(ids.len() > 10);
    }
}
