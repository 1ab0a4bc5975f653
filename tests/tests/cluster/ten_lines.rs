//! The smallest useful resource is a running pipeline, and a threshold changes while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::case::free_port;
use harness::process::Process;
use harness::{http, topic, wait};
use serde_json::{Value, json};

use super::world::{RELEASES, ROLLOUT, World};

const NAMESPACE: &str = "shop";
const PIPELINE: &str = r#"
apiVersion: millrace.dev/v1alpha1
kind: AnalyticsPipeline
metadata:
  name: shop
spec:
  kafka:
    bootstrapServers: "kafka:9092"
  redis:
    url: "redis://redis:6379"
  simulator:
    enabled: true
    ordersPerSecond: 20
"#;
/// A changed threshold is to show in an alert within this time.
const LIVE: Duration = Duration::from_secs(5);

pub fn run(world: &World) -> Result<()> {
    world.namespace(NAMESPACE)?;
    only_restricted_pods(world)?;
    world.apply(NAMESPACE, PIPELINE)?;
    world.wait_ready(NAMESPACE)?;
    world.say("kubectl apply of the smallest pipeline: Ready");
    all_pods_are_ready(world)?;
    world.wait_for_more_orders(NAMESPACE)?;
    through_port_forward(world)?;
    world.say("GET /api/stats answers, through the Service and through port-forward");
    threshold_is_live(world)
}

/// The namespace refuses what it is to refuse: so the pipeline's pods, which it admits, are restricted ones.
fn only_restricted_pods(world: &World) -> Result<()> {
    let image = format!("--image={}", World::image(RELEASES[0]));
    let root = ["--namespace", NAMESPACE, "run", "root", &image, "--privileged"];
    let refused = world.cluster.kubectl(&root).err().context("a privileged pod was admitted")?;
    ensure!(format!("{refused:#}").contains("violates PodSecurity"), "{refused:#}");
    Ok(())
}

fn all_pods_are_ready(world: &World) -> Result<()> {
    for component in ["revenue", "fraud", "trend", "views", "dashboard", "simulator"] {
        let pods = world.pods(NAMESPACE, &format!("app.kubernetes.io/component={component}"))?;
        ensure!(pods.len() == 1, "{component} has {} pods", pods.len());
        let status = &pods.values().next().context("no pod")?["status"]["containerStatuses"][0];
        ensure!(status["ready"] == true, "{component} is not ready: {status}");
    }
    Ok(())
}

/// As somebody does who wants to see the page on their own machine.
fn through_port_forward(world: &World) -> Result<()> {
    let service = world.cluster.get(&["--namespace", NAMESPACE, "service", "shop-dashboard"])?;
    let ports = format!("{}:{}", free_port()?, service["spec"]["ports"][0]["port"]);
    let local = ports.split_once(':').context("no port")?.0.parse()?;
    let args = ["--namespace", NAMESPACE, "port-forward", "service/shop-dashboard", &ports];
    let log = std::env::temp_dir().join(format!("millrace-port-forward-{local}.log"));
    let _forward = Process::spawn("port-forward", world.cluster.kubectl_command(&args), log.clone())?;
    wait::until("the page's figures on this machine", ROLLOUT, || {
        let stats: Value = serde_json::from_str(&http::get(local, "/api/stats")?.body)?;
        ensure!(stats["totalRevenue"].as_u64() > Some(0), "{stats}");
        Ok(true)
    })?;
    Ok(std::fs::remove_file(log)?)
}

fn threshold_is_live(world: &World) -> Result<()> {
    let before = starts(world)?;
    let alerts = || topic::read(&world.kafka.brokers(), "alerts");
    ensure!(alerts()?.iter().all(|alert| threshold(alert) != Some(1)), "an alert has the threshold already");
    world.change(NAMESPACE, &json!({"spec": {"processors": {"fraud": {"thresholds": {"highValue": 1}}}}}))?;
    wait::until("an alert with the new threshold", LIVE, || {
        Ok(alerts()?.iter().any(|alert| threshold(alert) == Some(1)))
    })?;
    world.say("kubectl patch of a threshold: in the next alert");
    wait::until("every replica to acknowledge the settings", ROLLOUT, || {
        let settings = world.pipeline(NAMESPACE)?["status"]["settings"].clone();
        let acknowledged = settings["acknowledged"].as_str().context("nothing acknowledged")?.to_owned();
        let (some, all) = acknowledged.split_once('/').context("not n/m")?;
        ensure!(some == all && all != "0", "{settings}");
        Ok(true)
    })?;
    ensure!(starts(world)? == before, "a pod was replaced or restarted");
    Ok(())
}

fn threshold(alert: &topic::Record) -> Option<u64> {
    alert.json().ok()?["threshold"].as_u64()
}

/// Every pod, and how often it was started again.
fn starts(world: &World) -> Result<BTreeMap<String, Value>> {
    let pods = world.pods(NAMESPACE, "app.kubernetes.io/part-of=millrace")?;
    let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].clone();
    Ok(pods.iter().map(|(name, pod)| (name.clone(), restarts(pod))).collect())
}
