//! Protections of the engine turned off one by one in test builds: each must make a difference that the checks find, in a
//! scenario that is exact with the protection on.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup, must_differ};
use harness::faults::{killed_itself, stopped_itself};
use harness::load::{Plan, Value, flush, produce, producer, send};
use harness::process::Signal;
use harness::proxy::{Api, Direction, Event, Fault, assignments_without_barrier, offsets_before_records};
use harness::servers::Servers;
use harness::service::{Service, Spec};
use harness::shop::{iso, now_ms};
use harness::state_topic::{self, Progress};
use harness::wait;

const STAGE: &str = "revenue-fraud";
const LIMIT: Duration = Duration::from_mins(1);
/// Orders of a case.
const ORDERS: u32 = 200;

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

/// Offsets go to the broker after the acknowledgement of every record of their transaction, and a restore waits for
/// pending offset commits of the group before it reads the state: on the wire.
#[test]
fn offsets_sent_early_and_a_missing_barrier_are_caught_on_the_wire() {
    case::run("wire", |case| {
        let servers = Servers::start_with_proxy(case, &[])?;
        let none = on_the_wire(case, &servers, "none")?;
        ensure!(none.early_offsets == 0, "offsets were sent early");
        let Wire { restores, early_restores: early, .. } = none;
        ensure!(restores > 0 && early == 0, "{early} of {restores} restores read before the barrier");
        let early = on_the_wire(case, &servers, "offsets-before-flush")?.early_offsets;
        ensure!(early > 0, "offsets before the flush were not caught");
        let early = on_the_wire(case, &servers, "no-committed-barrier")?.early_restores;
        ensure!(early > 0, "a restore without its barrier was not caught");
        Ok(())
    });
}

/// What the journal of a run says.
struct Wire {
    early_offsets: usize,
    restores: usize,
    early_restores: usize,
}

/// A run with a slow acknowledgement, which offsets that do not wait for it overtake, and with a restore.
fn on_the_wire(case: &Case, servers: &Rc<Servers>, mutation: &str) -> Result<Wire> {
    let env = [("MILLRACE_MUTATION", mutation)];
    let mut cluster = Cluster::start_on(servers, case, mutation, &setup(&env))?;
    let delayed = servers.proxy()?.hits().len();
    servers.proxy()?.inject(Api::PRODUCE, Fault::DelayAnswer(Duration::from_millis(500)));
    produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 500))?;
    cluster.settle(&cluster.expected()?)?;
    ensure!(servers.proxy()?.hits().len() == delayed + 1, "no acknowledgement was delayed");
    cluster.replicas[0].drain()?;
    cluster.replicas[0].restart()?;
    cluster.replicas[0].wait_ready(READY_LIMIT)?;
    drained(&mut cluster)?;
    let (client, proxy) = (client(&cluster, 0), servers.proxy()?);
    let (restores, early_restores) = assignments_without_barrier(&proxy.journal(&client), &client);
    Ok(Wire {
        early_offsets: offsets_before_records(&proxy.journal(&client)).len(),
        restores,
        early_restores,
    })
}

/// An owner that stalls between its records and its commit while its records are held up, and the successor that
/// sees nothing of them. Nothing times out here. What keeps the two from both succeeding is that offsets go
/// after acknowledged records: the group then refuses the owner. Without that it is two things together:
/// the successor waits for the owner's offsets, and looks for the owner's records after that, not before.
#[test]
fn a_stalled_owner_and_its_successor_never_both_succeed() {
    case::run("stalled-owner", |case| {
        let servers = Servers::start_with_proxy(case, &[])?;
        let stall = |off, owner, successor| stalled_owner(case, &servers, &Stall { off, owner, successor });
        stall("none", Owner::Refused, Successor::Works)?;
        stall("no-committed-barrier", Owner::Refused, Successor::Works)?;
        stall("offsets-before-flush", Owner::Commits, Successor::Waits)?;
        let neither = "offsets-before-flush,no-committed-barrier";
        must_differ(stall(neither, Owner::Commits, Successor::Works))?;
        must_differ(stall("offsets-before-flush,settled-once", Owner::Commits, Successor::Waits))
    });
}

