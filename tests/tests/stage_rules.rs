//! What a stage promises about its start, its claims and its end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case;
use harness::cluster::{Cluster, READY_LIMIT, Setup};
use harness::load::{Load, Plan, produce, producer};
use harness::oracle::{Oracle, Thresholds};
use harness::servers::Servers;
use harness::{checks, state_topic, topic, wait};
use rdkafka::producer::{BaseRecord, Producer};

const END_LIMIT: Duration = Duration::from_mins(1);

fn plan(prefix: &str, rate: u32, orders: u64) -> Plan {
    Plan { seed: 11, prefix: prefix.to_owned(), rate, users: 300, orders, bad: std::sync::Arc::default() }
}

fn without_views() -> Setup<'static> {
    Setup { build: Build::Faults, views: false, ..Setup::default() }
}

/// A processor that has a stage is refused to another one, which says whose it is.
#[test]
fn a_second_claim_is_refused() {
    case::run("second-claim", |case| {
        let cluster = Cluster::start(case, &without_views())?;
        let mut second = cluster.pipeline.process(&["fraud"], "other").start()?;
        let status = second.process().wait_end(END_LIMIT)?;
        let log = second.process().log()?;
        ensure!(status.code() == Some(2), "it ended with {status}\n{log}");
        for word in ["fraud", "revenue-fraud"] {
            ensure!(log.contains(word), "{word:?} is not in its message:\n{log}");
        }
        Ok(())
    });
}

/// After a drain every processor's checkpoint is at the position: nothing is folded again.
#[test]
fn a_drained_stage_has_nothing_to_fold_again() {
    case::run("drained", |case| {
        let mut cluster = Cluster::start(case, &without_views())?;
        let load =
            Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 2_000, 4_000))?;
        std::thread::sleep(Duration::from_secs(1));
        // In the middle of the load, so that there is something to checkpoint.
        cluster.replicas[0].drain()?;
        let progress =
            state_topic::progress(cluster.pipeline.brokers(), &cluster.pipeline.state("revenue-fraud"))?;
        ensure!(progress.len() == 4, "progress of {} partitions", progress.len());
        for (partition, progress) in &progress {
            ensure!(progress.checkpoints.len() == 2, "{progress:?}");
            let behind = progress.checkpoints.values().any(|c| c.position != progress.position);
            ensure!(!behind, "partition {partition} was drained with {progress:?}");
        }
        load.finish()?;
        cluster.replicas[0].restart()?;
        cluster.replicas[0].wait_ready(READY_LIMIT)?;
        let refolded = cluster.replicas[0].metrics()?.sum("millrace_stage_refolded_orders_total", &[]);
        ensure!(refolded == Some(0.0), "refolded {refolded:?} orders");
        cluster.check().map(drop)
    });
}

/// Killed at every point where a crash could tear something, one after the other, and exact.
#[test]
fn results_are_exact_after_a_crash_at_every_point() {
    const POINTS: [&str; 7] =
        ["folded", "claim", "claimed", "records-sent", "offsets-sent", "committed", "restoring"];
    case::run("crash-points", |case| {
        let mut cluster = Cluster::start(case, &Setup { replicas: 2, ..without_views() })?;
        let load =
            Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 1_000, 5_000))?;
        for point in POINTS {
            for passes in [1, 3] {
                crash_at(&mut cluster, &format!("{point}:{passes}")).context(point)?;
            }
        }
        load.finish()?;
        cluster.check().map(drop)
    });
}

/// Restarts replica 0 so that it kills itself at `failpoint`, waits for that, and starts it as it was.
fn crash_at(cluster: &mut Cluster, failpoint: &str) -> Result<()> {
    let replica = &mut cluster.replicas[0];
    let plain = replica.spec().clone();
    replica.kill()?;
    replica.restart_as(plain.clone().env("MILLRACE_FAILPOINT", failpoint))?;
    // A restore happens once an assignment: more passes need more rebalances.
    let status = match failpoint.split_once(':') {
        Some(("claim" | "claimed" | "restoring", "3")) => return rebalance_until_dead(cluster, plain),
        _ => replica.process().wait_end(END_LIMIT)?,
    };
    killed(status)?;
    cluster.replicas[0].restart_as(plain)
}

