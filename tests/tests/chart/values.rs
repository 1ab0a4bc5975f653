//! `values.yaml` and `values.schema.json`: the same values, each explained, and wrong ones refused by name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::helm::{chart, checkout, run};

/// Values whose content is Kubernetes' own: what is in them needs no words of ours.
const OPAQUE: [&str; 5] = ["resources", "affinity", "nodeSelector", "tolerations", "podAnnotations"];

fn read(file: &str) -> String {
    std::fs::read_to_string(checkout("deploy/helm/millrace").join(file)).expect(file)
}

/// The paths of all values, down to what is opaque or not an object.
fn paths(values: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (name, value) in values.as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        if !OPAQUE.contains(&name.as_str()) {
            paths(value, &path, into);
        }
        into.insert(path);
    }
}

/// The same of a schema.
fn schema_paths(schema: &Value, at: &str, into: &mut BTreeSet<String>) {
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        assert!(schema["description"].is_string(), "{path} has no description");
        if !OPAQUE.contains(&name.as_str()) {
            schema_paths(schema, &path, into);
        }
        into.insert(path);
    }
}

#[test]
fn the_schema_knows_every_value_and_no_other() {
    let values: Value = serde_saphyr::from_str(&read("values.yaml")).expect("values.yaml");
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("values.schema.json");
    let (mut given, mut known) = (BTreeSet::new(), BTreeSet::new());
    paths(&values, "", &mut given);
    schema_paths(&schema, "", &mut known);
    // helm hands it to every chart
    assert!(known.remove(".global"));
    assert_eq!(given, known);
    assert!(given.len() > 30, "{given:?}");
}

/// Each value stands below a comment, or first below a parent that does.
#[test]
fn every_value_is_explained() {
    let text = read("values.yaml");
    let lines: Vec<_> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_key = |line: &str| !line.trim_start().starts_with(['#', '-']) && line.contains(':');
    let mut opaque = None;
    let mut bare = Vec::new();
    let mut keys = 0;
    for (number, line) in lines.iter().enumerate().skip(1).filter(|(_, line)| is_key(line)) {
        if opaque.is_some_and(|depth| indent(line) > depth) {
            continue;
        }
        opaque = OPAQUE
            .iter()
            .any(|name| line.trim_start().starts_with(&format!("{name}:")))
            .then(|| indent(line));
        keys += 1;
        let above = lines[number - 1];
        let parent_is_explained = number > 1 && lines[number - 2].trim_start().starts_with('#');
        let first_below_parent = is_key(above) && indent(above) < indent(line) && parent_is_explained;
        // a group of values is explained by what is in it
        let group = line.ends_with(':') && opaque.is_none();
        if !above.trim_start().starts_with('#') && !first_below_parent && !group {
            bare.push(line.trim());
        }
    }
    assert_eq!(bare, Vec::<&str>::new());
    assert!(keys > 30, "only {keys} values were looked at");
}

#[test]
fn wrong_values_are_refused_by_name() {
    for (setting, name) in [
        ("image.tagg=1", "tagg"),
        ("image.tag=not a tag", "image/tag"),
        ("image.pullPolicy=Sometimes", "image/pullPolicy"),
        ("watchNamespace=Shop!", "watchNamespace"),
        ("secretNamespaces={shop,shop}", "secretNamespaces"),
        ("secretNamespaces={*}", "secretNamespaces"),
        ("operator.replicas=0", "operator/replicas"),
        ("operator.replicas=many", "operator/replicas"),
        ("operator.resources=null", "operator"),
        ("operator.logFormat=xml", "operator/logFormat"),
        ("serviceMonitor.interval=often", "serviceMonitor/interval"),
        ("networkPolicy.enabled=perhaps", "networkPolicy/enabled"),
        ("devBackends.kafka.image=kafka", "devBackends/kafka/image"),
        ("devBackends.kafka.storage=much", "devBackends/kafka/storage"),
        ("devBackends.postgres.image=a:1", "postgres"),
    ] {
        let refused = run(&["template", "millrace", &chart(), "--set", setting]).expect_err(setting);
        assert!(format!("{refused:#}").contains(name), "{setting}: {refused:#}");
    }
}
