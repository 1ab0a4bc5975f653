//! Protections of the engine turned off one by one in test builds: each must make a difference that the checks find, in a
//! scenario that is exact with the protection on.

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup, must_differ};
use harness::load::{Plan, Value, flush, produce, producer, send};
use harness::process::Signal;
use harness::proxy::{Api, Fault, assignments_without_barrier, offsets_before_records};
use harness::servers::Servers;
use harness::shop::{iso, now_ms};
use harness::{state_topic, wait};
use rdkafka::producer::BaseProducer;

const STAGE: &str = "revenue-fraud";
const LIMIT: Duration = Duration::from_mins(1);
/// Longer than a session (6 s): a member frozen for this long is out of its group.
const PAST_SESSION: Duration = Duration::from_secs(9);

/// The broker leaves a transaction open that its owner does not end: here the owner wakes up in time.
const PATIENT: &str = "transaction.abort.timed.out.transaction.cleanup.interval.ms=600000";

fn setup<'a>(env: &'a [(&'a str, &'a str)]) -> Setup<'a> {
    Setup { build: Build::Faults, views: false, partitions: 2, env, ..Setup::default() }
}

/// A pipeline named after the mutation it runs with.
fn start(servers: &Rc<Servers>, case: &Case, mutation: &str) -> Result<Cluster> {
    Cluster::start_on(servers, case, mutation, &setup(&[("MILLRACE_MUTATION", mutation)]))
}

fn plan(prefix: &str, orders: u64) -> Plan {
    Plan { seed: 21, prefix: prefix.to_owned(), rate: 0, users: 10, orders, bad: std::sync::Arc::default() }
}

fn drained(cluster: &mut Cluster) -> Result<()> {
    let expected = cluster.expected()?;
    cluster.settle(&expected)?;
    cluster.drain()?;
    cluster.compare(&expected)
}

/// Offsets go to the broker after the acknowledgement of every record of their transaction.
#[test]
fn offsets_before_the_flush_are_caught_on_the_wire() {
    case::run("early-offsets", |case| {
        let servers = Servers::start_with_proxy(case, &[])?;
        let early = |mutation: &str| -> Result<usize> {
            let mut cluster = start(&servers, case, mutation)?;
            let hits = servers.proxy()?.hits().len();
            // A slow acknowledgement, so that offsets that do not wait for it overtake it.
            servers.proxy()?.inject(Api::PRODUCE, Fault::DelayAnswer(Duration::from_millis(500)));
            produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
            drained(&mut cluster)?;
            ensure!(servers.proxy()?.hits().len() == hits + 1, "no acknowledgement was delayed");
            Ok(offsets_before_records(&servers.proxy()?.journal(mutation)).len())
        };
        ensure!(early("none")? == 0, "offsets were sent early");
        ensure!(early("offsets-before-flush")? > 0, "the mutation was not caught");
        Ok(())
    });
}

/// A restore waits for pending offset commits of the group before it reads the state.
#[test]
fn a_restore_without_its_barrier_is_caught_on_the_wire() {
    case::run("barrier", |case| {
        let servers = Servers::start_with_proxy(case, &[])?;
        let restores = |mutation: &str| -> Result<(usize, usize)> {
            let mut cluster = start(&servers, case, mutation)?;
            produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
            cluster.settle(&cluster.expected()?)?;
            cluster.replicas[0].drain()?;
            cluster.replicas[0].restart()?;
            cluster.replicas[0].wait_ready(READY_LIMIT)?;
            drained(&mut cluster)?;
            let client = format!("{}.replica-0", cluster.pipeline.group(STAGE));
            Ok(assignments_without_barrier(&servers.proxy()?.journal(mutation), &client))
        };
        let (read, wrong) = restores("none")?;
        ensure!(read > 0 && wrong == 0, "{wrong} of {read} restores read before the barrier");
        let (_, wrong) = restores("no-committed-barrier")?;
        ensure!(wrong > 0, "the mutation was not caught");
        Ok(())
    });
}

/// An owner that stalls between its records and its commit, and the successor that does not know of it:
/// with neither the flush nor the barrier both succeed; each alone is enough.
#[test]
fn a_stalled_owner_is_caught_by_either_protection() {
    case::run("stalled-owner", |case| {
        let servers = Servers::start_with_proxy(case, &[PATIENT])?;
        zombie(case, &servers, "none", "records-sent:1:stop")?;
        zombie(case, &servers, "no-committed-barrier", "records-sent:1:stop")?;
        // Without the flush the claim passes this point too.
        zombie(case, &servers, "offsets-before-flush", "offsets-sent:2:stop")?;
        let neither = "offsets-before-flush,no-committed-barrier";
        must_differ(zombie(case, &servers, neither, "offsets-sent:2:stop"))
    });
}

