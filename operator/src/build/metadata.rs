//! Names, labels and owners.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;

use crate::api::AnalyticsPipeline;
use crate::pipeline::{Component, Identity};

/// The label that names the pipeline.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label that says who made an object: [`OPERATOR`].
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The operator, as objects name it.
pub const OPERATOR: &str = "millrace-operator";
/// The annotation of pods that changes when the content of a Secret does that they use.
pub const SECRETS: &str = "millrace.dev/secrets";

/// The label that names the program.
pub(super) const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";
const PART_OF: &str = "app.kubernetes.io/part-of";
const MILLRACE: &str = "millrace";

/// Selects all objects of a pipeline in its namespace, as the API takes it.
pub fn selector(identity: &Identity) -> String {
    format!("{INSTANCE}={},{MANAGED_BY}={OPERATOR}", identity.name)
}

/// The metadata of an object that belongs to the whole pipeline.
pub(super) fn of_pipeline(identity: &Identity) -> ObjectMeta {
    metadata(identity, identity.name.clone(), None)
}

/// The metadata of an object that belongs to one component.
pub(super) fn of(identity: &Identity, component: Component) -> ObjectMeta {
    metadata(identity, identity.child(component), Some(component))
}

fn metadata(identity: &Identity, name: String, component: Option<Component>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels(identity, component)),
        owner_references: Some(vec![owner(identity)]),
        ..ObjectMeta::default()
    }
}

/// All labels.
pub(super) fn labels(identity: &Identity, component: Option<Component>) -> BTreeMap<String, String> {
    let mut labels = selecting(identity, component);
    labels.extend([(MANAGED_BY, OPERATOR), (PART_OF, MILLRACE)].map(owned));
    labels
}

/// What selects the pods of one component, or of the whole pipeline. A Deployment's selector can never be changed.
pub(super) fn pods(identity: &Identity, component: Option<Component>) -> LabelSelector {
    LabelSelector { match_labels: Some(selecting(identity, component)), ..LabelSelector::default() }
}

fn selecting(identity: &Identity, component: Option<Component>) -> BTreeMap<String, String> {
    let component = component.as_ref().map(|component| (COMPONENT, component.as_str()));
    [(NAME, MILLRACE), (INSTANCE, &*identity.name)].into_iter().chain(component).map(owned).collect()
}

fn owned((label, value): (&str, &str)) -> (String, String) {
    (label.to_owned(), value.to_owned())
}

fn owner(identity: &Identity) -> OwnerReference {
    OwnerReference {
        api_version: AnalyticsPipeline::api_version(&()).into_owned(),
        kind: AnalyticsPipeline::kind(&()).into_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
