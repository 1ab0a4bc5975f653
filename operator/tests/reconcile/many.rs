//! Many pipelines at once, some of which cannot work.

use crate::trial::{LIMIT, Trial, condition, metric, run};
use anyhow::{Context, Result, ensure};
use harness::kubernetes::{install_crd, stand_in, until};
use kube::api::{ApiResource, DynamicObject, PostParams};
use operator::api::{AnalyticsPipeline, Phase, definition_yaml};
use serde_json::{Value, json};

const PIPELINES: u32 = 50;
/// What the operator may take with all of them.
const MEMORY_LIMIT_KIB: u64 = 64 * 1024;

#[test]
fn fifty_pipelines_become_ready_whatever_is_wrong_with_others() {
    run("fifty", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let unreachable = json!({"kafka": {"bootstrapServers": "127.0.0.1:1"}});
        trial.create("broken", &unreachable).await?;
        let no_text = json!({"kafka": {"bootstrapServers": ["a", "list"]}});
        malformed(trial, "malformed", &no_text, &[]).await?;
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

/// A resource that was stored before the definition had its present types: `wrong` in it fits no more.
pub async fn malformed(trial: &Trial<'_>, name: &str, wrong: &Value, finalizers: &[&str]) -> Result<()> {
    let strict = definition_yaml()?;
    let mut loose: serde_json::Value = serde_saphyr::from_str(&strict)?;
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    install_crd(&trial.space.client(), &serde_saphyr::to_string(&loose)?).await?;
    let kind = ApiResource::erase::<AnalyticsPipeline>(&());
    let object: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "millrace.dev/v1alpha1", "kind": "AnalyticsPipeline",
        "metadata": {"name": name, "finalizers": finalizers}, "spec": trial.spec(name, wrong),
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
        // nothing runs, and nothing says that it did
        for kind in ["ProcessorsReady", "ViewsReady"] {
            let (is, ..) = condition(&lost, kind).context("a condition")?;
            ensure!(is == "False", "{kind} is {is}");
        }
        ensure!(lost.status.as_ref().and_then(|status| status.phase) == Some(Phase::Failed), "{lost:?}");
        trial.delete("older").await?;
        trial.ready("newer").await?;
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