fn rebalance_until_dead(cluster: &mut Cluster, plain: harness::service::Spec) -> Result<()> {
    for _ in 0..3 {
        cluster.replicas[0].wait_ready(READY_LIMIT).ok();
        cluster.replicas[1].drain()?;
        cluster.replicas[1].restart()?;
        cluster.replicas[1].wait_ready(READY_LIMIT)?;
        if !cluster.replicas[0].process().is_running()? {
            break;
        }
    }
    killed(cluster.replicas[0].process().wait_end(END_LIMIT)?)?;
    cluster.replicas[0].restart_as(plain)
}

fn killed(status: std::process::ExitStatus) -> Result<()> {
    use std::os::unix::process::ExitStatusExt;
    ensure!(status.signal() == Some(9), "it ended with {status} instead of killing itself");
    Ok(())
}

/// Started with `--start latest` and killed right away: every order since the first start counts once.
#[test]
fn a_first_start_at_latest_survives_crashes() {
    case::run("start-at-latest", |case| {
        let servers = Servers::start(case)?;
        for point in ["claim", "claimed", "folded", "offsets-sent"] {
            let setup = Setup { replicas: 0, ..without_views() };
            let mut cluster = Cluster::start_on(&servers, case, point, &setup)?;
            crash_after_latest(&mut cluster, point).context(point)?;
        }
        Ok(())
    });
}

fn crash_after_latest(cluster: &mut Cluster, point: &str) -> Result<()> {
    let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
    produce(&brokers, &orders, plan("old", 0, 1_000))?;
    let starts = topic::ends(&brokers, &orders)?;
    let spec = cluster.replica_spec(0).args(["--start", "latest"]);
    let mut replica = spec.clone().env("MILLRACE_FAILPOINT", &format!("{point}:1")).start()?;
    if !point.starts_with("claim") {
        replica.wait_ready(READY_LIMIT)?;
        produce(&brokers, &orders, plan("first", 0, 500))?;
    }
    killed(replica.process().wait_end(END_LIMIT)?)?;
    produce(&brokers, &orders, plan("down", 0, 500))?;
    replica.restart_as(spec)?;
    replica.wait_ready(READY_LIMIT)?;
    produce(&brokers, &orders, plan("new", 0, 500))?;
    cluster.replicas.push(replica);
    let mut oracle = Oracle::default();
    topic::visit(&brokers, &orders, |record| {
        let start = usize::try_from(record.partition).map(|p| starts[p])?;
        if record.offset < start { Ok(()) } else { oracle.fold(&record, Thresholds::default()) }
    })?;
    let expected = oracle.finish();
    cluster.settle(&expected)?;
    cluster.drain()?;
    cluster.compare(&expected)
}

/// State that a newer version wrote stops the stage with a message that says so; a reset, which it names as one way
/// out, is one: everything is counted again, once.
#[test]
fn an_unknown_format_stops_the_stage() {
    case::run("unknown-format", |case| {
        let mut cluster = Cluster::start(case, &without_views())?;
        let state = cluster.pipeline.state("revenue-fraud");
        produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 0, 500))?;
        cluster.check()?;
        let newest = topic::read(cluster.pipeline.brokers(), &state)?.into_iter().rev();
        let progress = newest.filter(|r| r.key_text() == "progress").map(|r| (r.partition, r.json())).next();
        let (partition, progress) = progress.context("no progress record")?;
        let mut progress = progress?;
        progress["format"] = 99.into();
        let producer = producer(cluster.pipeline.brokers())?;
        let value = progress.to_string();
        producer
            .send(BaseRecord::to(&state).partition(partition).key("progress").payload(&value))
            .map_err(|(failure, _)| failure)?;
        producer.flush(END_LIMIT)?;
        cluster.replicas[0].restart()?;
        let status = cluster.replicas[0].process().wait_end(END_LIMIT)?;
        let log = cluster.replicas[0].process().log()?;
        ensure!(status.code() == Some(1), "it ended with {status}");
        for word in ["format", "99", &state] {
            ensure!(log.contains(word), "{word:?} is not in its message:\n{log}");
        }
        wait::until("the state to be reset", END_LIMIT, || {
            let reset = ["state", "reset", "revenue-fraud", "--confirm", cluster.pipeline.name()];
            let done = cluster.pipeline.run(&reset)?;
            ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            Ok(true)
        })?;
        cluster.replicas[0].restart()?;
        cluster.replicas[0].wait_ready(READY_LIMIT)?;
        let expected = cluster.expected()?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        checks::state(&cluster.pipeline, "revenue-fraud", &expected)?.check()
    });
}
