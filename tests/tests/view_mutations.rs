//! Protections of the views turned off one by one in test builds: each must make a difference that shows, in a
//! scenario that is right with the protection on.

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup};
use harness::load::{Load, Plan, Value, flush, produce, producer, send};
use harness::servers::Servers;
use harness::shop::{iso, now_ms};
use harness::{http, topic, wait};
use rdkafka::producer::BaseProducer;

const STAGE: &str = "revenue-fraud";
const LIMIT: Duration = Duration::from_mins(1);
/// What each order costs where all cost the same.
const TOTAL: u64 = 1_000;
/// What another writer counted.
const NEWER: u64 = 7_777_777;

fn plan(prefix: &str, orders: u64) -> Plan {
    Plan { seed: 21, prefix: prefix.to_owned(), rate: 0, users: 10, orders, bad: std::sync::Arc::default() }
}

/// A pipeline named after the mutation that its views run with.
fn start(servers: &Rc<Servers>, case: &Case, mutation: &str) -> Result<Cluster> {
    let setup = Setup { build: Build::Faults, partitions: 2, views: false, ..Setup::default() };
    let mut cluster = Cluster::start_on(servers, case, mutation, &setup)?;
    let spec = cluster.pipeline.views().env("MILLRACE_MUTATION", mutation).args(["--interval", "10ms"]);
    cluster.views.insert(spec.start()?).wait_ready(READY_LIMIT)?;
    Ok(cluster)
}

/// A view shows whole transactions: order count and revenue never disagree.
#[test]
fn transactions_applied_in_part_are_caught() {
    case::run("torn", |case| {
        let servers = Servers::start(case)?;
        let torn = |mutation: &str| -> Result<(usize, usize)> {
            let mut cluster = start(&servers, case, mutation)?;
            let (producer, orders) = (producer(cluster.pipeline.brokers())?, cluster.pipeline.orders());
            for number in 0..300 {
                equal_order(&producer, &orders, number)?;
                thread::sleep(Duration::from_millis(10));
            }
            flush(&producer)?;
            cluster.settle(&cluster.expected()?)?;
            cluster.drain()?;
            let updates = topic::read(cluster.pipeline.brokers(), &cluster.pipeline.metrics())?;
            let updates: Vec<_> = updates.iter().map(topic::Record::json).collect::<Result<_>>()?;
            let torn = updates.iter().filter(|update| {
                update["totalRevenue"].as_u64() != update["totalOrders"].as_u64().map(|n| n * TOTAL)
            });
            Ok((updates.len(), torn.count()))
        };
        let (shown, wrong) = torn("none")?;
        ensure!(shown > 5 && wrong == 0, "{wrong} of {shown} updates disagree with themselves");
        let (shown, wrong) = torn("partial-transactions")?;
        ensure!(wrong > 0, "the mutation was not caught in {shown} updates");
        Ok(())
    });
}

fn equal_order(producer: &BaseProducer, orders: &str, number: u64) -> Result<()> {
    let (user, time) = (format!("user-{}", number % 50), iso(now_ms()));
    let json = format!(
        r#"{{"orderId":"o-{number}","userId":"{user}","product":"Laptop","quantity":1,"total":{TOTAL},"city":"HCM","timestamp":"{time}"}}"#
    );
    send(producer, orders, &user, &Value { bytes: json.into_bytes(), time: now_ms(), reason: None })
}

/// A writer that had read more of one partition is not overwritten by one that read more of another.
#[test]
fn a_fence_that_is_a_plain_sum_is_caught() {
    case::run("fence", |case| {
        let servers = Servers::start(case)?;
        let overwritten = |mutation: &str| -> Result<(Cluster, bool)> {
            let mut cluster = start(&servers, case, mutation)?;
            produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
            cluster.settle(&cluster.expected()?)?;
            let views = cluster.views.as_mut().context("no views")?;
            views.drain()?;
            pretend_another_writer(&cluster)?;
            cluster.views.as_mut().context("no views")?.restart()?;
            let overwritten = wait::some("the views to decide", LIMIT, || decided(&cluster))?;
            Ok((cluster, overwritten))
        };
        let (cluster, early) = overwritten("none")?;
        ensure!(!early, "the other writer's values were overwritten");
        goes_on(cluster)?;
        let (_, early) = overwritten("fence-sum")?;
        ensure!(early, "the mutation was not caught");
        Ok(())
    });
}

/// Whether the views wrote over the other writer's values; `None` before they either did or said why not.
fn decided(cluster: &Cluster) -> Result<Option<bool>> {
    if cluster.redis_orders()? != Some(NEWER) {
        return Ok(Some(true));
    }
    let port = cluster.views.as_ref().context("no views")?.admin_port();
    let refuses = http::get(port, "/readyz")?.body.contains("has read more of state partition");
    Ok(refuses.then_some(false))
}

/// Once more was read of the partition in which the other was ahead, the views write again.
fn goes_on(mut cluster: Cluster) -> Result<()> {
    let more = Plan { rate: 500, ..plan("b", 500) };
    let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), more)?;
    wait::until("the views to go on", LIMIT, || Ok(cluster.redis_orders()? != Some(NEWER)))?;
    load.finish()?;
    cluster.check().map(drop)
}

/// Makes Redis look as if another views process had written it that was ahead in partition 1 and behind in
/// partition 0.
fn pretend_another_writer(cluster: &Cluster) -> Result<()> {
    let prefix = cluster.pipeline.key_prefix();
    let (fence, mut redis) = (format!("{prefix}millrace:fence"), cluster.servers.redis.connect()?);
    for (partition, by) in [(0, -1_000), (1, 20)] {
        let field = format!("{STAGE}/{partition}");
        let position: String = redis::cmd("HGET").arg(&fence).arg(&field).query(&mut redis)?;
        let (offset, incarnation) = position.split_once(' ').context("a position in the fence")?;
        let moved = format!("{} {incarnation}", offset.parse::<i64>()? + by);
        let () = redis::cmd("HSET").arg(&fence).arg(&field).arg(moved).query(&mut redis)?;
    }
    let () = redis::cmd("HSET").arg(&fence).arg("token").arg("stranger:5:settled").query(&mut redis)?;
    cluster.servers.redis.set(&format!("{prefix}orders:total"), &NEWER.to_string())
}
