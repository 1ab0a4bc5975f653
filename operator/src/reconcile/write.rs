//! Every write to the API server goes through here: bounded in time, counted, and with kill points around it.

use std::time::Duration;

use k8s_openapi::serde_json::{Value, json};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Api, Client};

use crate::faults;
use crate::metrics::Metrics;

/// In whose name the operator owns fields.
pub(crate) const MANAGER: &str = "millrace-operator";
/// In whose name replicas are held that nobody decides on yet.
pub(crate) const REPLICAS_MANAGER: &str = "millrace-replicas";

/// The API server answers within milliseconds; one that does not must not hold up a reconcile for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API server did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// It refused, or cannot be reached.
    #[error(transparent)]
    Failed(Box<kube::Error>),
    /// It did not answer.
    #[error("the API server did not answer within {} s", PATIENCE.as_secs())]
    Late,
}

/// What is written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub resource: &'a ApiResource,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// Writes to the API server.
#[derive(Clone)]
pub(crate) struct Writer {
    client: Client,
    metrics: Metrics,
}

impl Writer {
    pub(crate) fn new(client: Client, metrics: Metrics) -> Self {
        Self { client, metrics }
    }

    /// Server-side apply: `manager` owns the fields of `body`, and no others from now on.
    pub(crate) async fn apply(
        &self,
        target: Target<'_>,
        manager: &str,
        body: &Value,
    ) -> Result<DynamicObject, RequestError> {
        self.patch(target, &PatchParams::apply(manager).force(), &Patch::Apply(body)).await
    }

    /// The same for the status.
    pub(crate) async fn apply_status(
        &self,
        target: Target<'_>,
        body: &Value,
    ) -> Result<DynamicObject, RequestError> {
        self.patch_status(target, &PatchParams::apply(MANAGER).force(), &Patch::Apply(body)).await
    }

    /// The status as a whole, for resources that server-side apply does not understand because they do not fit their
    /// definition.
    pub(crate) async fn replace_status(
        &self,
        target: Target<'_>,
        body: &Value,
    ) -> Result<DynamicObject, RequestError> {
        self.patch_status(target, &PatchParams::default(), &Patch::Merge(body)).await
    }

    /// Changes single fields, whoever owns them. With a `resourceVersion` in it only that version is changed.
    pub(crate) async fn merge(
        &self,
        target: Target<'_>,
        body: &Value,
    ) -> Result<DynamicObject, RequestError> {
        self.patch(target, &PatchParams::default(), &Patch::Merge(body)).await
    }

    /// Deletes this very object, not one of the same name that came after it; that it is gone is fine.
    pub(crate) async fn delete(&self, target: Target<'_>, uid: Option<String>) -> Result<(), RequestError> {
        let preconditions = Preconditions { uid, resource_version: None };
        let params = DeleteParams::background().preconditions(preconditions);
        let api = self.api(target);
        let deleted = self.write(target.resource, api.delete(target.name, &params)).await;
        match deleted {
            Err(error) if error.code() == Some(404) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Reads what is there now, past everything that is remembered.
    pub(crate) async fn read(&self, target: Target<'_>) -> Result<Option<DynamicObject>, RequestError> {
        within(self.api(target).get_opt(target.name)).await
    }

    async fn patch(
        &self,
        target: Target<'_>,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<DynamicObject, RequestError> {
        let api = self.api(target);
        self.write(target.resource, api.patch(target.name, params, patch)).await
    }

    async fn patch_status(
        &self,
        target: Target<'_>,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<DynamicObject, RequestError> {
        let api = self.api(target);
        self.write(target.resource, api.patch_status(target.name, params, patch)).await
    }

    fn api(&self, target: Target<'_>) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), target.namespace, target.resource)
    }

    async fn write<T>(
        &self,
        resource: &ApiResource,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, RequestError> {
        faults::pass(&resource.kind);
        self.metrics.record_write(&resource.kind);
        let answer = within(request).await;
        faults::pass(&resource.kind);
        answer
    }
}

impl RequestError {
    /// The HTTP status of a refusal.
    pub(crate) fn code(&self) -> Option<u16> {
        self.refusal().map(|status| status.code)
    }

    /// Whether nothing can be made because the whole namespace is being deleted.
    pub(crate) fn is_namespace_going(&self) -> bool {
        self.refusal().is_some_and(is_namespace_going)
    }

    /// Whether asking again the same cannot help.
    pub(crate) fn is_permanent(&self) -> bool {
        matches!(self.code(), Some(400 | 401 | 403 | 405 | 422))
    }

    fn refusal(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Failed(error) => match error.as_ref() {
                kube::Error::Api(status) => Some(status),
                _ => None,
            },
            Self::Late => None,
        }
    }
}

impl From<kube::Error> for RequestError {
    fn from(error: kube::Error) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Whether a refusal says that nothing can be made because the whole namespace is being deleted.
pub(crate) fn is_namespace_going(refusal: &kube::core::Status) -> bool {
    let mut causes = refusal.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

/// A body that names what it is about; the rest is up to the caller.
pub(crate) fn body(target: Target<'_>) -> Value {
    json!({
        "apiVersion": target.resource.api_version,
        "kind": target.resource.kind,
        "metadata": { "name": target.name, "namespace": target.namespace },
    })
}

/// Bounds a request in time.
pub(crate) async fn within<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(answer) => answer.map_err(RequestError::from),
        Err(_) => Err(RequestError::Late),
    }
}
