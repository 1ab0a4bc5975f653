//! Nothing changes, and nothing is written: for five minutes, which are waited for beside all other tests of this program
//! (it is the first by name, so that it also begins first).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contract::stage_status::{PartitionStatus, StageStatus};
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::ListParams;
use runtime::KafkaArgs;
use runtime::settings;
use serde_json::json;

use crate::answers::answer;
use crate::trial::{LIMIT, Trial, everything, merge, metric, run_beside};

/// For so long.
const REST: Duration = Duration::from_mins(5);
/// With the two seconds between two looks at Kafka that trials have, instead of the minute that users have. Each looks at
/// everything. On a busy machine there are fewer than would be possible.
const LEAST_LOOKS: f64 = 60.0;
const PARTITIONS: i32 = 3;

#[test]
fn nothing_is_written_in_five_minutes_in_which_nothing_changes() {
    run_beside("rest", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let mut spec = everything();
        merge(&mut spec, &json!({"processors": {"revenue": {"scaling": {"mode": "Auto"}}}}));
        trial.create("shop", &spec).await?;
        trial.ready("shop").await?;
        let (address, _answers) = answer(&busy()).await?;
        let deployment = trial.space.api::<Deployment>().get("shop-revenue").await?;
        stand_in::pod(&trial.space.api::<Pod>(), &deployment, "shop-revenue-a", &address).await?;
        until("the pod's figures to be told", LIMIT, async || told(trial).await).await?;
        let port = operator.admin_port();
        let looks = || metric(port, "millrace_operator_reconciles_total");
        let settled = looks()? + 3.0;
        until("the last triggers to be done", LIMIT, async || Ok(looks()? >= settled)).await?;

        let (before, generation) = (versions(trial).await?, generation(trial)?);
        let (writes, first) = (metric(port, "millrace_operator_writes_total")?, looks()?);
        tokio::time::sleep(REST).await;
        let (after, looked) = (versions(trial).await?, looks()? - first);
        println!("{looked} looks, {} objects", after.len());
        ensure!(looked >= LEAST_LOOKS, "only {looked} looks");
        ensure!(after == before, "something was written: {before:?} became {after:?}");
        let tried = metric(port, "millrace_operator_writes_total")? - writes;
        ensure!(tried < 0.5, "{tried} writes were tried");
        ensure!(self::generation(trial)? == generation, "settings were published");
        operator.drain()
    });
}

/// A pod that has enough to do, with which decisions about replicas are made all the time.
fn busy() -> StageStatus {
    let partition = |partition| PartitionStatus {
        partition,
        position: 100_000,
        end: Some(100_400),
        lag: Some(400),
        oldest_unread_seconds: Some(0.2),
        window_seconds: 10.0,
        arrival_rate: Some(1_000.0),
        processing_rate: Some(1_000.0),
        ..PartitionStatus::default()
    };
    StageStatus {
        name: "revenue".to_owned(),
        instance: "shop-revenue-a".to_owned(),
        window_seconds: 10.0,
        busy_share: Some(0.4),
        folding_share: Some(0.3),
        lag: Some(1_200),
        oldest_unread_seconds: Some(0.2),
        settings_generation: Some(1),
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..StageStatus::default()
    }
}

/// Whether the status speaks of the pod, its load and the decision that follows from it.
async fn told(trial: &Trial<'_>) -> Result<bool> {
    let status = trial.pipelines.get("shop").await?.status.context("no status")?;
    let revenue = status.processors.iter().find(|found| found.name == "revenue").context("no processor")?;
    let acknowledged = status.settings.as_ref().is_some_and(|settings| settings.acknowledged == "1/1");
    ensure!(acknowledged, "{:?}", status.settings);
    Ok(revenue.lag.is_some() && revenue.scaling.is_some())
}

/// Everything that the operator makes, events too, by version: any write makes it another one.
async fn versions(trial: &Trial<'_>) -> Result<Vec<(String, Option<String>)>> {
    let mut versions: Vec<_> = trial
        .children("shop")
        .await?
        .into_iter()
        .map(|((kind, name), child)| (format!("{kind} {name}"), child.resource_version()))
        .collect();
    let pipeline = trial.pipelines.get("shop").await?;
    versions.push(("pipeline".to_owned(), pipeline.resource_version()));
    let events = trial.space.api::<Event>().list(&ListParams::default()).await?;
    versions.extend(events.into_iter().map(|event| (event.name_any(), event.resource_version())));
    Ok(versions)
}

/// The generation of the settings in Kafka.
fn generation(trial: &Trial<'_>) -> Result<u64> {
    let pipeline = format!("{}.shop", trial.space.namespace());
    let topics = contract::Topics::named(&pipeline);
    Ok(settings::read(&KafkaArgs::to(trial.kafka.brokers()), &topics)?.settings.generation)
}
