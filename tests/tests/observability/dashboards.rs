//! Grafana's dashboards: they ask for what exists, and can be read.

use std::collections::BTreeSet;

use serde_json::Value;

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

fn dashboards() -> Vec<Value> {
    let folder = checkout("deploy/helm/millrace/files/grafana");
    let read = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).expect("the dashboard is there");
        serde_json::from_str(&text).expect("the dashboard is JSON")
    };
    vec![read("shop.json"), read("pipeline.json")]
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().expect("panels").iter().filter(|panel| panel["type"] != "row")
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
