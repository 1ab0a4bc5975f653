//! The control of the main claim: the same kind of run with the exactly-once protection off must be caught by
//! the same checks, or they prove nothing.

use anyhow::Result;
use harness::binary::Build;
use harness::case;
use harness::cluster::{Cluster, Setup, must_differ};
use harness::faults::{Fault, Saboteur};
use harness::load::{Load, Plan};

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
            users: 20_000,
            orders: 20_000,
            bad: std::sync::Arc::default(),
        };
        let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
        let faults = vec![
            Fault::Kill,
            Fault::Kill,
            Fault::Kill,
            Fault::Kill,
            Fault::KillForLong,
            Fault::GracefulRestart,
        ];
        Saboteur::new(17).run(&mut cluster, faults)?;
        load.finish()?;
        let expected = cluster.expected()?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        judge(cluster.compare(&expected))
    });
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