fn zombie(case: &Case, servers: &Rc<Servers>, mutation: &str, failpoint: &str) -> Result<()> {
    let name = mutation.replace(',', ".");
    let mut cluster = Cluster::start_on(servers, case, &name, &Setup { replicas: 0, ..setup(&[]) })?;
    stall_the_owner(&mut cluster, mutation, failpoint)?;
    // The successor reaches the broker directly.
    let spec = cluster.pipeline.process(&["revenue", "fraud"], "successor");
    let successor = spec.env("MILLRACE_MUTATION", mutation).start()?;
    let folds = || Ok(successor.orders_folded().is_ok_and(|orders| orders > 0.0));
    // With the barrier the successor waits for the owner, so its work is not waited for forever.
    let took_over = wait::until("the successor to work", PAST_SESSION, folds).is_ok();
    let did = if took_over { "overtook" } else { "awaits" };
    println!("{mutation}: the successor {did} the stalled owner");
    cluster.replicas.push(successor);
    servers.proxy()?.release();
    cluster.replicas[0].signal(Signal::Continue)?;
    drained(&mut cluster)
}

/// Starts replica 0 behind the proxy, feeds it, and leaves it frozen at the failpoint, its records held.
fn stall_the_owner(cluster: &mut Cluster, mutation: &str, failpoint: &str) -> Result<()> {
    let spec = cluster.replica_spec(0).env("MILLRACE_MUTATION", mutation);
    let mut owner = spec.env("MILLRACE_FAILPOINT", failpoint).start()?;
    owner.wait_ready(READY_LIMIT)?;
    cluster.servers.proxy()?.inject(Api::PRODUCE, Fault::Hold);
    produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 200))?;
    wait::until("the owner to stand still", LIMIT, || {
        Ok(owner.process().log()?.contains("failpoint reached"))
    })?;
    cluster.replicas.push(owner);
    Ok(())
}

/// What a restore folded again and had not been checkpointed is written by the next checkpoint.
#[test]
fn refolded_changes_that_are_forgotten_are_caught() {
    crash_behind("refold-not-due", |p| p.checkpoints["revenue"].position < p.position);
}

/// Each processor is folded again from its own checkpoint.
#[test]
fn a_checkpoint_shared_by_all_processors_is_caught() {
    crash_behind("shared-checkpoint", |p| {
        p.checkpoints["revenue"].position > p.checkpoints["fraud"].position
    });
}

/// Crashes a stage in the situation `wanted`, restarts it, and compares: exact, but not with the mutation.
fn crash_behind(mutation: &str, wanted: impl Fn(&state_topic::Progress) -> bool) {
    case::run(mutation, |case| {
        let servers = Servers::start(case)?;
        let outcome = |mutation: &str| {
            let mut cluster = start(&servers, case, mutation)?;
            crash_where(&mut cluster, &wanted)?;
            cluster.replicas[0].restart()?;
            drained(&mut cluster)
        };
        outcome("none")?;
        must_differ(outcome(mutation))
    });
}

fn crash_where(cluster: &mut Cluster, wanted: impl Fn(&state_topic::Progress) -> bool) -> Result<()> {
    let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
    let producer = producer(&brokers)?;
    let mut number = 0;
    for _ in 0..10 {
        for _ in 0..60 {
            own_city(&producer, &orders, &mut number)?;
            thread::sleep(Duration::from_millis(10));
        }
        cluster.replicas[0].kill()?;
        flush(&producer)?;
        let progress = state_topic::progress(&brokers, &cluster.pipeline.state(STAGE))?;
        if progress.values().any(&wanted) {
            return Ok(());
        }
        cluster.replicas[0].restart()?;
        cluster.replicas[0].wait_ready(READY_LIMIT)?;
    }
    anyhow::bail!("no crash left the checkpoints in the wanted order")
}

/// Five orders, each to a city that no other goes to: what is lost of them is not made good by later ones.
fn own_city(producer: &BaseProducer, orders: &str, number: &mut u64) -> Result<()> {
    for _ in 0..5 {
        *number += 1;
        let (id, user, time) = (*number, format!("user-{}", *number % 50), iso(now_ms()));
        let json = format!(
            r#"{{"orderId":"o-{id}","userId":"{user}","product":"Laptop","quantity":1,"total":{id},"city":"city-{id}","timestamp":"{time}"}}"#
        );
        send(producer, orders, &user, &Value { bytes: json.into_bytes(), time: now_ms(), reason: None })?;
    }
    Ok(())
}
