//! Resources for tests, from the files beside the golden ones.

use std::path::PathBuf;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;

use crate::api::AnalyticsPipeline;
use crate::pipeline::{OperatorDefaults, Pipeline, Secrets, Traces, Violation};

/// A file under `tests/golden`.
pub(crate) fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The resource in `<name>.yaml`.
pub(crate) fn resource(name: &str) -> AnalyticsPipeline {
    let file = golden(&format!("{name}.yaml"));
    serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub(crate) fn defaults() -> OperatorDefaults {
    OperatorDefaults {
        image: "registry.example/millrace:0.1.0".parse().unwrap(),
        namespace: "millrace-system".to_owned(),
        traces: Traces::default(),
    }
}

pub(crate) fn validate(resource: &AnalyticsPipeline) -> Result<Pipeline, Vec<Violation>> {
    Pipeline::validate(resource, &defaults())
}

/// The pipeline of the resource in `<name>.yaml`.
pub(crate) fn pipeline(name: &str) -> Pipeline {
    validate(&resource(name)).unwrap()
}

/// What no object may hold.
pub(crate) const MARK: &str = "hunter2";

/// A Secret whose values all begin with [`MARK`].
pub(crate) fn secret(name: &str, keys: &[&str]) -> Secret {
    let entry = |key: &&str| ((*key).to_owned(), ByteString(format!("{MARK}-{name}-{key}").into_bytes()));
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some(format!("uid-of-{name}")),
            ..ObjectMeta::default()
        },
        data: Some(keys.iter().map(entry).collect()),
        ..Secret::default()
    }
}

/// Every Secret that the resource in `full.yaml` names, complete.
pub(crate) fn all_secrets() -> Vec<Secret> {
    vec![
        secret("kafka-ca", &["authority.pem"]),
        secret("kafka-client", &["tls.crt", "tls.key"]),
        secret("kafka-user", &["username", "password"]),
        secret("redis-auth", &["password"]),
    ]
}

pub(crate) fn secrets() -> Secrets {
    Secrets::from_iter(all_secrets())
}
