//! The control of the main claim: the same kind of run with the exactly-once protection off must be caught by
//! the same checks, or they prove nothing.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup, must_differ};
use harness::faults::{Fault, Saboteur, killed_itself, stopped_itself};
use harness::load::{Load, Plan};
use harness::process::Signal;
use harness::servers::Servers;
use harness::wait;

const PARTITIONS: i32 = 12;
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_run_is_exact_but_not_with_its_protections_off() {
    case::run("control", |case| {
        let servers = Servers::start(case)?;
        run(case, &servers, "none").context("with everything on")?;
        for off in ["no-transaction", "progress-from-group"] {
            must_differ(run(case, &servers, off)).context(off)?;
        }
        Ok(())
    });
}

/// The run that `exact_under_faults` makes, smaller, and with the crashes that hurt most made certain.
fn run(case: &Case, servers: &Rc<Servers>, off: &str) -> Result<()> {
    let env = [("MILLRACE_MUTATION", off)];
    let setup = Setup {
        build: Build::Faults,
        partitions: PARTITIONS,
        replicas: 3,
        views: false,
        env: &env,
        ..Setup::default()
    };
    let mut cluster = Cluster::start_on(servers, case, off, &setup)?;
    let plan = Plan {
        seed: 17,
        prefix: "order".to_owned(),
        rate: 1_000,
        // So few that nearly every order raises an alert: whatever is done twice shows.
        users: 100,
        orders: 10_000,
        bad: std::sync::Arc::default(),
    };
    let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
    let mut saboteur = Saboteur::new(17);
    saboteur.run(&mut cluster, vec![Fault::Kill, Fault::GracefulRestart])?;
    ensure!(saboteur.tally().kills == 1, "nobody was killed at work");
    freeze_with_alerts_waiting(&mut cluster)?;
    crash_between_offsets_and_commit(&mut cluster)?;
    load.finish()?;
    let expected = cluster.expected()?;
    cluster.settle(&expected)?;
    cluster.drain()?;
    cluster.compare(&expected)
}

/// Replica 0 stands still past its session with alerts that it has not committed, and wakes when the others have
/// restored its partitions. Only a transaction that the group's generation fences keeps it from sending them.
fn freeze_with_alerts_waiting(cluster: &mut Cluster) -> Result<()> {
    let frozen = &mut cluster.replicas[0];
    let plain = frozen.spec().clone();
    frozen.kill()?;
    frozen.restart_as(plain.clone().env("MILLRACE_FAILPOINT", "folded:5:stop"))?;
    stopped_itself(frozen)?;
    let taken = wait::until("others to take over", LIMIT, || {
        let owned = cluster.owned(&[1, 2]);
        Ok((0..PARTITIONS).all(|partition| owned.contains(&partition)))
    });
    let frozen = &mut cluster.replicas[0];
    let assigned = |log: &str| log.matches("partitions assigned").count();
    let before = assigned(&frozen.process().log()?);
    frozen.signal(Signal::Continue)?;
    taken?;
    wait::until("it to be back in the group", LIMIT, || Ok(assigned(&frozen.process().log()?) > before))
}

/// Every replica kills itself once in a transaction with orders, between sending their offsets and committing.
fn crash_between_offsets_and_commit(cluster: &mut Cluster) -> Result<()> {
    for replica in &mut cluster.replicas {
        let plain = replica.spec().clone();
        replica.kill()?;
        replica.restart_as(plain.env("MILLRACE_FAILPOINT", "offsets-sent:3"))?;
    }
    for replica in &mut cluster.replicas {
        killed_itself(replica)?;
    }
    for replica in &mut cluster.replicas {
        let plain = replica.spec().clone().env("MILLRACE_FAILPOINT", "");
        replica.restart_as(plain)?;
        replica.wait_ready(READY_LIMIT)?;
    }
    Ok(())
}
