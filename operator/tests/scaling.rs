//! Who decides on replicas, on a real API server: an autoscaler of Kubernetes' own, which the operator leaves alone, and
//! the operator itself, by what pods say. No pod runs: a test answers at their addresses.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use contract::stage_status::{PartitionStatus, StageStatus};
use futures::{StreamExt, TryStreamExt};
use harness::kafka::Kafka;
use harness::kubernetes::{self, Space, install_crd, objects, stand_in, until};
use harness::service::Service;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use operator::api::{AnalyticsPipeline, ScalingReason, ScalingStatus, definition_yaml};
use serde_json::{Value, json};

#[path = "data/answers.rs"]
mod answers;

use answers::answer;

/// On a busy machine; a decision to grow takes a minute by itself.
const LIMIT: Duration = Duration::from_mins(4);
const PARTITIONS: i32 = 6;

/// A pipeline of one processor.
async fn begin(space: &Space<'_>, kafka: &Kafka, scaling: &str) -> Result<Service> {
    install_crd(&space.client(), &definition_yaml()?).await?;
    let operator = space.operator(Path::new(env!("CARGO_BIN_EXE_millrace-operator"))).start()?;
    let pipeline = format!(
        "
apiVersion: millrace.dev/v1alpha1
kind: AnalyticsPipeline
metadata: {{name: shop}}
spec:
  kafka: {{bootstrapServers: '{}'}}
  redis: {{url: 'redis://redis.test:6379'}}
  topics: {{orders: {{partitions: {PARTITIONS}}}}}
  processors:
    revenue: {{enabled: false}}
    trend: {{enabled: false}}
    fraud: {{scaling: {scaling}}}
",
        kafka.brokers()
    );
    space.create_yaml(&pipeline).await?;
    Ok(operator)
}

async fn change(space: &Space<'_>, spec: Value) -> Result<()> {
    let patch = Patch::Merge(json!({"spec": spec}));
    space.api::<AnalyticsPipeline>().patch("shop", &PatchParams::default(), &patch).await?;
    Ok(())
}

async fn replicas_are(space: &Space<'_>, replicas: i32) -> Result<()> {
    let deployments = space.api::<Deployment>();
    until(&format!("{replicas} replicas"), LIMIT, async || {
        let spec = deployments.get("shop-fraud").await?.spec.context("no spec")?;
        ensure!(spec.replicas == Some(replicas), "{:?}\n{}", spec.replicas, space.operator_log());
        Ok(true)
    })
    .await
}

/// Every number of replicas that the Deployment ever has.
fn follow(space: &Space<'_>) -> Arc<Mutex<Vec<i32>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noted, deployments) = (Arc::clone(&seen), space.api::<Deployment>());
    tokio::spawn(async move {
        let config = watcher::Config::default().fields("metadata.name=shop-fraud");
        let mut changes = watcher(deployments, config).applied_objects().boxed();
        while let Ok(Some(deployment)) = changes.try_next().await {
            let replicas = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.last() != Some(&replicas) {
                noted.push(replicas);
            }
        }
    });
    seen
}

/// Applies the autoscaler of the documentation, each field checked, with other bounds.
async fn autoscaler(space: &Space<'_>, least: i32, most: i32) -> Result<()> {
    let mut example = objects(include_str!("../../docs/examples/scaling/hpa.yaml"))?.remove(0);
    example.data["spec"]["minReplicas"] = least.into();
    example.data["spec"]["maxReplicas"] = most.into();
    let params = PatchParams::apply("test").force().validation_strict();
    let autoscalers = space.api::<HorizontalPodAutoscaler>();
    autoscalers.patch("shop-fraud", &params, &Patch::Apply(&example)).await?;
    Ok(())
}

#[test]
fn an_autoscaler_keeps_the_replicas_and_nobody_fights_over_them() {
    kubernetes::run("external", async |space| {
        let kafka = Kafka::start(space.case())?;
        let mut operator = begin(space, &kafka, "{mode: Fixed, replicas: 1}").await?;
        let _ready = stand_in::EverythingReady::begin(space.api());
        replicas_are(space, 1).await?;
        let seen = follow(space);

        change(space, json!({"processors": {"fraud": {"scaling": {"mode": "External", "replicas": null}}}}))
            .await?;
        autoscaler(space, 2, PARTITIONS).await?;
        replicas_are(space, 2).await?;
        autoscaler(space, 5, PARTITIONS).await?;
        replicas_are(space, 5).await?;
        autoscaler(space, 2, 3).await?;
        replicas_are(space, 3).await?;

        // The operator writes everything else of the Deployment, and repairs what is gone.
        change(space, json!({"image": {"repository": "millrace.test/millrace", "tag": "2"}})).await?;
        let deployments = space.api::<Deployment>();
        until("the new image", LIMIT, async || {
            let text = serde_json::to_string(&deployments.get("shop-fraud").await?.spec)?;
            Ok(text.contains("millrace.test/millrace:2"))
        })
        .await?;
        let budgets = space.api::<PodDisruptionBudget>();
        let first = budgets.get("shop-fraud").await?.metadata.uid;
        budgets.delete("shop-fraud", &DeleteParams::default()).await?;
        until("the budget to be back", LIMIT, async || {
            Ok(budgets.get_opt("shop-fraud").await?.is_some_and(|budget| budget.metadata.uid != first))
        })
        .await?;
        replicas_are(space, 3).await?;

        space.api::<HorizontalPodAutoscaler>().delete("shop-fraud", &DeleteParams::default()).await?;
        change(space, json!({"processors": {"fraud": {"scaling": {"mode": "Fixed", "replicas": 4}}}}))
            .await?;
        replicas_are(space, 4).await?;
        let numbers = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What was asked for, one after the other: nobody has ever set one back.
        ensure!(numbers == [1, 2, 5, 3, 4], "{numbers:?}");
        operator.drain()
    });
}

