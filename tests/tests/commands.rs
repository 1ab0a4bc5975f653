//! The commands that change something on a real broker: topics that grow, settings that are set at the same time.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case};
use harness::cluster::{Cluster, Setup};
use harness::kafka::Kafka;
use harness::load::{self, Plan};
use harness::oracle::Expected;
use harness::pipeline::Pipeline;
use harness::redis_server::Redis;
use harness::topic::{self, Admin};
use harness::{bad_orders, http};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;

/// A broker with nothing on it, and the pipeline `shop`.
fn fresh(case: &Case) -> Result<(Kafka, Redis, Pipeline)> {
    let (kafka, redis) = (Kafka::start(case)?, Redis::start(case)?);
    let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
    Ok((kafka, redis, pipeline))
}

/// What it printed, when it ended well.
fn printed(output: Output) -> Result<String> {
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "it ended with {}: {complaint}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn config(brokers: &str, topic: &str) -> Result<BTreeMap<String, String>> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let asked = [ResourceSpecifier::Topic(topic)];
    let options = AdminOptions::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let answer = runtime.block_on(admin.describe_configs(&asked, &options))?.remove(0)?;
    Ok(answer.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
}

/// Partitions only ever become more, state topics first; settings that an internal topic needs are set and all
/// its others stay.
#[test]
fn topics_grow_and_keep_what_was_set() {
    case::run("topics", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        ensure!(pipeline.run(&["topics", "describe"])?.status.code() == Some(1), "topics are not missing");
        printed(pipeline.run(&["topics", "apply"])?)?;
        printed(pipeline.run(&["topics", "describe"])?)?;
        ensure!(topic::ends(pipeline.brokers(), &pipeline.orders())?.len() == 3, "orders of another size");

        // as somebody made it who did not know what it needs
        let state = pipeline.state("revenue");
        let own = [("segment.ms", "1234567"), ("file.delete.delay.ms", "4321")];
        Admin::new(pipeline.brokers())?.create(&state, 3, &own)?;
        let told = printed(pipeline.run(&["topics", "apply", "--partitions", "6"])?)?;
        let at = |what: &str| told.find(what).with_context(|| format!("{what:?} is not in {told}"));
        ensure!(at(&format!("grow {state}"))? < at(&format!("grow {}", pipeline.orders()))?, "{told}");
        ensure!(told.contains("velocity"), "{told}");
        for name in [&state, &pipeline.orders()] {
            ensure!(topic::ends(pipeline.brokers(), name)?.len() == 6, "{name} did not grow");
        }
        let config = config(pipeline.brokers(), &state)?;
        for (name, value) in [("cleanup.policy", "compact"), ("segment.ms", "600000")] {
            ensure!(config[name] == value, "{name} is {}", config[name]);
        }
        ensure!(config["file.delete.delay.ms"] == "4321", "a setting of somebody else is lost");

        let told = printed(pipeline.run(&["topics", "apply", "--partitions", "2"])?)?;
        ensure!(told.contains("keep") && told.ends_with("nothing to do\n"), "{told}");
        ensure!(topic::ends(pipeline.brokers(), &pipeline.orders())?.len() == 6, "orders shrank");
        Ok(())
    });
}

/// Whoever sets settings at the same time as somebody else gets a generation of its own or is refused: no change
/// is made on outdated knowledge.
#[test]
fn settings_that_are_set_at_once_get_different_generations() {
    const WRITERS: u64 = 4;
    case::run("settings", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        let outputs: Vec<Output> = thread::scope(|scope| {
            let set = |writer: u64| {
                let file = case.path(&format!("settings-{writer}.yaml"));
                std::fs::write(&file, format!("fraud: {{highValue: {}}}", 1_000 + writer))?;
                pipeline.run(&["settings", "set", "--file", &file.to_string_lossy()])
            };
            let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || set(writer))).collect();
            writers.into_iter().map(|w| w.join().expect("a writer's thread")).collect::<Result<_>>()
        })?;
        let mut generations = Vec::new();
        for output in outputs {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                generations.push(String::from_utf8(output.stdout)?.trim().to_owned());
            } else {
                ensure!(complaint.contains("somebody else"), "{complaint}");
            }
        }
        generations.sort();
        let expected: Vec<_> = (1..=generations.len()).map(|n| format!("generation {n}")).collect();
        ensure!(!expected.is_empty() && generations == expected, "{generations:?}");

        let records = topic::read(pipeline.brokers(), "shop.settings")?;
        let written: Vec<_> = records
            .iter()
            .map(|r| r.json().map(|j| j["settings"]["generation"].clone()))
            .collect::<Result<_>>()?;
        ensure!(
            written == (1..=expected.len()).map(serde_json::Value::from).collect::<Vec<_>>(),
            "{written:?}"
        );
        let shown = printed(pipeline.run(&["settings", "get"])?)?;
        ensure!(shown.contains(&format!("generation: {}", expected.len())), "{shown}");
        Ok(())
    });
}

/// What a person on call needs fits on one screen, and is what really happened.
#[test]
fn a_stage_is_shown_on_one_screen() {
    case::run("shown", |case| {
        let mut cluster = Cluster::start(case, &Setup { views: false, ..Setup::default() })?;
        let (stage, bad) = (cluster.stage(), Arc::new(bad_orders::all()?));
        let plan = Plan { seed: 9, prefix: "shown".to_owned(), rate: 1_000, users: 20, orders: 500, bad };
        load::produce(cluster.pipeline.brokers(), &cluster.pipeline.orders(), plan)?;
        cluster.settle(&cluster.expected()?)?;
        let replica = cluster.replicas.first().context("a replica")?;
        let status = http::get(replica.admin_port(), "/status/text")?.body;
        ensure!(
            status.contains("ready") && status.contains(&stage) && status.lines().count() <= 24,
            "{status}"
        );
        let Expected { orders, dead_letters, .. } = cluster.check()?;
        let read =
            format!("{orders} orders and {} invalid ones read, 0 records given up", dead_letters.len());
        let shown = printed(cluster.pipeline.run(&["state", "show", &stage])?)?;
        for words in [read.as_str(), "NO REPLICA RUNS", "everything is read", "settings of generation 0"] {
            ensure!(shown.contains(words), "{words:?} is not in {shown}");
        }
        let (lines, width) = (shown.lines().count(), shown.lines().map(|line| line.chars().count()).max());
        ensure!(lines <= 24 && width <= Some(110), "{lines} lines, {width:?} columns: {shown}");
        Ok(())
    });
}
