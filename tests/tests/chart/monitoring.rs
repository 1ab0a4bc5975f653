//! What Prometheus and Grafana get from the chart is what stands in its files.

use serde_json::{Value, json};

use super::helm::{Profile, chart};

fn file(name: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(&chart()).join("files").join(name)).expect(name)
}

/// The rules are those of the plain file, but for where their runbooks are.
#[test]
fn the_rules_are_those_of_the_file() {
    let profile = Profile::named("full");
    let rule = profile.one("PrometheusRule");
    assert_eq!(rule["metadata"]["labels"]["release"], "prometheus");
    let base = "runbook_url: https://git.example.com/team/millrace/blob/main/docs/";
    let text = file("alerts.yaml").replace("runbook_url: docs/", base);
    let expected: Value = serde_saphyr::from_str(&text).expect("rules");
    assert_eq!(rule["spec"]["groups"], expected["groups"]);
    assert!(Profile::named("default").all("PrometheusRule").is_empty());
}

/// Each dashboard is in a `ConfigMap` of its own, byte for byte, where Grafana's sidecar finds it.
#[test]
fn the_dashboards_are_those_of_the_files() {
    let maps = Profile::named("full").all("ConfigMap");
    let dashboards: Vec<_> =
        maps.iter().filter(|map| map["metadata"]["labels"]["grafana_dashboard"] == "1").collect();
    let mut names = Vec::new();
    for map in &dashboards {
        assert_eq!(map["metadata"]["annotations"]["grafana_folder"], "Millrace");
        for (name, text) in map["data"].as_object().expect("data") {
            assert_eq!(text.as_str().map(str::trim_end), Some(file(&format!("grafana/{name}")).trim_end()));
            names.push(name.as_str());
        }
    }
    names.sort_unstable();
    assert_eq!(names, ["pipeline.json", "shop.json"]);
    assert!(Profile::named("default").all("ConfigMap").is_empty());
}

/// Pods of pipelines are found by the labels and the port that the operator gives them, and named after their pipeline.
#[test]
fn pods_of_pipelines_are_scraped() {
    let monitor = Profile::named("full").one("PodMonitor");
    let labels =
        json!({"app.kubernetes.io/name": "millrace", "app.kubernetes.io/managed-by": "millrace-operator"});
    assert_eq!(monitor["spec"]["selector"]["matchLabels"], labels);
    assert_eq!(monitor["spec"]["namespaceSelector"], json!({"any": true}));
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!((&endpoint["port"], &endpoint["interval"]), (&json!("admin"), &json!("15s")));
    assert_eq!(endpoint["relabelings"][0]["targetLabel"], "pipeline");
    let built = file("../../../../operator/tests/golden/minimal.objects.yaml");
    for (name, value) in labels.as_object().expect("labels") {
        assert!(built.contains(&format!("{name}: {}", value.as_str().expect("text"))), "{name}");
    }
    assert!(built.contains("name: admin"), "the port has another name");
}
