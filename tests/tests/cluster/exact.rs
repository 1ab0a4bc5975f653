//! Figures stay exact to the oracle while pods come and go under load.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::case::Case;
use harness::load::{Load, Plan};
use harness::oracle::{self, Thresholds};
use harness::pipeline::Pipeline;
use harness::{bad_orders, checks, topic, wait};
use serde_json::{Value, json};

use super::world::{RELEASES, ROLLOUT, World};

const NAMESPACE: &str = "prod";
const NAME: &str = "prod.shop";
const PARTITIONS: usize = 6;
/// How many the orders have in the end.
const MORE_PARTITIONS: usize = 8;
const RATE: u32 = 500;
/// So few that many of them place more orders in a minute than the rule lets pass.
const USERS: u32 = 1_000;
/// So that something is in the making at every event.
const BETWEEN: Duration = Duration::from_secs(3);

/// The names that the checks expect, and little of the machine for each pod.
fn resource() -> String {
    format!(
        r#"
apiVersion: millrace.dev/v1alpha1
kind: AnalyticsPipeline
metadata: {{name: shop}}
spec:
  kafka: {{bootstrapServers: "kafka:9092"}}
  redis: {{url: "redis://redis:6379", keyPrefix: "{NAME}:"}}
  topics:
    orders: {{name: {NAME}-orders, partitions: {PARTITIONS}}}
    metrics: {{name: {NAME}-metrics}}
    alerts: {{name: {NAME}-alerts}}
    deadLetters: {{name: {NAME}-dead-letters}}
  processors:
    trend: {{enabled: false}}
"#
    )
}

pub fn run(world: &World, case: &Case) -> Result<()> {
    world.namespace(NAMESPACE)?;
    world.apply(NAMESPACE, &resource())?;
    world.wait_ready(NAMESPACE)?;
    let pipeline = Pipeline::elsewhere(case, NAME, &world.kafka, &world.redis);
    let bad = Arc::new(bad_orders::all()?);
    let plan = Plan { seed: 7, prefix: "order".to_owned(), rate: RATE, users: USERS, orders: 10_000, bad };
    let load = Load::start(pipeline.brokers(), &pipeline.orders(), plan)?;
    let before = load.sent();
    events(world)?;
    ensure!(load.sent() > before, "there was no load");
    let sent = load.finish()?;
    world.say(&format!("{sent} orders sent while pods came and went"));
    judge(world, &pipeline, sent)
}

fn events(world: &World) -> Result<()> {
    world.wait_for_more_orders(NAMESPACE)?;
    for replicas in [3, 1, 3, 2] {
        scale(world, replicas)?;
        std::thread::sleep(BETWEEN);
    }
    add_partitions(world)?;
    std::thread::sleep(BETWEEN);
    kill_a_process(world)?;
    std::thread::sleep(BETWEEN);
    delete_a_pod(world)?;
    std::thread::sleep(BETWEEN);
    roll_the_image(world)?;
    std::thread::sleep(BETWEEN);
    world.wait_for_more_orders(NAMESPACE)
}

/// Changes the replicas of both processors, and waits until the partitions are shared among as many.
fn scale(world: &World, replicas: usize) -> Result<()> {
    let scaling = json!({"scaling": {"replicas": replicas}});
    world.change(NAMESPACE, &json!({"spec": {"processors": {"revenue": scaling, "fraud": scaling}}}))?;
    wait_for_shares(world, PARTITIONS, replicas)?;
    world.say(&format!("{replicas} replicas have their partitions"));
    Ok(())
}

/// Gives the orders more partitions, and waits until they are shared too.
fn add_partitions(world: &World) -> Result<()> {
    world.change(NAMESPACE, &json!({"spec": {"topics": {"orders": {"partitions": MORE_PARTITIONS}}}}))?;
    wait_for_shares(world, MORE_PARTITIONS, 2)?;
    world.say(&format!("the orders have {MORE_PARTITIONS} partitions"));
    Ok(())
}

fn wait_for_shares(world: &World, partitions: usize, replicas: usize) -> Result<()> {
    for processor in ["revenue", "fraud"] {
        let what = format!("{partitions} partitions of {processor} among {replicas}");
        wait::equal(&what, &shares(partitions, replicas), ROLLOUT, || shared(world, processor))?;
    }
    Ok(())
}

/// How many partitions each of so many replicas has, smallest first.
fn shares(partitions: usize, replicas: usize) -> Vec<usize> {
    let mut shares: Vec<_> = (0..replicas)
        .map(|index| partitions / replicas + usize::from(index < partitions % replicas))
        .collect();
    shares.sort_unstable();
    shares
}

