//! What depends on Secrets, and what does not.

use anyhow::{Context, Result, ensure};
use harness::http;
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::trial::{LIMIT, condition, metric, run};

#[test]
fn a_secret_is_asked_for_by_name_and_rolls_pods_once_when_it_changes() {
    run("secrets", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({"redis": {"secret": {"name": "redis-auth"}}})).await?;
        let stuck = trial.until_condition("shop", "Stalled", "True", Some("SecretMissing")).await?;
        let (_, _, message, _) = condition(&stuck, "Ready").context("a condition")?;
        ensure!(message.contains("redis-auth") && message.contains("spec.redis.secret"), "{message}");
        // Kafka does not need it, nor do the processors
        trial.until_condition("shop", "KafkaReachable", "True", None).await?;
        trial.until_condition("shop", "ProcessorsReady", "True", None).await?;
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
fn a_secret_of_kafka_that_is_missing_is_named_and_counted() {
    run("missing", async |trial| {
        let mut operator = trial.operator().start()?;
        let sasl = json!({"mechanism": "SCRAM-SHA-512", "secret": {"name": "kafka-user"}});
        trial.create("shop", &json!({"kafka": {"sasl": sasl}})).await?;
        let stuck = trial.until_condition("shop", "KafkaReachable", "False", Some("SecretMissing")).await?;
        let (_, _, message, _) = condition(&stuck, "Ready").context("a condition")?;
        for part in ["kafka-user", "spec.kafka.sasl.secret", "username"] {
            ensure!(message.contains(part), "{message}");
        }
        let page = http::get(operator.admin_port(), "/metrics")?.body;
        let series = "millrace_operator_reconcile_errors_total{error=\"Secret\"} ";
        let count = page.lines().find_map(|line| line.strip_prefix(series));
        ensure!(count.is_some_and(|count| count != "0"), "{count:?} errors are counted");
        operator.drain()
    });
}
