//! The main claim: exact results whatever crashes, at the end of a run full of faults.
//!
//! `MILLRACE_FAULT_SEED` repeats a run's choices; `MILLRACE_LONG=1` makes it 2 million orders and 50 kills.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use harness::bad_orders;
use harness::case::{self, Case};
use harness::cluster::{Cluster, Setup};
use harness::faults::{Fault, Saboteur, Tally};
use harness::load::{Load, Plan};

const PARTITIONS: i32 = 12;

struct Size {
    orders: u64,
    rate: u32,
    kills: usize,
}

fn size() -> Size {
    if std::env::var_os("MILLRACE_LONG").is_some() {
        Size { orders: 2_000_000, rate: 8_000, kills: 50 }
    } else {
        Size { orders: 300_000, rate: 3_500, kills: 20 }
    }
}

fn seed() -> u64 {
    let given = std::env::var("MILLRACE_FAULT_SEED").ok().and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("MILLRACE_FAULT_SEED={seed}");
    seed
}

fn faults(kills: usize) -> Vec<Fault> {
    let mut faults = vec![
        Fault::KillTwice,
        Fault::KillTwice,
        Fault::KillForLong,
        Fault::GracefulRestart,
        Fault::GracefulRestart,
        Fault::GracefulRestart,
        Fault::Scale,
        Fault::Freeze,
        Fault::KillBroker,
        Fault::KillViews,
        Fault::KillViews,
        Fault::FlushRedis,
        Fault::OldRedis,
    ];
    // Three of the faults above kill once each.
    faults.extend(vec![Fault::Kill; kills - 3]);
    faults
}

fn enough(tally: Tally, kills: usize) -> Result<()> {
    println!("{tally:?}");
    ensure!(tally.kills >= kills, "only {} replicas were killed at work", tally.kills);
    ensure!(tally.graceful_restarts >= 3, "too few graceful restarts");
    ensure!(tally.rebalances_by_scaling >= 2, "too few rebalances by scaling");
    ensure!(tally.freezes >= 1, "nobody was frozen past its session");
    ensure!(tally.broker_kills >= 1, "the broker was not killed");
    ensure!(tally.views_kills >= 2, "the views were not killed");
    ensure!(tally.redis_flushes >= 1, "Redis was not flushed");
    ensure!(tally.redis_set_back >= 1, "Redis was not set back");
    Ok(())
}

#[test]
fn results_are_exact_under_faults() {
    case::run("exact-under-faults", |case| run(case, &size()));
}

fn run(case: &Case, size: &Size) -> Result<()> {
    let seed = seed();
    let bad = Arc::new(bad_orders::all()?);
    let setup = Setup { partitions: PARTITIONS, replicas: 3, ..Setup::default() };
    let mut cluster = Cluster::start(case, &setup)?;
    let started = Instant::now();
    let plan = Plan {
        seed,
        prefix: "order".to_owned(),
        rate: size.rate,
        users: size.rate * 10,
        orders: size.orders,
        bad,
    };
    let load = Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
    let mut saboteur = Saboteur::new(seed);
    saboteur.run(&mut cluster, faults(size.kills))?;
    println!("all faults done after {:?}, {} orders sent", started.elapsed(), load.sent());
    let sent = load.finish()?;
    println!("{sent} orders sent in {:?}", started.elapsed());
    let expected = cluster.check()?;
    let dead = expected.dead_letters.len() as u64;
    println!(
        "{} orders, {} alerts, {dead} dead letters: exact after {:?}",
        expected.orders,
        expected.alerts.len(),
        started.elapsed()
    );
    ensure!(expected.orders + dead == sent && sent >= size.orders, "the load is not what was sent");
    ensure!(dead > sent / 400, "too few bad orders were mixed in");
    enough(saboteur.tally(), size.kills)
}
