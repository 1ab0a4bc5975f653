//! What is left of a pipeline, and that its deletion always comes to an end.

use std::time::Duration;

use crate::many::malformed;
use crate::trial::{LIMIT, Trial, condition, merge, run};
use anyhow::{Context, Result, ensure};
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use operator::api::AnalyticsPipeline;
use serde_json::{Value, json};

fn all() -> Value {
    json!({"deletion": {"topics": "Delete", "state": "Delete"}})
}

async fn gone(trial: &Trial<'_>, name: &str) -> Result<()> {
    until(&format!("{name} to be gone"), LIMIT, async || {
        let Some(pipeline) = trial.pipelines.get_opt(name).await? else { return Ok(true) };
        ensure!(false, "it says {:?}", condition(&pipeline, "Ready"));
        Ok(false)
    })
    .await
    .with_context(|| trial.space.operator_log())
}

#[test]
fn what_is_retained_stays_and_needs_no_operator() {
    run("retain", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({})).await?;
        trial.ready("shop").await?;
        operator.kill()?;
        trial.delete("shop").await?;
        gone(trial, "shop").await?;
        until("its workloads to be gone", LIMIT, async || Ok(trial.children("shop").await?.is_empty()))
            .await?;
        ensure!(trial.topics_of("shop")?.len() == 8, "topics are gone");
        Ok(())
    });
}

#[test]
fn everything_goes_in_order_when_that_is_asked_for() {
    run("delete", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let external = json!({"topics": {"alerts": {"management": "External"}}});
        let mut spec = all();
        merge(&mut spec, &external);
        trial.create("shop", &spec).await?;
        let missing = trial.until_condition("shop", "Stalled", "True", Some("TopicMissing")).await?;
        let (_, _, message, _) = condition(&missing, "TopicsReady").context("a condition")?;
        ensure!(message.contains("shop.alerts") && message.contains("1 partitions"), "{message}");
        trial.make_topic("shop.alerts")?;
        trial.ready("shop").await?;
        let namespace = trial.space.namespace();
        let groups = [format!("{namespace}.shop.fraud"), format!("{namespace}.shopper.fraud")];
        for group in &groups {
            trial.make_group(group, "shop.orders")?;
        }

        let deployments = trial.space.api::<Deployment>();
        let pods = trial.space.api::<Pod>();
        stand_in::pod(&pods, &deployments.get("shop-views").await?, "shop-views-0", "127.0.0.1").await?;
        trial.delete("shop").await?;
        // while a pod lives nothing of Kafka or Redis is touched
        let waits = trial.until_condition("shop", "Reconciling", "True", Some("Deleting")).await?;
        until("the workloads to be gone", LIMIT, async || {
            Ok(deployments.get_opt("shop-views").await?.is_none())
        })
        .await?;
        ensure!(
            trial.topics_of("shop")?.len() == 8,
            "topics went before the pods: {:?}",
            condition(&waits, "Ready")
        );
        ensure!(
            deployments.get_opt("shop-purge").await?.is_none(),
            "keys are deleted before the pods are gone"
        );
        pods.delete("shop-views-0", &DeleteParams::default().grace_period(0)).await?;
        trial.purge("shop", 0).await?;
        gone(trial, "shop").await?;
        let left: Vec<_> = trial.topics_of("shop")?.into_keys().collect();
        ensure!(left == ["shop.alerts"], "left: {left:?}");
        ensure!(
            !trial.has_group(&groups[0])? && trial.has_group(&groups[1])?,
            "its group, and no other, is to go"
        );
        ensure!(!trial.events("shop", "Deleted").await?.is_empty(), "no event says what was deleted");
        operator.drain()
    });
}

#[test]
fn with_kafka_away_it_lets_go_after_the_deadline_and_says_what_is_left() {
    run("away", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().env("DELETION_DEADLINE", "20s").start()?;
        trial.create("shop", &json!({"deletion": {"topics": "Delete"}})).await?;
        trial.ready("shop").await?;
        trial.kafka.kill()?;
        trial.delete("shop").await?;
        let waits = trial.until_condition("shop", "Ready", "False", Some("Deleting"));
        tokio::time::timeout(Duration::from_secs(18), waits)
            .await
            .context("no reason before the deadline")??;
        gone(trial, "shop").await?;
        let notes = trial.events("shop", "DeletionGaveUp").await?;
        let note = notes.first().context("no event says what is left")?;
        for topic in ["orders", "metrics", "alerts", "dead"] {
            ensure!(note.contains(&format!("the topic shop.{topic}")), "{note}");
        }
        operator.drain()
    });
}

#[test]
fn a_purge_that_fails_does_not_hold_the_pipeline_for_ever() {
    run("failing", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().env("DELETION_DEADLINE", "15s").start()?;
        trial.create("shop", &all()).await?;
        trial.ready("shop").await?;
        trial.delete("shop").await?;
        trial.purge("shop", 1).await?;
        gone(trial, "shop").await?;
        let notes = trial.events("shop", "DeletionGaveUp").await?;
        let namespace = trial.space.namespace();
        let keys = format!("the keys in Redis that begin with {{{namespace}.shop}}:");
        ensure!(notes.first().is_some_and(|note| note.contains(&keys)), "{notes:?}");
        operator.drain()
    });
}

