mod generate;
mod golden;
mod network;
mod restricted;
mod stable;
mod traces;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::fixtures::{MARK, pipeline, resource, secrets, validate};
use crate::pipeline::Scaling;
use generate::case;

/// What the pipeline in `<name>.yaml` consists of.
fn children(name: &str) -> Children {
    build(&pipeline(name), &observed())
}

fn observed() -> Observed {
    Observed { secrets: secrets(), replicas: BTreeMap::from([(ProcessorName::Fraud, 4)]) }
}

/// All objects as the API takes them.
fn all(children: &Children) -> Vec<Value> {
    let Children { service_accounts, network_policies, budgets, deployments, services, ingresses } = children;
    let mut all = Vec::new();
    all.extend(service_accounts.iter().map(json));
    all.extend(network_policies.iter().map(json));
    all.extend(budgets.iter().map(json));
    all.extend(deployments.iter().map(json));
    all.extend(services.iter().map(json));
    all.extend(ingresses.iter().map(json));
    all
}

/// The same by kind and name.
fn objects(children: &Children) -> BTreeMap<String, Value> {
    let all = all(children);
    let count = all.len();
    let key = |object: &Value| format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]));
    let named: BTreeMap<_, _> = all.into_iter().map(|object| (key(&object), object)).collect();
    assert_eq!(named.len(), count, "two objects of one kind have one name");
    named
}

fn json<T: serde::Serialize>(object: &T) -> Value {
    serde_json::to_value(object).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn deployment<'a>(children: &'a Children, component: &str) -> &'a Deployment {
    let name = format!("shop-{component}");
    children.deployments.iter().find(|found| found.metadata.name.as_deref() == Some(&name)).unwrap()
}

fn pod(deployment: &Deployment) -> &PodSpec {
    deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap()
}

/// Whether labels have all that a selector asks for.
fn selects(selector: &Value, labels: &Value) -> bool {
    selector["matchLabels"].as_object().unwrap().iter().all(|(label, value)| labels.get(label) == Some(value))
}

/// A name that Kubernetes takes for anything, Services too.
fn is_label(name: &str) -> bool {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| edge(b) || b == b'-')
        && name.bytes().last().is_some_and(edge)
}

/// The value of a label.
fn is_label_value(value: &str) -> bool {
    let edge = |b: u8| b.is_ascii_alphanumeric();
    (1..=63).contains(&value.len())
        && value.bytes().all(|b| edge(b) || matches!(b, b'-' | b'_' | b'.'))
        && value.bytes().next().is_some_and(edge)
        && value.bytes().last().is_some_and(edge)
}

