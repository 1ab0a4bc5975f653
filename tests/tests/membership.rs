//! Whose an instance's place in the consumer group is, when two want it or the group is wrong about it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::case;
use harness::cluster::{Cluster, READY_LIMIT, Setup};
use harness::load::{Load, Plan};
use harness::wait;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

const END_LIMIT: Duration = Duration::from_mins(1);

fn start(case: &case::Case) -> Result<(Cluster, Load)> {
    let cluster = Cluster::start(case, &Setup { views: false, ..Setup::default() })?;
    let plan = Plan {
        seed: 23,
        prefix: "order".to_owned(),
        rate: 500,
        users: 300,
        orders: 15_000,
        bad: std::sync::Arc::default(),
    };
    let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
    Ok((cluster, load))
}

/// A place that went to a member which is not there (as after a join whose answer was lost) is taken again.
#[test]
fn a_place_that_nobody_holds_is_taken_again() {
    case::run("empty-place", |case| {
        let (mut cluster, load) = start(case)?;
        hold_place_and_vanish(&cluster)?;
        let replica = &mut cluster.replicas[0];
        wait::until("the replica to notice", END_LIMIT, || Ok(fenced(replica)? > 0.0))?;
        replica.wait_ready(READY_LIMIT)?;
        load.finish()?;
        cluster.check().map(drop)
    });
}

/// Two processes with one instance name: the older one ends and says why, the younger one goes on, exactly.
#[test]
fn of_two_processes_with_one_instance_the_younger_stays() {
    case::run("contested-place", |case| {
        let (mut cluster, load) = start(case)?;
        let mut younger = cluster.replica_spec(0);
        "younger".clone_into(&mut younger.name);
        younger.log = younger.log.with_file_name("younger.log");
        let mut younger = younger.start()?;
        let older = cluster.replicas[0].process();
        let status = older.wait_end(END_LIMIT)?;
        let log = older.log()?;
        ensure!(status.code() == Some(1), "the older one ended with {status}\n{log}");
        ensure!(log.contains("another process runs as instance replica-0"), "it does not say why:\n{log}");
        younger.wait_ready(READY_LIMIT)?;
        cluster.replicas[0] = younger;
        load.finish()?;
        cluster.check().map(drop)
    });
}

/// Joins the stage's group under the replica's instance name, and is gone without leaving it.
fn hold_place_and_vanish(cluster: &Cluster) -> Result<()> {
    let intruder: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.pipeline.brokers())
        .set("group.id", cluster.pipeline.group(&cluster.stage()))
        .set("group.instance.id", "replica-0")
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", "6000")
        .set("enable.auto.commit", "false")
        .create()
        .context("making a consumer")?;
    intruder.subscribe(&[&cluster.pipeline.orders()]).context("subscribing")?;
    let deadline = Instant::now() + END_LIMIT;
    while intruder.assignment()?.count() == 0 {
        ensure!(Instant::now() < deadline, "the place was not to be had");
        let _ = intruder.poll(Duration::from_millis(100));
    }
    Ok(())
}

/// How often the replica lost its place.
fn fenced(replica: &harness::service::Service) -> Result<f64> {
    Ok(replica.metrics()?.sum("millrace_stage_rebalances_total", &["kind=\"fenced\""]).unwrap_or(0.0))
}
