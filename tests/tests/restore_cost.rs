//! What a restart costs with a million active users: a report, with coarse bounds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::case;
use harness::cluster::{Cluster, Setup};
use harness::load::{Plan, produce};
use harness::service::Service;
use harness::topic;
use harness::wait;

const ORDERS: u64 = 1_250_000;
/// So many customers that about a million of them place one of the orders: 3 M × (1 − e^(−1.25/3)) = 1.02 M.
const CUSTOMERS: u32 = 3_000_000;
const ACTIVE: u32 = 1_000_000;
/// Generous: a busy machine, a build that is not optimised for speed.
const BOUND: Duration = Duration::from_mins(1);
const DRAIN_LIMIT: Duration = Duration::from_mins(3);

/// A killed stage with velocity windows of a million users is back within a bounded time.
#[test]
fn a_stage_with_a_million_active_users_restores_in_bounded_time() {
    case::run("restore-cost", |case| {
        let mut cluster = Cluster::start(case, &Setup { partitions: 12, views: false, ..Setup::default() })?;
        let plan = Plan {
            seed: 9,
            prefix: "o".to_owned(),
            rate: 0,
            users: CUSTOMERS,
            orders: ORDERS,
            bad: std::sync::Arc::default(),
        };
        produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
        let group = cluster.pipeline.group(&cluster.stage());
        let lag = || topic::lag(cluster.pipeline.brokers(), &cluster.pipeline.orders(), &group);
        wait::equal("the orders to be folded", &0, DRAIN_LIMIT, lag)?;
        // A quiet input is checkpointed within a second.
        std::thread::sleep(Duration::from_secs(3));
        cluster.replicas[0].kill()?;
        let started = Instant::now();
        cluster.replicas[0].restart()?;
        cluster.replicas[0].wait_ready(BOUND)?;
        let ready = started.elapsed();
        report(&cluster.replicas[0], ready)?;
        cluster.check().map(drop)
    });
}

fn report(replica: &Service, ready: Duration) -> Result<()> {
    let metrics = replica.metrics()?;
    let value = |name: &str| metrics.sum(name, &[]).with_context(|| format!("there is no metric {name}"));
    let bytes = value("millrace_stage_restored_bytes")?;
    let records = value("millrace_stage_restored_records")?;
    let seconds = value("millrace_stage_restore_duration_seconds_sum")?;
    let refolded = value("millrace_stage_refolded_orders_total")?;
    println!(
        "restart with {ACTIVE} active users: ready after {ready:.1?}; restore read {:.1} MiB in {records} records and \
         folded {refolded} orders again in {seconds:.2} s",
        bytes / 1_048_576.0
    );
    ensure!(bytes > f64::from(ACTIVE), "{bytes} bytes cannot hold the windows of {ACTIVE} users");
    ensure!(seconds < BOUND.as_secs_f64(), "the restore took {seconds} s");
    Ok(())
}
