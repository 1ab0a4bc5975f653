//! Installing, upgrading and uninstalling on a real API server.

use anyhow::{Context, Result, ensure};
use harness::kubernetes::{self, Space};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, ResourceExt};
use serde_json::json;

use super::helm::{chart, run_on};

const DEFINITION: &str = "analyticspipelines.millrace.dev";
const PIPELINE: &str = r#"
apiVersion: millrace.dev/v1alpha1
kind: AnalyticsPipeline
metadata: {name: shop}
spec:
  kafka: {bootstrapServers: "kafka:9092"}
  redis: {url: "redis://redis:6379"}
"#;

fn helm(space: &Space<'_>, args: &[&str]) -> Result<String> {
    let place = ["--namespace", space.namespace()];
    run_on(&space.server().kubeconfig(), &[args, &place].concat())
}

/// Changes what the definition says, as an older release's would.
async fn age(definitions: &Api<CustomResourceDefinition>) -> Result<()> {
    let older = json!({"spec": {"names": {"shortNames": ["older"]}}});
    definitions.patch(DEFINITION, &PatchParams::default(), &Patch::Merge(&older)).await?;
    Ok(())
}

/// An upgrade brings the definition up to date; an uninstall leaves it, and with it every pipeline; an install finds it.
#[test]
fn the_definition_is_upgraded_and_outlives_the_release() {
    kubernetes::run("chart-release", async |space| {
        let definitions = Api::<CustomResourceDefinition>::all(space.client());
        helm(space, &["install", "millrace", &chart()])?;
        let established = await_condition(definitions.clone(), DEFINITION, conditions::is_crd_established());
        tokio::time::timeout(kubernetes::CRD_LIMIT, established).await.context("it is not served")??;
        let names = definitions.get(DEFINITION).await?.spec.names.short_names;
        let pipeline = kubernetes::objects(PIPELINE)?.remove(0);
        let pipelines = space.api_of(&pipeline)?;
        kubernetes::until("the definition to be served", kubernetes::CRD_LIMIT, async || {
            pipelines.list(&ListParams::default()).await?;
            Ok(true)
        })
        .await?;
        space.create_yaml(PIPELINE).await?;

        age(&definitions).await?;
        helm(space, &["upgrade", "millrace", &chart(), "--set", "operator.replicas=2", "--force-conflicts"])?;
        ensure!(
            definitions.get(DEFINITION).await?.spec.names.short_names == names,
            "the definition is still old"
        );

        let uid = pipelines.get("shop").await?.uid();
        helm(space, &["uninstall", "millrace"])?;
        let left: Vec<_> = space.api::<Deployment>().list(&ListParams::default()).await?.items;
        let left: Vec<_> = left
            .iter()
            .filter(|left| left.metadata.deletion_timestamp.is_none())
            .map(ResourceExt::name_any)
            .collect();
        ensure!(left.is_empty(), "left: {left:?}");
        ensure!(
            definitions.get(DEFINITION).await?.metadata.deletion_timestamp.is_none(),
            "the definition goes"
        );
        ensure!(pipelines.get("shop").await?.uid() == uid, "the pipeline is another");

        helm(space, &["install", "millrace", &chart()])?;
        ensure!(pipelines.get("shop").await?.uid() == uid, "the pipeline is another");
        helm(space, &["uninstall", "millrace"])?;
        Ok(())
    });
}
