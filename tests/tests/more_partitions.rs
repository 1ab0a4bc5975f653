//! Partitions are added to the orders while orders flow: everything stays exact, but for users who moved to another
//! partition in that very minute, and the oracle knows who they are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::cluster::{Cluster, Setup};
use harness::load::{Load, Plan};
use harness::oracle::Thresholds;
use harness::{bad_orders, case, checks, topic, wait};

const BEFORE: i32 = 3;
const AFTER: i32 = 7;
/// Orders in each partition before and after: some users have many more orders than the rule lets pass.
const ENOUGH: i64 = 1_500;
/// Clients notice new partitions within ten seconds, and share them within a session.
const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn adding_partitions_under_load_is_exact_but_for_users_who_moved_in_that_minute() {
    case::run("more-partitions", |case| {
        let setup = Setup { partitions: BEFORE, replicas: 2, ..Setup::default() };
        let mut cluster = Cluster::start(case, &setup)?;
        let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
        let bad = Arc::new(bad_orders::all()?);
        let plan = Plan { seed: 11, prefix: "order".to_owned(), rate: 1_000, users: 300, orders: 0, bad };
        let load = Load::start(&brokers, &orders, plan)?;
        everywhere(&brokers, &orders, BEFORE)?;
        let grown = cluster.pipeline.run(&["topics", "apply", "--partitions", &AFTER.to_string()])?;
        ensure!(grown.status.success(), "{}", String::from_utf8_lossy(&grown.stderr));
        everywhere(&brokers, &orders, AFTER)?;
        let all: BTreeSet<i32> = (0..AFTER).collect();
        wait::equal("all partitions at work", &all, LIMIT, || Ok(cluster.owned(&[0, 1])))?;
        load.finish()?;
        cluster.check()?;

        let threshold = Thresholds::default().orders_per_minute;
        let (moved, missing) = checks::only_moved_users_miss_alerts(&cluster.pipeline, threshold)?;
        for moved in &moved {
            println!("moved: {moved}");
        }
        println!("{} users moved within a minute, {missing} alerts are missing", moved.len());
        ensure!(missing > 0, "no alert is missing: the test shows nothing of who may miss one");
        Ok(())
    });
}

/// Waits until each of so many partitions has its share of orders.
fn everywhere(brokers: &str, orders: &str, partitions: i32) -> Result<()> {
    wait::until(&format!("orders in {partitions} partitions"), LIMIT, || {
        let ends = topic::ends(brokers, orders)?;
        Ok(ends.len() == usize::try_from(partitions)? && ends.iter().all(|end| *end >= ENOUGH))
    })
}
