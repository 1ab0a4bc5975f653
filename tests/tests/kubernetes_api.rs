//! The harness of the tests on a real Kubernetes API, tried on itself.

use std::time::Duration;

use harness::kubernetes::{self, stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, ListParams};

const LIMIT: Duration = Duration::from_secs(30);

const CRD: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: racks.harness.test}
spec:
  group: harness.test
  scope: Namespaced
  names: {kind: Rack, plural: racks, singular: rack}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations: [{rule: 'self.boards <= 7', message: 'spec.boards: too high to reach'}]
            properties: {boards: {type: integer, default: 3}}
";

const DEPLOYMENT: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'harness.test/shop:1'}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: till}
";

#[test]
fn a_new_kind_is_served_with_its_rules_and_defaults() {
    kubernetes::run("kinds", async |space| {
        for _ in 0..2 {
            kubernetes::install_crd(&space.client(), CRD).await?;
        }
        let rack = |boards: &str| {
            format!("apiVersion: harness.test/v1\nkind: Rack\nmetadata: {{name: a}}\nspec: {{{boards}}}")
        };
        let refused = space.create_yaml(&rack("boards: 8")).await.expect_err("it is too high");
        assert!(format!("{refused:#}").contains("spec.boards: too high to reach"), "{refused:#}");
        let created = space.create_yaml(&rack("")).await?;
        assert_eq!(created[0].data["spec"]["boards"], 3);
        Ok(())
    });
}

#[test]
fn owned_objects_go_with_their_owner_and_status_is_the_tests_to_write() {
    kubernetes::run("workloads", async |space| {
        let created = space.create_yaml(DEPLOYMENT).await?;
        let deployments = space.api::<Deployment>();
        let standing_in = stand_in::EverythingReady::begin(deployments.clone());
        until("the Deployment to seem ready", LIMIT, async || {
            Ok(deployments.get("shop").await?.status.and_then(|status| status.ready_replicas) == Some(2))
        })
        .await?;
        drop(standing_in);
        stand_in::ready(&deployments, "shop", 1).await?;
        let shop = deployments.get("shop").await?;
        assert_eq!(shop.status.as_ref().and_then(|status| status.ready_replicas), Some(1));

        let pods = space.api::<Pod>();
        stand_in::pod(&pods, &shop, "shop-0", "127.0.0.1").await?;
        let labelled = pods.list(&ListParams::default().labels("app=shop")).await?.items;
        assert_eq!(
            labelled[0].status.as_ref().and_then(|status| status.pod_ip.as_deref()),
            Some("127.0.0.1")
        );

        let tills = space.api::<ConfigMap>();
        let owned = serde_json::json!({"metadata": {"ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "uid": created[0].metadata.uid}]}});
        tills.patch("till", &kube::api::PatchParams::default(), &kube::api::Patch::Merge(owned)).await?;
        deployments.delete("shop", &DeleteParams::background()).await?;
        until("what the Deployment owned to be gone", LIMIT, async || {
            Ok(tills.get_opt("till").await?.is_none())
        })
        .await
    });
}

#[test]
fn each_test_has_a_namespace_of_its_own() {
    kubernetes::run("empty", async |space| {
        assert!(space.api::<Deployment>().list(&ListParams::default()).await?.items.is_empty());
        assert!(space.namespace().starts_with("empty-"));
        Ok(())
    });
}
