//! What Prometheus is told of pipelines' conditions, by which alerts leave out those that are paused on purpose.

use anyhow::{Context, Result, ensure};
use harness::http;
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use crate::trial::{LIMIT, Trial, run};

/// What is said of one condition of a pipeline of the trial; `None`: nothing.
fn said(trial: &Trial<'_>, port: u16, pipeline: &str, condition: &str) -> Result<Option<f64>> {
    let series = format!(
        "millrace_operator_pipeline_condition{{condition=\"{condition}\",namespace=\"{}\",pipeline=\"{pipeline}\"}} ",
        trial.space.namespace()
    );
    let page = http::get(port, "/metrics")?.body;
    let value = page.lines().find_map(|line| line.strip_prefix(&series));
    value.map(|value| value.parse().context("a number")).transpose()
}

async fn until_said(
    trial: &Trial<'_>,
    port: u16,
    (pipeline, condition): (&str, &str),
    value: Option<f64>,
) -> Result<()> {
    until(&format!("{condition} of {pipeline} to be {value:?}"), LIMIT, async || {
        let said = said(trial, port, pipeline, condition)?;
        ensure!(said == value, "it is {said:?}");
        Ok(true)
    })
    .await
    .with_context(|| trial.space.operator_log())
}

#[test]
fn a_condition_is_told_as_it_turns_until_the_pipeline_is_gone() {
    run("condition", async |trial| {
        // long enough that nothing is told only because of a look without cause
        let mut operator = trial.operator().env("RESYNC", "1h").start()?;
        let port = operator.admin_port();
        let told = async |pipeline: &str, condition: &str, value: Option<f64>| {
            until_said(trial, port, (pipeline, condition), value).await
        };
        trial.create("shop", &json!({})).await?;
        told("shop", "Ready", Some(0.0)).await?;
        let ready = stand_in::EverythingReady::begin(trial.space.api());
        trial.ready("shop").await?;
        told("shop", "Ready", Some(1.0)).await?;
        told("shop", "Paused", Some(0.0)).await?;
        told("shop", "Stalled", None).await?;
        trial.create("other", &json!({})).await?;
        told("other", "Ready", Some(1.0)).await?;

        drop(ready);
        stand_in::ready(&trial.space.api::<Deployment>(), "shop-fraud", 0).await?;
        told("shop", "Ready", Some(0.0)).await?;
        told("shop", "ProcessorsReady", Some(0.0)).await?;
        told("other", "Ready", Some(1.0)).await?;
        stand_in::ready(&trial.space.api::<Deployment>(), "shop-fraud", 1).await?;
        told("shop", "Ready", Some(1.0)).await?;

        // the last that happens is that its status turns
        let ready = stand_in::EverythingReady::begin(trial.space.api());
        trial.change("shop", &json!({"state": "Paused"})).await?;
        told("shop", "Paused", Some(1.0)).await?;
        drop(ready);

        trial.delete("shop").await?;
        for condition in ["Ready", "ProcessorsReady", "Paused"] {
            told("shop", condition, None).await?;
        }
        told("other", "Ready", Some(1.0)).await?;
        operator.drain()
    });
}
