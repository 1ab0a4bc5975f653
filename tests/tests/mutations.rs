//! Protections turned off one by one in test builds: each must make a difference that the checks find, in a
//! scenario that is exact with the protection on.

use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup, must_differ};
use harness::load::{Plan, Value, flush, produce, producer, send};
use harness::process::Signal;
use harness::proxy::{Api, Fault, assignments_without_barrier, offsets_while_unacknowledged};
use harness::shop::{iso, now_ms};
use harness::{state_topic, topic, wait};
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
    let wrong = |mutation: &str| {
        let mut wrong = 0;
        case::run(&format!("wire-{mutation}"), |case| {
            let env = [("MILLRACE_MUTATION", mutation)];
            let mut cluster = Cluster::start(case, &Setup { proxied: true, ..setup(&env) })?;
            let proxy = cluster.proxy.as_ref().context("no proxy")?;
            // A slow acknowledgement, so that offsets that do not wait for it overtake it.
            proxy.inject(Api::PRODUCE, Fault::DelayAnswer(Duration::from_millis(500)));
            produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
            drained(&mut cluster)?;
            let proxy = cluster.proxy.as_ref().context("no proxy")?;
            ensure!(proxy.hits().len() == 1, "no acknowledgement was delayed");
            wrong = offsets_while_unacknowledged(&proxy.journal()).len();
            Ok(())
        });
        wrong
    };
    assert_eq!(wrong("none"), 0, "offsets were sent early");
    assert!(wrong("offsets-before-flush") > 0, "the mutation was not caught");
}

/// A restore waits for pending offset commits of the group before it reads the state.
#[test]
fn a_restore_without_its_barrier_is_caught_on_the_wire() {
    let restores = |mutation: &str| {
        let mut restores = (0, 0);
        case::run(&format!("barrier-{mutation}"), |case| {
            let env = [("MILLRACE_MUTATION", mutation)];
            let mut cluster = Cluster::start(case, &Setup { proxied: true, ..setup(&env) })?;
            produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
            cluster.settle(&cluster.expected()?)?;
            cluster.replicas[0].drain()?;
            cluster.replicas[0].restart()?;
            cluster.replicas[0].wait_ready(READY_LIMIT)?;
            drained(&mut cluster)?;
            let proxy = cluster.proxy.as_ref().context("no proxy")?;
            let client = format!("{}.replica-0", cluster.pipeline.group(STAGE));
            restores = assignments_without_barrier(&proxy.journal(), &client);
            Ok(())
        });
        restores
    };
    let (read, wrong) = restores("none");
    assert!(read > 0 && wrong == 0, "{wrong} of {read} restores read before the barrier");
    let (_, wrong) = restores("no-committed-barrier");
    assert!(wrong > 0, "the mutation was not caught");
}

/// An owner that stalls between its records and its commit, and the successor that does not know of it:
/// with neither the flush nor the barrier both succeed; each alone is enough.
#[test]
fn a_stalled_owner_is_caught_by_either_protection() {
    zombie("none", "records-sent:1:stop", Verdict::Exact);
    zombie("no-committed-barrier", "records-sent:1:stop", Verdict::Exact);
    // Without the flush the claim passes this point too.
    zombie("offsets-before-flush", "offsets-sent:2:stop", Verdict::Exact);
    zombie("offsets-before-flush,no-committed-barrier", "offsets-sent:2:stop", Verdict::Differs);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Exact,
    Differs,
}

fn zombie(mutation: &str, failpoint: &str, verdict: Verdict) {
    case::run(&format!("zombie-{}", mutation.replace(',', "-")), |case| {
        let (mut cluster, mutated) = (
            Cluster::start(case, &Setup { replicas: 0, proxied: true, broker: &[PATIENT], ..setup(&[]) })?,
            [("MILLRACE_MUTATION", mutation)],
        );
        stall_the_owner(&mut cluster, mutated, failpoint)?;
        // The successor reaches the broker directly.
        let spec =
            cluster.pipeline.process(&["revenue", "fraud"], "successor").env(mutated[0].0, mutated[0].1);
        let successor = spec.start()?;
        let folds = || Ok(successor.orders_folded().is_ok_and(|orders| orders > 0.0));
        // With the barrier the successor waits for the owner, so its work is not waited for forever.
        let took_over = wait::until("the successor to work", PAST_SESSION, folds).is_ok();
        println!(
            "{mutation}: the successor {} the stalled owner",
            if took_over { "overtook" } else { "awaits" }
        );
        cluster.replicas.push(successor);
        cluster.proxy.as_ref().context("no proxy")?.release();
        cluster.replicas[0].signal(Signal::Continue)?;
        let outcome = drained(&mut cluster);
        match verdict {
            Verdict::Exact => outcome,
            Verdict::Differs => must_differ(outcome),
        }
    });
}