#[test]
fn a_namespace_that_goes_is_not_held_up() {
    run("going", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &all()).await?;
        trial.ready("shop").await?;
        let namespaces: Api<Namespace> = Api::all(trial.space.client());
        namespaces.delete(trial.space.namespace(), &DeleteParams::default()).await?;
        until("the namespace to be gone", LIMIT, async || {
            Ok(namespaces.get_opt(trial.space.namespace()).await?.is_none())
        })
        .await
        .with_context(|| trial.space.operator_log())?;
        operator.kill().map(drop)
    });
}

#[test]
fn with_the_operator_gone_first_the_finalizer_is_the_way_out() {
    run("orphan", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &all()).await?;
        trial.ready("shop").await?;
        operator.drain()?;
        trial.delete("shop").await?;
        ensure!(trial.pipelines.get_opt("shop").await?.is_some(), "nothing held it");
        // one that comes back goes on
        operator.restart()?;
        trial.purge("shop", 0).await?;
        gone(trial, "shop").await?;
        operator.drain()?;

        trial.create("other", &all()).await?;
        operator.restart()?;
        trial.ready("other").await?;
        operator.drain()?;
        trial.delete("other").await?;
        let none = Patch::Merge(json!({"metadata": {"finalizers": []}}));
        trial.pipelines.patch("other", &PatchParams::default(), &none).await?;
        gone(trial, "other").await
    });
}

#[test]
fn the_finalizer_comes_and_goes_with_the_policy() {
    run("policy", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({})).await?;
        let held = |pipeline: &operator::api::AnalyticsPipeline| {
            pipeline.metadata.finalizers.iter().flatten().any(|name| name == "millrace.dev/deletion")
        };
        ensure!(!held(&trial.ready("shop").await?), "a finalizer that is not needed");
        trial.change("shop", &all()).await?;
        ensure!(held(&trial.ready("shop").await?), "no finalizer");
        trial.change("shop", &json!({"deletion": {"topics": "Retain", "state": "Retain"}})).await?;
        ensure!(!held(&trial.ready("shop").await?), "the finalizer stays");
        operator.drain()
    });
}

#[test]
fn topics_that_another_pipeline_uses_stay() {
    run("shared", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        trial.create("shop", &json!({})).await?;
        // creation times are whole seconds
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        let topics = |topics: Value| json!({"deletion": {"topics": "Delete"}, "topics": topics});
        trial.create("copy", &topics(json!({"orders": {"name": "shop.orders"}}))).await?;
        trial.create("rival", &topics(json!({"alerts": {"name": "shop.alerts"}}))).await?;
        let mut operator = trial.operator().start()?;
        trial.ready("shop").await?;
        trial.ready("copy").await?;
        trial.until_condition("rival", "Stalled", "True", Some("ResourceConflict")).await?;
        for (pipeline, shared) in [("copy", "shop.orders"), ("rival", "shop.alerts")] {
            trial.delete(pipeline).await?;
            gone(trial, pipeline).await?;
            ensure!(trial.topics_of("shop")?.len() == 8, "topics of another pipeline went with {pipeline}");
            let notes = trial.events(pipeline, "Deleted").await?;
            let why =
                format!("the topic {shared} stays: the pipeline {}/shop uses it", trial.space.namespace());
            ensure!(notes.iter().any(|note| note.contains(&why)), "{notes:?}");
        }
        ensure!(trial.topics(["copy.metrics", "copy.alerts", "copy.dead"])?.is_empty(), "its own are left");
        operator.drain()
    });
}

/// One that cannot be read, held by the finalizer, and then deleted.
async fn delete_unread(trial: &Trial<'_>, wrong: &Value) -> Result<Api<DynamicObject>> {
    malformed(trial, "unread", wrong, &["millrace.dev/deletion"]).await?;
    let all = trial.of_kind(&ApiResource::erase::<AnalyticsPipeline>(&()));
    all.delete("unread", &DeleteParams::default()).await?;
    Ok(all)
}

#[test]
fn one_that_cannot_be_read_is_let_go_after_the_deadline_too() {
    run("unread", async |trial| {
        let mut operator = trial.operator().env("DELETION_DEADLINE", "10s").start()?;
        let all = delete_unread(trial, &json!({"state": "Sleeping"})).await?;
        until("it to be gone", LIMIT, async || Ok(all.get_opt("unread").await?.is_none()))
            .await
            .with_context(|| trial.space.operator_log())?;
        until("what is left to be told", LIMIT, async || {
            let notes = trial.events("unread", "DeletionGaveUp").await?;
            Ok(notes.iter().any(|note| note.contains("all of its topics")))
        })
        .await?;
        operator.drain()
    });
}

#[test]
fn one_that_the_server_does_not_let_go_says_the_way_out() {
    run("stuck", async |trial| {
        let mut operator = trial.operator().env("DELETION_DEADLINE", "5s").start()?;
        let all = delete_unread(trial, &json!({"kafka": {"bootstrapServers": ["a", "list"]}})).await?;
        until("the way out to be told", LIMIT, async || {
            let notes = trial.events("unread", "DeletionStuck").await?;
            Ok(notes.iter().any(|note| note.contains("make its spec valid")))
        })
        .await
        .with_context(|| trial.space.operator_log())?;
        let right = json!({"spec": {"kafka": {"bootstrapServers": trial.kafka.brokers()}}});
        all.patch("unread", &PatchParams::default(), &Patch::Merge(right)).await?;
        until("it to be gone", LIMIT, async || Ok(all.get_opt("unread").await?.is_none()))
            .await
            .with_context(|| trial.space.operator_log())?;
        operator.drain()
    });
}
