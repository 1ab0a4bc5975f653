//! The finalizer that keeps a resource until what is to go with it is gone.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::serde_json::json;
use kube::ResourceExt;
use kube::api::ApiResource;

use super::decide::Policy;
use crate::api::AnalyticsPipeline;
use crate::reconcile::write::{RequestError, Target, Writer};

/// Its name. A resource has it only while `spec.deletion` says `Delete` somewhere.
pub(crate) const FINALIZER: &str = "millrace.dev/deletion";

/// The resource cannot be held, or not be let go.
#[derive(Debug, thiserror::Error)]
#[error("cannot set the finalizer {FINALIZER}")]
pub(crate) struct FinalizerError(#[source] RequestError);

impl FinalizerError {
    /// Whether the API server finds the resource itself wrong.
    pub(crate) fn is_invalid(&self) -> bool {
        self.0.code() == Some(422)
    }
}

/// Gives the resource the finalizer if it needs one, and takes it if not. Comes before anything is made that would have
/// to be deleted.
pub(crate) async fn keep(writer: &Writer, resource: &AnalyticsPipeline) -> Result<(), FinalizerError> {
    let needed = Policy::of(&resource.spec.deletion).deletes();
    let has = resource.finalizers().iter().any(|name| name == FINALIZER);
    match (needed, has) {
        (true, false) => {
            let all = resource.finalizers().iter().cloned().chain([FINALIZER.to_owned()]);
            write(writer, &resource.metadata, all.collect()).await
        }
        (false, true) => remove(writer, &resource.metadata).await,
        (true, true) | (false, false) => Ok(()),
    }
}

/// Lets the resource go.
pub(crate) async fn remove(writer: &Writer, resource: &ObjectMeta) -> Result<(), FinalizerError> {
    let others = resource.finalizers.iter().flatten().filter(|name| *name != FINALIZER).cloned();
    write(writer, resource, others.collect()).await
}

async fn write(
    writer: &Writer,
    resource: &ObjectMeta,
    finalizers: Vec<String>,
) -> Result<(), FinalizerError> {
    let kind = ApiResource::erase::<AnalyticsPipeline>(&());
    let (namespace, name) = (resource.namespace.as_deref(), resource.name.as_deref());
    let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
    let target = Target { resource: &kind, namespace, name };
    // of this very version: somebody else may have changed the list
    let metadata = json!({ "resourceVersion": resource.resource_version, "finalizers": finalizers });
    match writer.merge(target, &json!({ "metadata": metadata })).await {
        Err(error) if error.code() == Some(404) => Ok(()),
        other => other.map(drop).map_err(FinalizerError),
    }
}
