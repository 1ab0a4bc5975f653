//! Releases of the chart: what an upgrade and an uninstall change, and what they leave alone.

use anyhow::{Context, Result, ensure};
use harness::wait;

use super::world::{OPERATOR, RELEASES, ROLLOUT, World, checkout};

/// Installs the second release: its operator runs, and pipelines that follow the operator's version run it too.
pub fn upgrade(world: &World) -> Result<()> {
    let before = world.pods("shop", "app.kubernetes.io/component=fraud")?;
    let (chart, tag) = (checkout("deploy/helm/millrace"), format!("image.tag={}", RELEASES[1]));
    let chart = chart.display().to_string();
    let images = ["--set", "image.registry=millrace.test", "--set", &tag];
    let place = ["upgrade", "millrace", &chart, "--namespace", OPERATOR, "--wait", "--timeout", "3m"];
    world.cluster.helm(&[&place[..], &images].concat())?;
    wait::until("pods of the new release", ROLLOUT, || {
        let pods = world.pods("shop", "app.kubernetes.io/part-of=millrace")?;
        let image =
            |pod: &serde_json::Value| pod["spec"]["containers"][0]["image"] == World::image(RELEASES[1]);
        Ok(!pods.is_empty() && pods.values().all(image))
    })?;
    world.wait_ready("shop")?;
    world.wait_for_more_orders("shop")?;
    let after = world.pods("shop", "app.kubernetes.io/component=fraud")?;
    ensure!(before.keys().ne(after.keys()), "the fraud pod was not replaced");
    world.say("helm upgrade: the pipeline runs the new release");
    Ok(())
}

/// Takes the release away: the operator and its rights go, the definition, the pipelines and their pods stay, and orders
/// go on being counted. A pipeline can be deleted without the operator; its topics stay.
pub fn uninstall(world: &World) -> Result<()> {
    let pods = world.pods("shop", "app.kubernetes.io/part-of=millrace")?;
    world.cluster.helm(&["uninstall", "millrace", "--namespace", OPERATOR, "--wait", "--timeout", "2m"])?;
    let left = world.cluster.kubectl(&[
        "--namespace",
        OPERATOR,
        "get",
        "deployments,serviceaccounts,roles,rolebindings",
        "--output=name",
    ])?;
    let ours: Vec<_> = left.lines().filter(|name| name.contains("millrace")).collect();
    ensure!(ours.is_empty(), "uninstall left {ours:?}");
    let cluster_wide =
        world.cluster.kubectl(&["get", "clusterroles,clusterrolebindings", "--output=name"])?;
    ensure!(!cluster_wide.contains("millrace"), "uninstall left rights: {cluster_wide}");
    world.pipeline("shop").context("the pipeline is gone with the release")?;
    world.wait_for_more_orders("shop")?;
    ensure!(
        world.pods("shop", "app.kubernetes.io/part-of=millrace")?.keys().eq(pods.keys()),
        "pods were replaced"
    );
    world.say("helm uninstall: the pipeline runs on");

    world.cluster.kubectl(&[
        "--namespace",
        "shop",
        "delete",
        "analyticspipeline",
        "shop",
        "--timeout=60s",
    ])?;
    wait::until("the pipeline's objects to be gone", ROLLOUT, || {
        let left = world.cluster.kubectl(&[
            "--namespace",
            "shop",
            "get",
            "deployments,services,poddisruptionbudgets,pods",
            "--selector=app.kubernetes.io/instance=shop",
            "--output=name",
        ])?;
        ensure!(left.is_empty(), "left: {left}");
        Ok(true)
    })?;
    let orders = harness::topic::ends(&world.kafka.brokers(), "orders").context("the topic is gone")?;
    ensure!(orders.iter().sum::<i64>() > 0, "the orders are gone: {orders:?}");
    world.say("the pipeline is deleted, its topics are left");
    Ok(())
}