/// Starts replica 0 behind the proxy, feeds it, and leaves it frozen at the failpoint, its records held.
fn stall_the_owner(cluster: &mut Cluster, mutated: [(&str, &str); 1], failpoint: &str) -> Result<()> {
    let [(name, value)] = mutated;
    let spec = cluster.replica_spec(0).env(name, value).env("MILLRACE_FAILPOINT", failpoint);
    let mut owner = spec.start()?;
    owner.wait_ready(READY_LIMIT)?;
    cluster.proxy.as_ref().context("no proxy")?.inject(Api::PRODUCE, Fault::Hold);
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
    for (mutation, verdict) in [("none", Verdict::Exact), (mutation, Verdict::Differs)] {
        case::run(&format!("crash-{mutation}"), |case| {
            let env = [("MILLRACE_MUTATION", mutation)];
            let mut cluster = Cluster::start(case, &setup(&env))?;
            crash_where(&mut cluster, &wanted)?;
            cluster.replicas[0].restart()?;
            let outcome = drained(&mut cluster);
            match verdict {
                Verdict::Exact => outcome,
                Verdict::Differs => must_differ(outcome),
            }
        });
    }
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

/// A view shows whole transactions: order count and revenue never disagree.
#[test]
fn transactions_applied_in_part_are_caught() {
    const TOTAL: u64 = 1_000;
    let torn = |mutation: &str| {
        let mut torn = (0, 0);
        case::run(&format!("torn-{mutation}"), |case| {
            let mut cluster = with_views(case, mutation)?;
            let (producer, orders) = (producer(cluster.pipeline.brokers())?, cluster.pipeline.orders());
            for number in 0..300 {
                equal_order(&producer, &orders, number, TOTAL)?;
                thread::sleep(Duration::from_millis(10));
            }
            flush(&producer)?;
            cluster.settle(&cluster.expected()?)?;
            cluster.drain()?;
            let updates = topic::read(cluster.pipeline.brokers(), &cluster.pipeline.metrics())?;
            for update in updates {
                let update = update.json()?;
                let (revenue, orders) = (update["totalRevenue"].as_u64(), update["totalOrders"].as_u64());
                torn.0 += 1;
                torn.1 += usize::from(revenue != orders.map(|n| n * TOTAL));
            }
            Ok(())
        });
        torn
    };
    let (shown, wrong) = torn("none");
    assert!(shown > 5 && wrong == 0, "{wrong} of {shown} updates disagree with themselves");
    let (shown, wrong) = torn("partial-transactions");
    assert!(wrong > 0, "the mutation was not caught in {shown} updates");
}

fn with_views(case: &Case, mutation: &str) -> Result<Cluster> {
    let mut cluster = Cluster::start(case, &Setup { views: true, ..setup(&[]) })?;
    let views = cluster.views.as_mut().context("no views")?;
    views.drain()?;
    let spec = views.spec().clone().env("MILLRACE_MUTATION", mutation).args(["--interval", "10ms"]);
    views.restart_as(spec)?;
    views.wait_ready(READY_LIMIT)?;
    Ok(cluster)
}

fn equal_order(producer: &BaseProducer, orders: &str, number: u64, total: u64) -> Result<()> {
    let (user, time) = (format!("user-{}", number % 50), iso(now_ms()));
    let json = format!(
        r#"{{"orderId":"o-{number}","userId":"{user}","product":"Laptop","quantity":1,"total":{total},"city":"HCM","timestamp":"{time}"}}"#
    );
    send(producer, orders, &user, &Value { bytes: json.into_bytes(), time: now_ms(), reason: None })
}

/// A writer that had read more of one partition is not overwritten by one that read more of another.
#[test]
fn a_fence_that_is_a_plain_sum_is_caught() {
    for (mutation, verdict) in [("none", Verdict::Exact), ("fence-sum", Verdict::Differs)] {
        case::run(&format!("fence-{mutation}"), |case| {
            let mut cluster = with_views(case, mutation)?;
            let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
            produce(&brokers, &orders, plan("a", 500))?;
            cluster.settle(&cluster.expected()?)?;
            cluster.views.as_mut().context("no views")?.drain()?;
            pretend_another_writer(&cluster)?;
            cluster.views.as_mut().context("no views")?.restart()?;
            // The patience with a foreign writer is 2 s; older values would be back soon after.
            let total = || cluster.redis_orders();
            let overwritten =
                wait::until("older values", Duration::from_secs(8), || Ok(total()? != Some(NEWER)));
            ensure!(overwritten.is_ok() == (verdict == Verdict::Differs), "overwritten: {overwritten:?}");
            if verdict == Verdict::Exact {
                // Once more of that partition is read, the writer goes on.
                for batch in 0..40 {
                    produce(&brokers, &orders, plan(&format!("b{batch}"), 20))?;
                    thread::sleep(Duration::from_millis(50));
                }
                wait::until("the writer to go on", LIMIT, || Ok(total()? != Some(NEWER)))?;
                cluster.check()?;
            }
            Ok(())
        });
    }
}

/// What the other writer counted.
const NEWER: u64 = 7_777_777;

/// Makes Redis look as if another views process had written it that was ahead in partition 1 and behind in
/// partition 0.
fn pretend_another_writer(cluster: &Cluster) -> Result<()> {
    let prefix = cluster.pipeline.key_prefix();
    let (fence, mut redis) = (format!("{prefix}millrace:fence"), cluster.redis.connect()?);
    for (partition, by) in [(0, -1_000), (1, 20)] {
        let field = format!("{STAGE}/{partition}");
        let position: String = redis::cmd("HGET").arg(&fence).arg(&field).query(&mut redis)?;
        let (offset, incarnation) = position.split_once(' ').context("a position in the fence")?;
        let moved = format!("{} {incarnation}", offset.parse::<i64>()? + by);
        let () = redis::cmd("HSET").arg(&fence).arg(&field).arg(moved).query(&mut redis)?;
    }
    let () = redis::cmd("HSET").arg(&fence).arg("token").arg("stranger:5:settled").query(&mut redis)?;
    cluster.redis.set(&format!("{prefix}orders:total"), &NEWER.to_string())
}
