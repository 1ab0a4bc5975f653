//! Many pipelines at once, some of which cannot work.

use crate::trial::{LIMIT, Trial, condition, metric, run};
use anyhow::{Context, Result, ensure};
use harness::kubernetes::{install_crd, stand_in, until};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::{Api, ResourceExt};
use operator::api::{AnalyticsPipeline, definition_yaml};
use serde_json::json;

const PIPELINES: u32 = 50;
/// What the operator may take with all of them.
const MEMORY_LIMIT_KIB: u64 = 64 * 1024;

#[test]
fn fifty_pipelines_become_ready_whatever_is_wrong_with_others() {
    run("fifty", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let unreachable = json!({"kafka": {"bootstrapServers": "127.0.0.1:1"}});
        trial.create("broken", &unreachable).await?;
        malformed(trial).await?;
        for number in 0..PIPELINES {
            trial.create(&format!("p{number:02}"), &json!({})).await?;
        }
        let mut operator = trial.operator().env("RESYNC", "1m").start()?;
        for number in 0..PIPELINES {
            trial.ready(&format!("p{number:02}")).await?;
        }
        let broken = trial.until_condition("broken", "KafkaReachable", "False", Some("Unreachable")).await?;
        let (_, _, message, _) = condition(&broken, "Ready").context("a condition")?;
        ensure!(
            message.contains("127.0.0.1:1") && message.contains("spec.kafka.bootstrapServers"),
            "{message}"
        );
        ensure!(
            trial.children("broken").await?.keys().all(|(kind, _)| kind != "Deployment"),
            "pods without topics"
        );
        // the server does not take a status for what breaks its rules: then an event is all there is
        until("the malformed one to be told of", LIMIT, async || {
            Ok(!trial.events("malformed", "Malformed").await?.is_empty())
        })
        .await
        .with_context(|| trial.space.operator_log())?;
        let port = operator.admin_port();
        let followed = metric(port, "millrace_operator_pipelines")?;
        ensure!((followed - f64::from(PIPELINES + 2)).abs() < 0.5, "{followed} pipelines");
        let memory = resident_kib(operator.process().pid())?;
        println!("{memory} KiB with {} pipelines", PIPELINES + 2);
        ensure!(memory <= MEMORY_LIMIT_KIB, "{memory} KiB");
        operator.drain()
    });
}

/// A resource that was stored before the definition had its present types.
async fn malformed(trial: &Trial<'_>) -> Result<()> {
    let strict = definition_yaml()?;
    let mut loose: serde_json::Value = serde_saphyr::from_str(&strict)?;
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    install_crd(&trial.space.client(), &serde_saphyr::to_string(&loose)?).await?;
    let kind = ApiResource::erase::<AnalyticsPipeline>(&());
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "millrace.dev/v1alpha1", "kind": "AnalyticsPipeline",
        "metadata": {"name": "malformed"}, "spec": {"kafka": {"bootstrapServers": ["a", "list"]}, "redis": {"url": "x"}},
    }))?;
    until("the malformed resource to be taken", LIMIT, async || {
        Ok(trial.of_kind(&kind).create(&PostParams::default(), &object).await.is_ok())
    })
    .await?;
    install_crd(&trial.space.client(), &strict).await?;
    // the server goes over to the definition a moment later
    let other = DynamicObject {
        metadata: kube::api::ObjectMeta { name: Some("never".into()), ..<_>::default() },
        ..object
    };
    until("the strict definition to hold", LIMIT, async || {
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        Ok(trial.of_kind(&kind).create(&dry, &other).await.is_err())
    })
    .await
}

fn resident_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[test]
fn of_two_pipelines_with_one_output_the_older_wins_until_it_is_gone() {
    run("conflict", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        trial.create("older", &json!({})).await?;
        // creation times are whole seconds
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        trial.create("newer", &json!({"topics": {"alerts": {"name": "older.alerts"}}})).await?;
        let mut operator = trial.operator().start()?;
        trial.ready("older").await?;
        let lost = trial.until_condition("newer", "Stalled", "True", Some("ResourceConflict")).await?;
        let (_, _, message, _) = condition(&lost, "Ready").context("a condition")?;
        ensure!(message.contains("/older") && message.contains("older.alerts"), "{message}");
        ensure!(trial.children("newer").await?.is_empty() && trial.topics(["newer.orders"])?.is_empty());
        trial.delete("older").await?;
        trial.ready("newer").await?;
        operator.drain()
    });
}

#[test]
fn a_secret_is_asked_for_by_name_and_rolls_pods_once_when_it_changes() {
    run("secrets", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({"redis": {"secret": {"name": "redis-auth"}}})).await?;
        let stuck = trial.until_condition("shop", "Stalled", "True", Some("SecretMissing")).await?;
        let (_, _, message, _) = condition(&stuck, "Ready").context("a condition")?;
        ensure!(message.contains("redis-auth"), "{message}");
        let secrets: Api<Secret> = trial.space.api();
        let secret = |password: &str| -> Result<Secret> {
            Ok(serde_json::from_value(json!({
                "metadata": {"name": "redis-auth"}, "stringData": {"password": password},
            }))?)
        };
        secrets.create(&PostParams::default(), &secret("first")?).await?;
        trial.ready("shop").await?;
        let generations = async || -> Result<Vec<(String, Option<i64>)>> {
            let children = trial.children("shop").await?.into_iter();
            let deployments = children.filter(|((kind, _), _)| kind == "Deployment");
            Ok(deployments.map(|((_, name), object)| (name, object.metadata.generation)).collect())
        };
        let before = generations().await?;
        let uid = secrets.get("redis-auth").await?.uid();
        secrets.replace("redis-auth", &PostParams::default(), &secret("second")?).await?;
        until("those that use it to roll", LIMIT, async || {
            let after = generations().await?;
            let of = |all: &[(String, Option<i64>)], name: &str| all.iter().find(|(n, _)| n == name).cloned();
            let rolled = |name: &str| of(&before, name) != of(&after, name);
            ensure!(!rolled("shop-revenue"), "a processor rolls for Redis' password");
            Ok(rolled("shop-views") && rolled("shop-dashboard"))
        })
        .await?;
        let after = generations().await?;
        let looks = || metric(operator.admin_port(), "millrace_operator_reconciles_total");
        let enough = looks()? + 4.0;
        until("some more looks", LIMIT, async || Ok(looks()? >= enough)).await?;
        ensure!(generations().await? == after, "they roll again");
        ensure!(secrets.get("redis-auth").await?.uid() == uid);
        secrets.delete("redis-auth", &DeleteParams::default()).await?;
        operator.drain()
    });
}

#[test]
fn a_setting_of_a_topic_that_kafka_does_not_take_is_named() {
    run("setting", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let config = |value: &str| json!({"topics": {"orders": {"config": {"retention.ms": value}}}});
        trial.create("shop", &config("3600000")).await?;
        trial.ready("shop").await?;
        trial.change("shop", &config("soon")).await?;
        let refused = trial.until_condition("shop", "TopicsReady", "False", Some("Refused")).await?;
        let (_, _, message, _) = condition(&refused, "Ready").context("a condition")?;
        ensure!(message.contains("shop.orders") && message.contains("retention.ms=soon"), "{message}");
        trial.change("shop", &config("7200000")).await?;
        trial.ready("shop").await?;
        let orders = trial.topics(["shop.orders"])?;
        ensure!(orders["shop.orders"].config["retention.ms"] == "7200000", "{orders:?}");
        operator.drain()
    });
}