/// The protections that are off, and what must come of it for the case to be the one that is meant.
struct Stall {
    off: &'static str,
    owner: Owner,
    successor: Successor,
}

/// What becomes of the owner's transaction when it wakes.
#[derive(Clone, Copy)]
enum Owner {
    Commits,
    Refused,
}

/// What the successor does while the owner stalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Successor {
    /// It folds the owner's orders again.
    Works,
    /// It asks for the group's offsets again and again.
    Waits,
}

fn stalled_owner(case: &Case, servers: &Rc<Servers>, stall: &Stall) -> Result<()> {
    let (name, off) = (stall.off.replace(',', "."), format!("no-time-out,{}", stall.off));
    let mut cluster = Cluster::start_on(servers, case, &name, &Setup { replicas: 0, ..setup(&[]) })?;
    let held = servers.proxy()?.hits().len();
    let mut owner = freeze_in_transaction(&cluster, &off, stall.owner)?;
    let successor = cluster.replica_spec(1).env("MILLRACE_MUTATION", &off).start()?;
    let meanwhile =
        wait::some("the successor to work or wait", LIMIT, || what_it_does(&cluster, &successor))?;
    ensure!(meanwhile == stall.successor, "{name}: the successor {meanwhile:?}");
    servers.proxy()?.release();
    owner.signal(Signal::Continue)?;
    match stall.owner {
        Owner::Commits => killed_itself(&mut owner)?,
        Owner::Refused => {
            let refused = |line: &str| line.contains("giving up") && line.contains("send_offsets");
            wait::until("the owner to be refused", LIMIT, || {
                Ok(owner.process().log()?.lines().any(refused))
            })?;
            // Only then are the records of its transaction void.
            let assigned = |log: &str| log.matches("partitions assigned").count();
            wait::until("it to be back in the group", LIMIT, || Ok(assigned(&owner.process().log()?) > 1))?;
            owner.wait_ready(READY_LIMIT)?;
            cluster.replicas.push(owner);
        }
    }
    ensure!(servers.proxy()?.hits().len() == held + 1, "{name}: the owner's records were not held up");
    cluster.replicas.push(successor);
    drained(&mut cluster)
}

/// Starts replica 0, feeds it, and leaves it frozen in the transaction of these orders, its records held up. Where
/// it is to commit, its offsets are accepted already, and it kills itself after the commit: the successor stays.
fn freeze_in_transaction(cluster: &Cluster, off: &str, then: Owner) -> Result<Service> {
    let failpoint = match then {
        Owner::Commits => "offsets-sent:1:stop,committed:1",
        Owner::Refused => "records-sent:1:stop",
    };
    let spec = cluster.replica_spec(0).env("MILLRACE_MUTATION", off).env("MILLRACE_FAILPOINT", failpoint);
    let mut owner = spec.start()?;
    owner.wait_ready(READY_LIMIT)?;
    cluster.servers.proxy()?.inject_for(&client(cluster, 0), Api::PRODUCE, Fault::Hold);
    produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", ORDERS.into()))?;
    stopped_itself(&mut owner)?;
    Ok(owner)
}

fn client(cluster: &Cluster, replica: usize) -> String {
    format!("{}.replica-{replica}", cluster.pipeline.group(STAGE))
}

fn what_it_does(cluster: &Cluster, successor: &Service) -> Result<Option<Successor>> {
    /// Who does not wait for the group's offsets asks for them twice: before the restore and after.
    const AGAIN_AND_AGAIN: usize = 6;
    if successor.orders_folded().is_ok_and(|orders| orders >= f64::from(ORDERS)) {
        return Ok(Some(Successor::Works));
    }
    let answer = |e: &Event| e.api == Api::OFFSET_FETCH && e.direction == Direction::Answer;
    let answers = cluster.servers.proxy()?.journal(&client(cluster, 1)).into_iter().filter(answer);
    Ok((answers.count() >= AGAIN_AND_AGAIN).then_some(Successor::Waits))
}

