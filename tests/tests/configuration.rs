//! Wrong configuration ends or waits with a message that names the option.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case, free_port};
use harness::cluster::READY_LIMIT;
use harness::http;
use harness::kafka::Kafka;
use harness::load::{Plan, produce};
use harness::pipeline::Pipeline;
use harness::redis_server::Redis;
use harness::service::{Service, Spec};
use harness::topic::Admin;
use harness::wait;

const LIMIT: Duration = Duration::from_mins(1);

/// Servers and a pipeline whose topics do not exist yet.
fn fresh(case: &Case) -> Result<(Kafka, Redis, Pipeline)> {
    let (kafka, redis) = (Kafka::start(case)?, Redis::start(case)?);
    let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
    Ok((kafka, redis, pipeline))
}

/// It ends with exit code 2 and says all of `words`.
fn refused(spec: &Spec, words: &[&str]) -> Result<()> {
    let done = spec.command(None).output()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(done.status.code() == Some(2), "{:?} ended with {}: {said}", spec.args, done.status);
    names(&said, words)
}

fn names(said: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(said.contains(word), "{word:?} is not in: {said}");
    }
    Ok(())
}

/// It waits and `/readyz` says all of `words`; it drains when told to.
fn waits(mut service: Service, words: &[&str]) -> Result<()> {
    let port = service.admin_port();
    wait::until(&format!("/readyz to say {words:?}"), LIMIT, || {
        ensure!(service.process().is_running()?, "it ended");
        let answer = http::get(port, "/readyz")?;
        ensure!(answer.status == 503, "it is ready");
        names(&answer.body, words).map(|()| true)
    })?;
    ensure!(http::get(port, "/livez")?.status == 200, "it is not live while it waits");
    service.drain()
}

#[test]
fn wrong_usage_is_refused() {
    case::run("usage", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        let stage = || pipeline.process(&["revenue"], "one");
        refused(&stage().args(["--commit-intervall", "50ms"]), &["--commit-intervall", "--commit-interval"])?;
        refused(&stage().args(["--commit-interval", "0ms"]), &["--commit-interval"])?;
        refused(
            &stage().args(["--kafka-property", "no.such.property=1"]),
            &["no.such.property", "--kafka-property"],
        )?;
        refused(&stage().args(["--admin-listen", "nowhere"]), &["--admin-listen"])?;
        refused(&stage().env("START", "yesterday"), &["yesterday", "--start"])?;
        refused(&pipeline.process(&["revenues"], "one"), &["revenues", "revenue, fraud, trend"])
    });
}

/// Topics can go while everything runs, too: nobody is ready for work that cannot be done.
#[test]
fn an_orders_topic_that_is_deleted_is_missed() {
    case::run("deleted-topic", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        pipeline.create_topics(4)?;
        let mut stage = pipeline.process(&["revenue"], "one").start()?;
        stage.wait_ready(READY_LIMIT)?;
        Admin::new(pipeline.brokers())?.delete(&pipeline.orders())?;
        waits(stage, &["orders"])
    });
}

#[test]
fn an_unreachable_broker_is_waited_for() {
    case::run("no-broker", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        let nobody = pipeline.through(&format!("127.0.0.1:{}", free_port()?));
        waits(nobody.process(&["revenue"], "one").start()?, &["--brokers", "KAFKA_BROKERS"])?;
        waits(nobody.views().start()?, &["--brokers", "KAFKA_BROKERS"])?;
        waits(nobody.dashboard(free_port()?).start()?, &["--brokers", "KAFKA_BROKERS"])
    });
}

#[test]
fn a_missing_topic_is_waited_for() {
    case::run("no-topic", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        let words = [&pipeline.orders(), "--orders-topic", "topics apply"];
        waits(pipeline.process(&["revenue"], "one").start()?, &words)
    });
}

#[test]
fn a_compacted_orders_topic_is_refused() {
    case::run("compacted", |case| {
        let (_kafka, _redis, pipeline) = fresh(case)?;
        pipeline.create_topics_with(2, &[("cleanup.policy", "compact")])?;
        let mut stage = pipeline.process(&["revenue"], "one").start()?;
        let status = stage.process().wait_end(LIMIT)?;
        ensure!(status.code() == Some(2), "it ended with {status}");
        names(&stage.process().log()?, &[&pipeline.orders(), "compact"])
    });
}

#[test]
fn a_wrong_redis_password_is_named() {
    case::run("wrong-password", |case| {
        let kafka = Kafka::start(case)?;
        let redis = Redis::start_with_password(case, "right")?;
        let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
        pipeline.create_topics(2)?;
        let wrong = pipeline.with_redis(&redis.url().replace("//", "//:wrong@"));
        let mut views = wrong.views().start()?;
        let status = views.process().wait_end(LIMIT)?;
        ensure!(status.code() == Some(2), "views ended with {status}");
        names(&views.process().log()?, &["--redis-url", "REDIS_URL", "password"])?;
        let words = ["--redis-url", "REDIS_URL", "Password authentication failed"];
        waits(wrong.dashboard(free_port()?).start()?, &words)
    });
}

#[test]
fn a_redis_that_evicts_any_key_is_refused() {
    case::run("evicting-redis", |case| {
        let kafka = Kafka::start(case)?;
        let redis = Redis::start_with(case, "maxmemory-policy=allkeys-lru")?;
        let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
        pipeline.create_topics(2)?;
        let mut views = pipeline.views().start()?;
        let status = views.process().wait_end(LIMIT)?;
        ensure!(status.code() == Some(2), "it ended with {status}");
        names(&views.process().log()?, &["allkeys-lru", "noeviction"])
    });
}

/// Two processes under one instance name: the older ends and says why, the newer works.
#[test]
fn the_older_of_two_with_one_name_ends() {
    case::run("one-name", |case| {
        let (kafka, _redis, pipeline) = fresh(case)?;
        pipeline.create_topics(2)?;
        let mut older = pipeline.process(&["revenue"], "same").start()?;
        older.wait_ready(READY_LIMIT)?;
        let mut spec = pipeline.process(&["revenue"], "same");
        spec.log = case.path("newer.log");
        let mut newer = spec.start()?;
        let status = older.process().wait_end(LIMIT)?;
        ensure!(status.code() == Some(1), "the older ended with {status}");
        names(&older.process().log()?, &["same", "--instance"])?;
        newer.wait_ready(READY_LIMIT)?;
        let plan = Plan {
            seed: 1,
            prefix: "o".to_owned(),
            rate: 0,
            users: 5,
            orders: 100,
            bad: std::sync::Arc::default(),
        };
        produce(&kafka.brokers(), &pipeline.orders(), plan)?;
        wait::until("the newer to work", LIMIT, || Ok(newer.orders_folded()? >= 100.0))?;
        newer.drain()
    });
}
