//! What is refused, and with which words.

use serde_json::{Value, json};

use super::admission::{admit, defaulted};
use super::samples::{self, Sample};
use super::schema;
use crate::api::{AnalyticsPipeline, Duration, Quantity};
use crate::fixtures;

/// Admits one state after the other; the outcome of the last.
fn last(schema: &Value, sample: &Sample) -> Result<Value, String> {
    let Sample { file, documents, .. } = sample;
    let (last, before) = documents.split_last().unwrap();
    let mut old = None;
    for document in before {
        let admitted = admit(schema, document, old.as_ref());
        old = Some(admitted.unwrap_or_else(|e| panic!("{file}: what comes first is refused: {e}")));
    }
    admit(schema, last, old.as_ref())
}

#[test]
fn invalid_resources_are_refused_by_the_field_and_the_way_out() {
    let schema = schema();
    for sample in samples::invalid() {
        let refused = last(&schema, &sample).expect_err(&sample.file);
        for expected in &sample.expects {
            assert!(refused.contains(expected), "{}: no {expected:?} in\n{refused}", sample.file);
        }
    }
}

#[test]
fn valid_resources_are_accepted_and_read() {
    let schema = schema();
    for sample in samples::valid().into_iter().chain(samples::examples()) {
        let file = &sample.file;
        let admitted = last(&schema, &sample).unwrap_or_else(|e| panic!("{file}: {e}"));
        serde_json::from_value::<AnalyticsPipeline>(admitted).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
}

/// What admission lets through, the operator can work with: it would have to say so in status otherwise.
#[test]
fn what_is_accepted_makes_a_pipeline() {
    let schema = schema();
    for sample in samples::valid().into_iter().chain(samples::examples()) {
        let admitted = last(&schema, &sample).unwrap();
        let mut resource: AnalyticsPipeline = serde_json::from_value(admitted).unwrap();
        resource.metadata.namespace = Some("prod".to_owned());
        resource.metadata.uid = Some("a-uid".to_owned());
        fixtures::validate(&resource).unwrap_or_else(|e| panic!("{}: {e:?}", sample.file));
    }
}

/// Whoever reads a resource that no API server has filled in reads the same.
#[test]
fn the_types_have_the_same_defaults_as_the_schema() {
    let schema = schema();
    for Sample { file, documents, .. } in samples::valid() {
        let Some(document) = documents.last().filter(|_| file != "nulls-are-absent.yaml") else { continue };
        let read = |value: &Value| serde_json::from_value::<AnalyticsPipeline>(value.clone()).unwrap();
        assert_eq!(read(document).spec, read(&defaulted(&schema, document)).spec, "{file}");
    }
}

fn with(pointer: &str, value: Value) -> Value {
    let mut resource = json!({
        "apiVersion": "millrace.dev/v1alpha1",
        "kind": "AnalyticsPipeline",
        "metadata": { "name": "shop" },
        "spec": {
            "kafka": { "bootstrapServers": "kafka:9092", "commitInterval": "50ms" },
            "redis": { "url": "redis://redis:6379" },
            "views": { "resources": { "requests": { "cpu": 1, "memory": "1Gi" } } },
        },
    });
    *resource.pointer_mut(pointer).unwrap() = value;
    resource
}

/// The rule and the type that reads take the same texts, range aside.
#[test]
fn durations_that_are_accepted_are_those_that_can_be_read() {
    let schema = schema();
    let texts =
        ["50ms", "1s500ms", "10s", "0s", "5", "ms", "1.5s", "5 s", "-1s", "5S", "1d", "5us", "١s", "5s5"];
    for text in texts {
        let admitted = admit(&schema, &with("/spec/kafka/commitInterval", json!(text)), None);
        let shape = !admitted.is_err_and(|e| e.contains("must be a duration"));
        assert_eq!(shape, text.parse::<Duration>().is_ok() || text == "0s", "{text}");
    }
}

#[test]
fn quantities_that_are_accepted_are_those_that_can_be_read() {
    let schema = schema();
    for amount in ["cpu", "memory"] {
        for text in [
            "1", "250m", "1.5", "1Gi", "128M", "0.1", "1KiB", "one", ".5", "1.", "-1", "1e3", "+1", "1 Gi",
            "1gi",
        ] {
            let pointer = format!("/spec/views/resources/requests/{amount}");
            let admitted = admit(&schema, &with(&pointer, json!(text)), None);
            let shape = !admitted.is_err_and(|e| e.contains("must be a quantity"));
            assert_eq!(shape, text.parse::<Quantity>().is_ok(), "{amount}: {text}");
        }
    }
}
