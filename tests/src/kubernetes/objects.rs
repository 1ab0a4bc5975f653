//! Objects of any kind, as they stand in YAML.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};

/// How long a busy machine may take to serve a kind it was just told of.
pub const CRD_LIMIT: Duration = Duration::from_secs(30);

/// The objects of a YAML text: one a document, empty documents left out.
///
/// # Errors
/// When it is not YAML, or a document is no object.
pub fn objects(yaml: &str) -> Result<Vec<DynamicObject>> {
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(yaml).context("reading objects from YAML")?;
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .map(|document| serde_json::from_value(document).context("a document that is no Kubernetes object"))
        .collect()
}

/// The objects in `namespace` of the kind that `object` says it is. Its plural is taken to be the regular one.
///
/// # Errors
/// When it does not say.
pub fn api_of(client: Client, namespace: &str, object: &DynamicObject) -> Result<Api<DynamicObject>> {
    let types = object.types.as_ref().context("an object without apiVersion and kind")?;
    let kind = GroupVersionKind::try_from(types)?;
    Ok(Api::namespaced_with(client, namespace, &ApiResource::from_gvk(&kind)))
}

/// Teaches the server the kind that `yaml` defines, and waits until it serves it. Doing so twice is no harm.
///
/// # Errors
/// When the server refuses it; with the server's own message.
pub async fn install_crd(client: &Client, yaml: &str) -> Result<()> {
    let definition: CustomResourceDefinition =
        serde_saphyr::from_str(yaml).context("reading a resource definition from YAML")?;
    let name = definition.metadata.name.clone().context("a resource definition without a name")?;
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    definitions
        .patch(&name, &PatchParams::apply("harness").force(), &Patch::Apply(&definition))
        .await
        .with_context(|| format!("installing {name}"))?;
    let established = await_condition(definitions, &name, conditions::is_crd_established());
    tokio::time::timeout(CRD_LIMIT, established).await.with_context(|| format!("{name} is not served"))??;
    served(client, &definition).await
}

/// "Established" comes a moment before the first answer that is not 404.
async fn served(client: &Client, definition: &CustomResourceDefinition) -> Result<()> {
    let spec = &definition.spec;
    let version = spec.versions.first().context("a resource definition without versions")?;
    let kind = GroupVersionKind::gvk(&spec.group, &version.name, &spec.names.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &spec.names.plural);
    let all = Api::<DynamicObject>::all_with(client.clone(), &resource);
    super::until(&format!("{} to be served", spec.names.plural), CRD_LIMIT, async || {
        all.list(&kube::api::ListParams::default().limit(1)).await?;
        Ok(true)
    })
    .await?;
    ensure!(version.served, "{} is defined but not served", spec.names.plural);
    Ok(())
}
