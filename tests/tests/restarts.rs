//! A stopped stage started again after the world around it changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::case::{self, Case};
use harness::cluster::{Cluster, READY_LIMIT, Setup};
use harness::load::{Load, Plan, produce};
use harness::oracle::{Expected, Oracle, Thresholds};
use harness::topic::{Admin, Record};
use harness::{state_topic, topic, wait};

const STAGE: &str = "revenue-fraud";
const END_LIMIT: Duration = Duration::from_mins(1);

fn plan(prefix: &str, rate: u32, orders: u64) -> Plan {
    Plan { seed: 5, prefix: prefix.to_owned(), rate, users: 200, orders, bad: std::sync::Arc::default() }
}

fn start(case: &Case) -> Result<Cluster> {
    Cluster::start(case, &Setup { views: false, ..Setup::default() })
}

fn feed(cluster: &Cluster, prefix: &str) -> Result<()> {
    produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan(prefix, 0, 2_000)).map(drop)
}

fn start_again(cluster: &mut Cluster) -> Result<()> {
    cluster.replicas[0].restart()?;
    cluster.replicas[0].wait_ready(READY_LIMIT)
}

fn change_settings(case: &Case, cluster: &Cluster, high_value: u64, per_minute: u64) -> Result<()> {
    let file = case.path("settings.json");
    fs::write(&file, format!(r#"{{"fraud":{{"highValue":{high_value},"ordersPerMinute":{per_minute}}}}}"#))?;
    let file = file.to_string_lossy();
    let done = cluster.pipeline.run(&["settings", "set", "-f", &file])?;
    ensure!(done.status.success(), "settings set: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Settings changed while the stage runs, while it is down after a crash, and while it is down after a drain:
/// every order is judged once, by the settings in force where its partition stood.
#[test]
fn a_stage_resumes_exactly_after_settings_changed() {
    case::run("settings-changed", |case| {
        let mut cluster = start(case)?;
        let load =
            Load::start(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan("a", 1_000, 6_000))?;
        generation_applied(&cluster, 0)?;
        change_settings(case, &cluster, 20_000_000, 8)?;
        generation_applied(&cluster, 1)?;
        cluster.replicas[0].kill()?;
        change_settings(case, &cluster, 100_000_000, 12)?;
        start_again(&mut cluster)?;
        generation_applied(&cluster, 2)?;
        cluster.replicas[0].drain()?;
        change_settings(case, &cluster, 30_000_000, 5)?;
        start_again(&mut cluster)?;
        generation_applied(&cluster, 3)?;
        load.finish()?;
        let expected = by_their_settings(&cluster)?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        cluster.compare(&expected)?;
        for generation in 0..=3 {
            let judged = |alert: &&serde_json::Value| alert["settingsGeneration"] == generation;
            let alerts = expected.alerts.values().flatten().filter(judged).count();
            ensure!(alerts > 0, "no alert of generation {generation}: the test shows nothing about it");
        }
        Ok(())
    });
}

/// Waits until every partition is judged by this generation, and an alert was raised by it.
fn generation_applied(cluster: &Cluster, generation: u64) -> Result<()> {
    let (brokers, state) = (cluster.pipeline.brokers(), cluster.pipeline.state(STAGE));
    wait::until(&format!("generation {generation} to be applied"), END_LIMIT, || {
        let history = state_topic::thresholds(brokers, &state)?;
        Ok(history.len() == 4
            && history.values().all(|h| h.last().is_some_and(|(_, t)| t.generation == generation)))
    })?;
    wait::until(&format!("an alert of generation {generation}"), END_LIMIT, || {
        let mut raised = false;
        topic::visit(brokers, &cluster.pipeline.alerts(), |alert| {
            raised |= alert.json()?["settingsGeneration"] == generation;
            Ok(())
        })?;
        Ok(raised)
    })
}

/// The oracle, with the thresholds that the state topic says were in force at each offset.
fn by_their_settings(cluster: &Cluster) -> Result<Expected> {
    let history = state_topic::thresholds(cluster.pipeline.brokers(), &cluster.pipeline.state(STAGE))?;
    let mut oracle = Oracle::default();
    topic::visit(cluster.pipeline.brokers(), &cluster.pipeline.orders(), |record| {
        let changes = history.get(&record.partition).context("a partition without settings")?;
        let in_force = changes.iter().rev().find(|(from, _)| *from <= record.offset);
        oracle.fold(&record, in_force.map_or_else(Thresholds::default, |(_, t)| *t))
    })?;
    Ok(oracle.finish())
}

/// The group's offsets are for lag tools; without them the stage goes on where it was.
#[test]
fn a_stage_resumes_exactly_without_its_group_offsets() {
    case::run("group-deleted", |case| {
        let mut cluster = start(case)?;
        feed(&cluster, "a")?;
        cluster.settle(&cluster.expected()?)?;
        cluster.replicas[0].drain()?;
        let admin = Admin::new(cluster.pipeline.brokers())?;
        let group = cluster.pipeline.group(STAGE);
        wait::until("the group to be deleted", END_LIMIT, || admin.delete_group(&group).map(|()| true))?;
        feed(&cluster, "b")?;
        start_again(&mut cluster)?;
        cluster.check().map(drop)
    });
}

/// Retention that took only what the stage had read is none of its business; retention that took more
/// stops it with the offsets, and it goes on when a person accepted the loss.
#[test]
fn a_stage_stops_when_its_input_is_gone() {
    case::run("input-gone", |case| {
        let mut cluster = start(case)?;
        let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
        feed(&cluster, "a")?;
        cluster.settle(&cluster.expected()?)?;
        cluster.replicas[0].drain()?;
        let mut all = topic::read(&brokers, &orders)?;
        let read = topic::ends(&brokers, &orders)?;
        delete_up_to(&cluster, &read)?;
        feed(&cluster, "b")?;
        start_again(&mut cluster)?;
        cluster.settle(&Expected::default())?;
        cluster.replicas[0].drain()?;

        let read = topic::ends(&brokers, &orders)?;
        feed(&cluster, "c")?;
        all.extend(topic::read(&brokers, &orders)?);
        let low: Vec<_> = read.iter().map(|end| end + 100).collect();
        delete_up_to(&cluster, &low)?;
        refuses_to_start(&mut cluster, &read, &low)?;
        accept_loss(&cluster)?;
        start_again(&mut cluster)?;
        feed(&cluster, "d")?;
        all.extend(topic::read(&brokers, &orders)?);
        let expected = without(&all, &read, &low)?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        cluster.compare(&expected)?;
        let progress = state_topic::progress(&brokers, &cluster.pipeline.state(STAGE))?;
        ensure!(progress.values().all(|p| p.lost == 100), "losses recorded: {progress:?}");
        Ok(())
    });
}

/// Orders that retention took before the stage read any of the partition are missed just as others.
#[test]
fn a_stage_stops_when_orders_are_gone_that_it_never_saw() {
    case::run("unread-gone", |case| {
        let mut cluster = start(case)?;
        let (brokers, orders) = (cluster.pipeline.brokers().to_owned(), cluster.pipeline.orders());
        cluster.replicas[0].drain()?;
        feed(&cluster, "a")?;
        let all = topic::read(&brokers, &orders)?;
        let (none, low) = (vec![0; 4], vec![100; 4]);
        delete_up_to(&cluster, &low)?;
        refuses_to_start(&mut cluster, &none, &low)?;
        accept_loss(&cluster)?;
        start_again(&mut cluster)?;
        let expected = without(&all, &none, &low)?;
        cluster.settle(&expected)?;
        cluster.drain()?;
        cluster.compare(&expected)
    });
}

/// Where records of the state topic are lost, nothing is silently counted again: the stage stops, and when a person
/// accepted the loss it goes on with what is left, and every order raises its alerts once.
#[test]
fn a_stage_stops_when_its_state_is_gone() {
    case::run("state-gone", |case| {
        let mut cluster = start(case)?;
        let brokers = cluster.pipeline.brokers().to_owned();
        feed(&cluster, "a")?;
        let before = cluster.expected()?;
        cluster.settle(&before)?;
        cluster.replicas[0].drain()?;
        let read = topic::ends(&brokers, &cluster.pipeline.orders())?;
        let state = cluster.pipeline.state(STAGE);
        Admin::new(&brokers)?.delete(&state)?;
        wait::until("the topic to be gone", END_LIMIT, || Ok(topic::ends(&brokers, &state).is_err()))?;
        refuses_to_start(&mut cluster, &read, &read)?;
        accept_loss(&cluster)?;
        start_again(&mut cluster)?;
        feed(&cluster, "b")?;
        wait::equal("lag to be gone", &0, END_LIMIT, || {
            topic::lag(&brokers, &cluster.pipeline.orders(), &cluster.pipeline.group(STAGE))
        })?;
        cluster.drain()?;
        let mut raised = BTreeSet::new();
        topic::visit(&brokers, &cluster.pipeline.alerts(), |alert| {
            let id = alert.json()?["alertId"].to_string();
            ensure!(raised.insert(id.clone()), "alert {id} was raised twice");
            Ok(())
        })?;
        ensure!(!raised.is_empty(), "no alert was raised: the test shows nothing about them");
        let counted = state_topic::progress(&brokers, &state)?.values().map(|p| p.orders).sum::<u64>();
        let since = cluster.expected()?.orders - before.orders;
        ensure!(counted == since, "{counted} orders counted since, not {since}");
        Ok(())
    });
}

fn delete_up_to(cluster: &Cluster, offsets: &[i64]) -> Result<()> {
    let admin = Admin::new(cluster.pipeline.brokers())?;
    for (partition, offset) in offsets.iter().enumerate() {
        admin.delete_records(&cluster.pipeline.orders(), i32::try_from(partition)?, *offset)?;
    }
    Ok(())
}

/// It ends with exit code 1, `DataLoss` and the offsets of one partition; and again when tried again.
fn refuses_to_start(cluster: &mut Cluster, read: &[i64], low: &[i64]) -> Result<()> {
    for _ in 0..2 {
        cluster.replicas[0].restart()?;
        let status = cluster.replicas[0].process().wait_end(END_LIMIT)?;
        ensure!(status.code() == Some(1), "it ended with {status}");
        let log = cluster.replicas[0].process().log()?;
        let last = log.lines().rfind(|line| line.contains("DataLoss")).context("no DataLoss in the log")?;
        let named = read
            .iter()
            .zip(low)
            .any(|(from, to)| last.contains(&from.to_string()) && last.contains(&to.to_string()));
        ensure!(
            named && last.contains("accept-loss"),
            "its message does not name offsets and remedy: {last}"
        );
    }
    Ok(())
}

fn accept_loss(cluster: &Cluster) -> Result<()> {
    let refused = cluster.pipeline.run(&["state", "accept-loss", STAGE, "--confirm", "another"])?;
    ensure!(refused.status.code() == Some(2), "a wrong confirmation ended with {}", refused.status);
    // A member that ended without a farewell is in the group until its session ends.
    wait::until("the loss to be accepted", END_LIMIT, || {
        let done =
            cluster.pipeline.run(&["state", "accept-loss", STAGE, "--confirm", cluster.pipeline.name()])?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(true)
    })
}

/// The oracle over all records but the lost ones; each counts once however often it was read here.
fn without(records: &[Record], lost_from: &[i64], lost_to: &[i64]) -> Result<Expected> {
    let distinct: BTreeMap<_, _> = records.iter().map(|r| ((r.partition, r.offset), r)).collect();
    let mut oracle = Oracle::default();
    for ((partition, offset), record) in distinct {
        let partition = usize::try_from(partition)?;
        if !(lost_from[partition]..lost_to[partition]).contains(&offset) {
            oracle.fold(record, Thresholds::default())?;
        }
    }
    Ok(oracle.finish())
}