/// A pod that reads 9,000 orders/s of the 18,000 that arrive, and can no more.
fn overloaded() -> StageStatus {
    let partition = |partition| PartitionStatus {
        partition,
        position: 100_000,
        end: Some(110_000),
        lag: Some(10_000),
        oldest_unread_seconds: Some(20.0),
        window_seconds: 10.0,
        arrival_rate: Some(3_000.0),
        processing_rate: Some(1_500.0),
        ..PartitionStatus::default()
    };
    StageStatus {
        name: "fraud".to_owned(),
        instance: "shop-fraud-a".to_owned(),
        window_seconds: 10.0,
        busy_share: Some(0.97),
        folding_share: Some(0.8),
        lag: Some(60_000),
        oldest_unread_seconds: Some(20.0),
        settings_generation: Some(1),
        partitions: (0..PARTITIONS).map(partition).collect(),
        ..StageStatus::default()
    }
}

async fn said(space: &Space<'_>) -> Result<Option<ScalingStatus>> {
    let status = space.api::<AnalyticsPipeline>().get("shop").await?.status.context("no status")?;
    let fraud = status.processors.into_iter().find(|processor| processor.name == "fraud");
    Ok(fraud.context("no fraud in the status")?.scaling)
}

#[test]
fn the_operator_adds_replicas_by_what_pods_say_and_says_why() {
    kubernetes::run("auto", async |space| {
        let kafka = Kafka::start(space.case())?;
        let mut operator = begin(space, &kafka, "{mode: Auto, min: 1, max: 6, maxLag: 30s}").await?;
        let _ready = stand_in::EverythingReady::begin(space.api());
        replicas_are(space, 1).await?;
        let (address, answers) = answer(&overloaded()).await?;
        let deployment = space.api::<Deployment>().get("shop-fraud").await?;
        stand_in::pod(&space.api::<Pod>(), &deployment, "shop-fraud-a", &address).await?;

        // Two partitions take more than a pod, and three pods would have two each.
        replicas_are(space, 6).await?;
        until("the reason", LIMIT, async || Ok(said(space).await?.is_some_and(|said| said.to == 6))).await?;
        let said_then = said(space).await?.context("nothing said")?;
        ensure!((said_then.from, said_then.reason) == (1, ScalingReason::ArrivalRate), "{said_then:?}");
        let situation = "18,000 orders/s arrive and 60,000 wait, the oldest for 20 s; a pod reads 9,000/s";
        ensure!(said_then.why.starts_with(situation), "{said_then:?}");

        // Silence is no reason to change anything.
        answers.abort();
        until("it to miss the figures", LIMIT, async || {
            Ok(said(space).await?.is_some_and(|said| said.reason == ScalingReason::NoData))
        })
        .await?;
        replicas_are(space, 6).await?;
        operator.drain()
    });
}

/// No KEDA here to judge it: that its names are ours, and its fields those that it documents.
#[test]
fn the_example_for_keda_names_the_deployment_and_the_group() {
    let example = objects(include_str!("../../docs/examples/scaling/keda.yaml")).unwrap().remove(0);
    let spec = &example.data["spec"];
    assert_eq!(spec["scaleTargetRef"], json!({"name": "shop-fraud"}));
    let known =
        ["scaleTargetRef", "minReplicaCount", "maxReplicaCount", "pollingInterval", "advanced", "triggers"];
    assert!(spec.as_object().unwrap().keys().all(|field| known.contains(&field.as_str())), "{spec}");
    let kafka = &spec["triggers"][0];
    assert_eq!(kafka["type"], "kafka");
    let metadata = kafka["metadata"].as_object().unwrap();
    let topics = contract::Topics::named("prod.shop");
    assert_eq!(metadata["consumerGroup"], topics.group("fraud").as_str());
    assert_eq!(metadata["topic"], topics.orders.as_str());
    let known = ["bootstrapServers", "topic", "consumerGroup", "lagThreshold", "offsetResetPolicy"];
    assert!(metadata.keys().all(|field| known.contains(&field.as_str())), "{metadata:?}");
    // KEDA takes text only.
    assert!(metadata.values().all(Value::is_string), "{metadata:?}");
}