/// What a restore folded again and had not been checkpointed is written by the next checkpoint; and each processor
/// is folded again from its own checkpoint.
#[test]
fn forgotten_refolds_and_a_shared_checkpoint_are_caught() {
    case::run("checkpoints", |case| {
        let servers = Servers::start(case)?;
        let crash = |mutation, left| crash_behind(case, &servers, mutation, left);
        crash("none", Checkpoints::Missing)?;
        must_differ(crash("refold-not-due", Checkpoints::Missing))?;
        crash("none", Checkpoints::Apart)?;
        must_differ(crash("shared-checkpoint", Checkpoints::Apart))
    });
}

/// How a crash leaves the checkpoints of a partition.
#[derive(Clone, Copy, Debug)]
enum Checkpoints {
    /// Revenue has orders that are in no checkpoint.
    Missing,
    /// Revenue is checkpointed, fraud is not.
    Apart,
}

impl Checkpoints {
    /// The intervals that lead to it: each commit, or not before the crash.
    fn intervals(self) -> &'static str {
        match self {
            Self::Missing => "revenue:600000,fraud:600000",
            Self::Apart => "revenue:0,fraud:600000",
        }
    }

    fn are_left_by(self, progress: &Progress) -> bool {
        let [revenue, fraud] = ["revenue", "fraud"].map(|name| progress.checkpoints[name].position);
        match self {
            Self::Missing => revenue < progress.position,
            Self::Apart => revenue > fraud,
        }
    }
}

/// Crashes a stage right after a commit that left its checkpoints so, restarts it, and compares.
fn crash_behind(case: &Case, servers: &Rc<Servers>, mutation: &str, left: Checkpoints) -> Result<()> {
    let name = format!("{left:?}.{mutation}");
    let mut cluster = Cluster::start_on(servers, case, &name, &Setup { replicas: 0, ..setup(&[]) })?;
    let plain = cluster.replica_spec(0).env("MILLRACE_MUTATION", mutation);
    let mut replica = crash(&cluster, plain.clone().env("MILLRACE_CHECKPOINTS", left.intervals()), left)?;
    replica.restart_as(plain)?;
    cluster.replicas.push(replica);
    drained(&mut cluster)
}

/// A replica that killed itself after the first orders it committed.
fn crash(cluster: &Cluster, spec: Spec, left: Checkpoints) -> Result<Service> {
    orders_to_own_cities(cluster, 0)?;
    let mut replica = spec.env("MILLRACE_FAILPOINT", "committed:1").start()?;
    // After a second without orders everything is due for a checkpoint: that may be how long the commit took.
    for attempt in 1..4 {
        killed_itself(&mut replica)?;
        let progress = state_topic::progress(cluster.pipeline.brokers(), &cluster.pipeline.state(STAGE))?;
        if progress.values().any(|p| left.are_left_by(p)) {
            return Ok(replica);
        }
        orders_to_own_cities(cluster, attempt)?;
        replica.restart()?;
    }
    bail!("no crash left the checkpoints {left:?}")
}

/// Orders each to a city that no other goes to: what is lost of them is not made good by later ones.
fn orders_to_own_cities(cluster: &Cluster, attempt: u32) -> Result<()> {
    let producer = producer(cluster.pipeline.brokers())?;
    for number in 1..=ORDERS {
        let id = attempt * ORDERS + number;
        let (user, time) = (format!("user-{}", id % 50), iso(now_ms()));
        let json = format!(
            r#"{{"orderId":"o-{id}","userId":"{user}","product":"Laptop","quantity":1,"total":{id},"city":"city-{id}","timestamp":"{time}"}}"#
        );
        let value = Value { bytes: json.into_bytes(), time: now_ms(), reason: None };
        send(&producer, &cluster.pipeline.orders(), &user, &value)?;
    }
    flush(&producer)
}
