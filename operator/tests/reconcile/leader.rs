//! Several replicas of the operator: one works.

use std::time::Duration;

use anyhow::{Context, ensure};
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::trial::{LIMIT, metric, run};

const LEASE: &str = "millrace-operator";

#[test]
fn another_replica_takes_over_when_the_leader_dies() {
    run("leader", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut first = trial.operator().env("POD_NAME", "first").start()?;
        trial.create("shop", &json!({})).await?;
        trial.ready("shop").await?;
        let mut second = trial.operator().env("POD_NAME", "second").start()?;
        second.wait_ready(LIMIT)?;
        let leads = |port: u16| metric(port, "millrace_operator_leader");
        ensure!((leads(first.admin_port())?, leads(second.admin_port())?) == (1.0, 0.0));
        first.kill()?;
        trial.change("shop", &json!({"processors": {"fraud": {"scaling": {"replicas": 2}}}})).await?;
        trial.ready("shop").await?;
        ensure!(leads(second.admin_port())? > 0.0, "the second does not lead");
        // given back, it need not be waited for
        second.drain()?;
        let begun = std::time::Instant::now();
        let mut third = trial.operator().env("POD_NAME", "third").start()?;
        until("the third to lead", LIMIT, async || Ok(leads(third.admin_port())? > 0.0)).await?;
        println!("led after {:?}", begun.elapsed());
        third.drain()
    });
}

#[test]
fn a_lease_that_was_deleted_is_made_again() {
    run("lease", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({})).await?;
        trial.ready("shop").await?;
        let leases = trial.space.api::<Lease>();
        let first = leases.get(LEASE).await?.uid();
        leases.delete(LEASE, &DeleteParams::default()).await?;
        until("the lease to be back", LIMIT, async || {
            let now = leases.get_opt(LEASE).await?.context("there is none")?;
            let holder = now.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
            Ok(now.uid() != first && holder == Some("on-trial"))
        })
        .await
        .with_context(|| trial.space.operator_log())?;
        trial.change("shop", &json!({"processors": {"fraud": {"scaling": {"replicas": 2}}}})).await?;
        trial.ready("shop").await?;
        operator.drain()
    });
}

/// Pipelines of its own namespace wait for it then: nobody else can take over.
#[test]
fn the_leader_goes_on_while_its_own_namespace_is_deleted() {
    run("own", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let leads = || metric(operator.admin_port(), "millrace_operator_leader");
        until("it to lead", LIMIT, async || Ok(leads()? > 0.0)).await?;
        let held = json!({"metadata": {"name": "held", "finalizers": ["test.example/held"]}});
        let maps = trial.space.api::<ConfigMap>();
        maps.create(&PostParams::default(), &serde_json::from_value(held)?).await?;
        let namespaces: Api<Namespace> = Api::all(trial.space.client());
        namespaces.delete(trial.space.namespace(), &DeleteParams::default()).await?;
        let leases = trial.space.api::<Lease>();
        until("the lease to be gone", LIMIT, async || Ok(leases.get_opt(LEASE).await?.is_none())).await?;
        // longer than a leader may be without renewing
        tokio::time::sleep(Duration::from_secs(15)).await;
        let leads = leads().with_context(|| trial.space.operator_log())?;
        ensure!(leads > 0.0, "it does not lead any more");
        operator.drain()?;
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        maps.patch("held", &PatchParams::default(), &free).await?;
        Ok(())
    });
}
