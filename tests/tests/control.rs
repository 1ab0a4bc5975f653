//! The control of the main claim: the same kind of run with the exactly-once protection off must be caught by
//! the same checks, or they prove nothing.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::binary::Build;
use harness::case;
use harness::cluster::{Cluster, Setup, must_differ};
use harness::faults::{Fault, Saboteur};
use harness::load::{Load, Plan};
use harness::process::Signal;
use harness::wait;

/// The run that `exact_under_faults` makes, smaller, and with crashes where they hurt most.
fn run(mutation: &str, judge: impl FnOnce(Result<()>) -> Result<()>) {
    case::run(&format!("control-{mutation}"), |case| {
        let env = [("MILLRACE_MUTATION", mutation)];
        let setup = Setup {
            build: Build::Faults,
            partitions: 12,
            replicas: 3,
            views: false,
            env: &env,
            ..Setup::default()
        };
        let mut cluster = Cluster::start(case, &setup)?;
        let plan = Plan {
            seed: 17,
            prefix: "order".to_owned(),
            rate: 2_000,
            // So few that nearly every order raises an alert: whatever is done twice shows.
            users: 200,
            orders: 20_000,
            bad: std::sync::Arc::default(),
        };
        let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
        let faults = vec![Fault::Kill, Fault::Freeze, Fault::GracefulRestart, Fault::Kill];
        Saboteur::new(17).run(&mut cluster, faults)?;
        freeze_with_a_folded_batch(&mut cluster)?;
        crash_between_offsets_and_commit(&mut cluster)?;
        load.finish()?;
        let expected = cluster.expected()?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        judge(cluster.compare(&expected))
    });
}

/// Replica 0 stands still past its session with a batch that it has folded and not committed: a random
/// freeze seldom hits that.
fn freeze_with_a_folded_batch(cluster: &mut Cluster) -> Result<()> {
    let replica = &mut cluster.replicas[0];
    let plain = replica.spec().clone();
    replica.kill()?;
    replica.restart_as(plain.env("MILLRACE_FAILPOINT", "first-poll:20:stop"))?;
    let limit = Duration::from_mins(1);
    wait::until("it to stand still", limit, || Ok(replica.process().log()?.contains("failpoint reached")))?;
    let taken = wait::until("others to take over", limit, || Ok(cluster.owned(&[1, 2]).len() == 12));
    let woken = &mut cluster.replicas[0];
    let assigned = |log: &str| log.matches("partitions assigned").count();
    let before = assigned(&woken.process().log()?);
    woken.signal(Signal::Continue)?;
    taken?;
    wait::until("it to be back in the group", limit, || Ok(assigned(&woken.process().log()?) > before))
}

/// Each replica kills itself once between sending offsets and committing: a random kill seldom hits that.
fn crash_between_offsets_and_commit(cluster: &mut Cluster) -> Result<()> {
    for replica in &mut cluster.replicas {
        let plain = replica.spec().clone().env("MILLRACE_FAILPOINT", "");
        replica.kill()?;
        replica.restart_as(plain.clone().env("MILLRACE_FAILPOINT", "offsets-sent:20"))?;
        let status = replica.process().wait_end(Duration::from_mins(1))?;
        ensure!(status.signal() == Some(9), "it ended with {status} instead of killing itself");
        replica.restart_as(plain)?;
    }
    Ok(())
}

#[test]
fn the_run_is_exact_with_everything_on() {
    run("none", |outcome| outcome);
}

#[test]
fn the_run_without_transactions_is_caught() {
    run("no-transaction", must_differ);
}

#[test]
fn the_run_with_progress_taken_from_the_group_is_caught() {
    run("progress-from-group", must_differ);
}