/// How many partitions each pod of a processor says it works on, smallest first.
fn shared(world: &World, processor: &str) -> Result<Vec<usize>> {
    let pods = world.pods(NAMESPACE, &format!("app.kubernetes.io/component={processor}"))?;
    let mut shares = Vec::new();
    for pod in pods.keys() {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:9464/proxy/status");
        let status: Value = serde_json::from_str(&world.cluster.kubectl(&["get", "--raw", &path])?)?;
        let partitions = &status["sections"]["stage"]["partitions"];
        shares.push(partitions.as_array().context("no partitions in /status")?.len());
    }
    shares.sort_unstable();
    Ok(shares)
}

/// `kill -9` of a container's process: the kubelet starts it again in its pod.
fn kill_a_process(world: &World) -> Result<()> {
    let restarts = || -> Result<u64> {
        let pods = world.pods(NAMESPACE, "app.kubernetes.io/component=revenue")?;
        Ok(pods
            .values()
            .filter_map(|pod| pod["status"]["containerStatuses"][0]["restartCount"].as_u64())
            .sum())
    };
    let before = restarts()?;
    let process = world.cluster.run(&["pgrep", "--full", "--newest", "millrace process revenue"])?;
    world.cluster.run(&["kill", "-KILL", &process])?;
    wait::until("the killed container to run again", ROLLOUT, || Ok(restarts()? > before))?;
    rollout(world, "revenue")?;
    world.say("a container was killed and runs again");
    Ok(())
}

/// A pod that is gone without having been asked to end.
fn delete_a_pod(world: &World) -> Result<()> {
    let pods = world.pods(NAMESPACE, "app.kubernetes.io/component=fraud")?;
    let name = pods.into_keys().next().context("fraud has no pod")?;
    world.cluster.kubectl(&[
        "--namespace",
        NAMESPACE,
        "delete",
        "pod",
        &name,
        "--grace-period=0",
        "--force",
    ])?;
    wait::until("another pod in place of the deleted one", ROLLOUT, || {
        Ok(!world.pods(NAMESPACE, "app.kubernetes.io/component=fraud")?.contains_key(&name))
    })?;
    rollout(world, "fraud")?;
    world.say("a pod was deleted by force and replaced");
    Ok(())
}

fn roll_the_image(world: &World) -> Result<()> {
    world.change(NAMESPACE, &json!({"spec": {"image": {"tag": RELEASES[1]}}}))?;
    wait::until("every pod to run the new image", ROLLOUT, || {
        let pods = world.pods(NAMESPACE, "app.kubernetes.io/part-of=millrace")?;
        Ok(pods.values().all(|pod| pod["spec"]["containers"][0]["image"] == World::image(RELEASES[1])))
    })?;
    for component in ["revenue", "fraud", "views", "dashboard"] {
        rollout(world, component)?;
    }
    world.say("all pods run another image");
    Ok(())
}

fn rollout(world: &World, component: &str) -> Result<()> {
    let deployment = format!("deployment/shop-{component}");
    let args = ["--namespace", NAMESPACE, "rollout", "status", "--timeout=3m", &deployment];
    world.cluster.kubectl(&args).map(drop)
}

/// Everything is read and written; then the processors are paused, and what is left is compared with the oracle.
fn judge(world: &World, pipeline: &Pipeline, sent: u64) -> Result<()> {
    let generation = world.pipeline(NAMESPACE)?["status"]["settings"]["generation"].as_u64();
    let generation = generation.context("no generation of settings in the status")?;
    let thresholds = Thresholds { generation, ..Thresholds::default() };
    let expected = oracle::replay(pipeline.brokers(), &pipeline.orders(), thresholds)?;
    for stage in ["revenue", "fraud"] {
        wait::equal(&format!("the lag of {stage}"), &0, ROLLOUT, || {
            topic::lag(pipeline.brokers(), &pipeline.orders(), &pipeline.group(stage))
        })?;
    }
    wait::until("the dashboard to count every order", ROLLOUT, || {
        Ok(world.orders(NAMESPACE)? >= expected.orders)
    })?;
    world.change(NAMESPACE, &json!({"spec": {"state": "Paused"}}))?;
    for processor in ["revenue", "fraud"] {
        wait::until(&format!("{processor} to be paused"), ROLLOUT, || {
            Ok(world.pods(NAMESPACE, &format!("app.kubernetes.io/component={processor}"))?.is_empty())
        })?;
    }
    // What views have under way is written by now.
    std::thread::sleep(BETWEEN);
    checks::everything(pipeline, "revenue", Some(&world.redis), &expected)?;
    let (moved, missing) = checks::only_moved_users_miss_alerts(pipeline, thresholds.orders_per_minute)?;
    world.say(&format!(
        "{} users moved to another partition within a minute and miss {missing} alerts",
        moved.len()
    ));
    let dead = expected.dead_letters.len() as u64;
    ensure!(expected.orders + dead == sent, "the load is not what was sent");
    world.say(&format!(
        "{} orders, {} alerts, {dead} dead letters: exact",
        expected.orders,
        expected.alerts.len()
    ));
    Ok(())
}