proptest! {
    #[test]
    fn every_object_is_named_labelled_and_owned(case in case()) {
        let pipeline = &case.pipeline;
        for (key, object) in objects(&build(pipeline, &case.observed)) {
            let metadata = &object["metadata"];
            prop_assert!(is_label(text(&metadata["name"])), "{}", key);
            prop_assert_eq!(text(&metadata["namespace"]), &pipeline.identity.namespace);
            for (label, value) in metadata["labels"].as_object().unwrap() {
                prop_assert!(is_label_value(text(value)), "{} {}", key, label);
            }
            prop_assert_eq!(text(&metadata["labels"][INSTANCE]), &pipeline.identity.name);
            prop_assert_eq!(text(&metadata["labels"][MANAGED_BY]), OPERATOR);
            let owner = &metadata["ownerReferences"][0];
            prop_assert_eq!(text(&owner["uid"]), &pipeline.identity.uid);
            prop_assert_eq!(text(&owner["apiVersion"]), "millrace.dev/v1alpha1");
            prop_assert_eq!(text(&owner["kind"]), "AnalyticsPipeline");
            prop_assert_eq!(owner["controller"].as_bool(), Some(true));
        }
    }

    #[test]
    fn no_object_holds_what_a_secret_holds(case in case()) {
        let all = format!("{:?}", objects(&build(&case.pipeline, &case.observed)));
        prop_assert!(!all.contains(MARK), "{}", all);
        let printed = format!("{:?} {:?}", case.pipeline, case.observed);
        prop_assert!(!printed.contains(MARK), "{}", printed);
    }

    #[test]
    fn the_same_input_gives_the_same_objects(case in case()) {
        prop_assert_eq!(build(&case.pipeline, &case.observed), build(&case.pipeline.clone(), &case.observed.clone()));
    }

    #[test]
    fn replicas_stay_within_partitions_and_bounds(case in case()) {
        let partitions = case.pipeline.topic_specs.orders.partitions;
        let children = build(&case.pipeline, &case.observed);
        for processor in &case.pipeline.processors {
            let name = format!("{}-{}", case.pipeline.identity.name, processor.name);
            let found = children.deployments.iter().find(|found| found.metadata.name.as_ref() == Some(&name));
            let replicas = found.unwrap().spec.as_ref().unwrap().replicas;
            let paused = case.pipeline.state == crate::api::PipelineState::Paused;
            match (paused, processor.scaling) {
                (true, _) => prop_assert_eq!(replicas, Some(0)),
                (false, Scaling::External) => prop_assert_eq!(replicas, None),
                (false, Scaling::Fixed { replicas: said }) => {
                    prop_assert_eq!(replicas, Some(said));
                    prop_assert!((1..=partitions).contains(&said));
                }
                (false, Scaling::Auto { min, max, .. }) => {
                    let replicas = replicas.unwrap();
                    prop_assert!((min..=max).contains(&replicas) && (1..=partitions).contains(&replicas));
                }
            }
        }
    }

    #[test]
    fn every_selector_means_the_pods_of_its_component(case in case()) {
        let objects = objects(&build(&case.pipeline, &case.observed));
        let templates: BTreeMap<_, _> = objects
            .iter()
            .filter(|(key, _)| key.starts_with("Deployment/"))
            .map(|(key, object)| (key.clone(), object["spec"]["template"]["metadata"]["labels"].clone()))
            .collect();
        let selected = |selector: &Value| -> Vec<String> {
            templates.iter().filter(|(_, labels)| selects(selector, labels)).map(|(key, _)| key.clone()).collect()
        };
        for (key, object) in &objects {
            let (kind, name) = key.split_once('/').unwrap();
            let own = vec![format!("Deployment/{name}")];
            match kind {
                "Deployment" => {
                    prop_assert_eq!(&selected(&object["spec"]["selector"]), &own);
                    for spread in object["spec"]["template"]["spec"]["topologySpreadConstraints"].as_array().unwrap() {
                        prop_assert_eq!(&selected(&spread["labelSelector"]), &own);
                    }
                }
                "PodDisruptionBudget" => prop_assert_eq!(selected(&object["spec"]["selector"]), own),
                "Service" => {
                    let selector = serde_json::json!({"matchLabels": object["spec"]["selector"]});
                    prop_assert_eq!(selected(&selector), own);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn auto_takes_the_decision_and_begins_with_the_fewest() {
    let pipeline = pipeline("full");
    let replicas = |decided: &[(ProcessorName, i32)]| {
        let observed = Observed { secrets: secrets(), replicas: decided.iter().copied().collect() };
        super::replicas(&pipeline, Component::Processor(ProcessorName::Fraud), &observed)
    };
    assert_eq!(replicas(&[]), Some(2));
    assert_eq!(replicas(&[(ProcessorName::Fraud, 5)]), Some(5));
    assert_eq!(replicas(&[(ProcessorName::Fraud, 50)]), Some(8));
    assert_eq!(replicas(&[(ProcessorName::Fraud, 0)]), Some(2));
    assert_eq!(replicas(&[(ProcessorName::Revenue, 7)]), Some(2));
}

#[test]
fn a_paused_pipeline_keeps_showing_what_is_there() {
    let mut resource = resource("full");
    resource.spec.state = crate::api::PipelineState::Paused;
    let children = build(&validate(&resource).unwrap(), &observed());
    let replicas: Vec<_> = children.deployments.iter().map(|d| d.spec.as_ref().unwrap().replicas).collect();
    assert_eq!(replicas, [Some(0), Some(0), Some(0), Some(1), Some(2), Some(1)]);
}

#[test]
fn values_reach_the_process_as_they_are() {
    let children = children("full");
    let env = pod(deployment(&children, "views")).containers[0].env.as_ref().unwrap();
    let prefix = env.iter().find(|variable| variable.name == "REDIS_KEY_PREFIX").unwrap();
    // the kubelet turns `$$` into `$`, and would replace `$(HOME)`
    assert_eq!(prefix.value.as_deref(), Some("{shop}:$$(HOME):"));
}

#[test]
fn processors_are_not_told_where_redis_is() {
    for component in ["revenue", "fraud", "trend", "simulator"] {
        let children = children("full");
        let pod = json(pod(deployment(&children, component))).to_string();
        assert!(!pod.contains("REDIS") && !pod.contains("redis-auth"), "{component}: {pod}");
    }
}
