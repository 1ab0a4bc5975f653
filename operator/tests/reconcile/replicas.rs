//! Who decides on replicas, and what becomes of them when that changes.

use anyhow::ensure;
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::trial::{LIMIT, metric, run};

#[test]
fn replicas_are_handed_over_and_taken_back() {
    run("replicas", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let scaling = |scaling: Value| json!({"processors": {"fraud": {"scaling": scaling}}});
        trial.create("shop", &scaling(json!({"mode": "Fixed", "replicas": 3}))).await?;
        trial.ready("shop").await?;
        let replicas = async |expected: i32| {
            let deployments = trial.space.api::<Deployment>();
            let now = deployments.get("shop-fraud").await?.spec.and_then(|spec| spec.replicas);
            ensure!(now == Some(expected), "fraud has {now:?} replicas, not {expected}");
            Ok(())
        };
        replicas(3).await?;
        trial.change("shop", &scaling(json!({"mode": "External", "replicas": null}))).await?;
        trial.ready("shop").await?;
        replicas(3).await?;
        // as an autoscaler does it
        let scale = Patch::Merge(json!({"spec": {"replicas": 2}}));
        let deployments = trial.space.api::<Deployment>();
        deployments.patch_scale("shop-fraud", &PatchParams::default(), &scale).await?;
        let looks = || metric(operator.admin_port(), "millrace_operator_reconciles_total");
        let enough = looks()? + 4.0;
        until("some more looks", LIMIT, async || Ok(looks()? >= enough)).await?;
        replicas(2).await?;
        trial.change("shop", &scaling(json!({"mode": "Fixed", "replicas": 1}))).await?;
        trial.ready("shop").await?;
        replicas(1).await?;
        trial.change("shop", &json!({"state": "Paused"})).await?;
        trial.until_condition("shop", "Paused", "True", None).await?;
        replicas(0).await?;
        let resumed = json!({"state": "Running", "processors": {"fraud": {"scaling": {"mode": "External", "replicas": null}}}});
        trial.change("shop", &resumed).await?;
        trial.ready("shop").await?;
        replicas(1).await?;
        operator.drain()
    });
}
