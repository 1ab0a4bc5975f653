//! The chart: what it renders is valid, restricted and explained, and what its operator may do is little.

mod helm;
mod linter;
mod monitoring;
mod release;
mod rights;
mod server;
mod tiltfile;
mod values;

use helm::{Profile, profiles, run};
use serde_json::{Value, json};

/// `helm lint` finds nothing in any profile.
#[test]
fn lint_finds_nothing() {
    for profile in profiles() {
        let values = profile.path.display().to_string();
        let said = run(&["lint", "--strict", &helm::chart(), "--values", &values]).expect("helm lint");
        assert!(said.contains("0 chart(s) failed"), "{said}");
    }
}

/// What the release says at its end names what there is, and no more.
#[test]
fn the_notes_fit_what_is_there() {
    let notes = |name: &str| Profile::named(name).notes();
    let (default, try_out, namespaced) = (notes("default"), notes("try-out"), notes("namespaced"));
    for notes in [&default, &try_out, &namespaced] {
        assert!(notes.contains("rollout status deployment/millrace-operator"), "{notes}");
        assert!(notes.contains("port-forward service/shop-dashboard 3001"), "{notes}");
    }
    assert!(try_out.contains("NOT FOR PRODUCTION") && try_out.contains("\"kafka:9092\""), "{try_out}");
    assert!(!default.contains("NOT FOR PRODUCTION") && !default.contains("service/kafka-ui"), "{default}");
    assert!(default.contains("create rolebinding millrace-operator-secrets"), "{default}");
    assert!(namespaced.contains("--namespace shop apply"), "{namespaced}");
    assert!(!namespaced.contains("rolebinding"), "{namespaced}");
}

/// The definition is the generated one, kept when the release goes, and nothing of it is lost on the way.
#[test]
fn the_definition_is_the_generated_one_and_is_kept() {
    let file = std::path::Path::new(&helm::chart()).join("files/crd.yaml");
    let text = std::fs::read_to_string(file).expect("files/crd.yaml is there");
    let mut generated: Value = serde_saphyr::from_str(&text).expect("files/crd.yaml is YAML");
    let mut rendered = Profile::named("default").one("CustomResourceDefinition");
    let metadata = rendered["metadata"].as_object_mut().expect("metadata");
    let annotations = metadata.remove("annotations").expect("annotations");
    assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    assert!(
        metadata.remove("labels").is_some_and(|labels| labels["app.kubernetes.io/part-of"] == "millrace")
    );
    for own in ["annotations", "labels"] {
        generated["metadata"].as_object_mut().expect("metadata").remove(own);
    }
    assert_eq!(rendered, generated);
    assert!(Profile::named("bare").all("CustomResourceDefinition").is_empty());
}

/// The operator is told what `millrace-operator run` reads.
#[test]
fn the_operator_is_told_where_and_what() {
    let told = |name: &str| {
        let container = Profile::named(name).operator()["spec"]["template"]["spec"]["containers"][0].take();
        let env = container["env"].as_array().expect("env").clone();
        let pairs =
            env.iter().map(|entry| (entry["name"].as_str().unwrap_or_default().to_owned(), entry.clone()));
        (container["image"].clone(), pairs.collect::<std::collections::BTreeMap<_, _>>())
    };
    let (image, env) = told("full");
    assert_eq!(image, "registry.example.com/team/streams/millrace-operator:1.2.3-rc.1");
    assert_eq!(env["MILLRACE_IMAGE"]["value"], "registry.example.com/team/streams/millrace:1.2.3-rc.1");
    assert_eq!(env["WATCH_NAMESPACE"]["value"], "");
    assert_eq!(env["POD_NAMESPACE"]["valueFrom"]["fieldRef"]["fieldPath"], "metadata.namespace");
    assert_eq!(env["POD_NAME"]["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name");
    let (image, env) = told("namespaced");
    assert_eq!(image, "millrace-operator:0.1.0");
    assert_eq!(env["MILLRACE_IMAGE"]["value"], "millrace:0.1.0");
    assert_eq!(env["WATCH_NAMESPACE"]["value"], "shop");
}

/// A budget and a spread when there are several replicas, neither when there is one.
#[test]
fn several_replicas_are_spread_and_budgeted() {
    let spread = |name: &str| {
        Profile::named(name).operator()["spec"]["template"]["spec"]["topologySpreadConstraints"].take()
    };
    assert!(Profile::named("default").all("PodDisruptionBudget").is_empty());
    assert_eq!(spread("default"), Value::Null);
    let full = Profile::named("full");
    let selected =
        json!({"app.kubernetes.io/name": "millrace-operator", "app.kubernetes.io/instance": "millrace"});
    assert_eq!(full.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"], selected);
    assert_eq!(spread("full")[0]["labelSelector"]["matchLabels"], selected);
    assert_eq!(full.one("ServiceMonitor")["spec"]["selector"]["matchLabels"], selected);
    assert_eq!(full.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"], selected);
    let labels = full.operator()["spec"]["template"]["metadata"]["labels"].take();
    for (name, value) in selected.as_object().expect("labels") {
        assert_eq!(labels[name], *value);
    }
}

/// A new version of the chart alone restarts no pod of a backend: that could cost its data.
#[test]
fn pods_of_backends_do_not_know_the_version() {
    for kind in ["Deployment", "StatefulSet"] {
        for object in Profile::named("try-out").all(kind) {
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let known = labels
                .as_object()
                .expect("labels")
                .keys()
                .any(|name| name.contains("chart") || name.contains("version"));
            assert!(!known, "{labels}");
        }
    }
}
