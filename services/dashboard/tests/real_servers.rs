//! The dashboard as front ends see it: the npm client over WebSocket and polling on a real Kafka, and the
//! exact JSON of the REST routes on a real Redis.

#![cfg(feature = "real-servers")]

#[path = "support/dashboard.rs"]
mod dashboard_in_process;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use dashboard::{MemoryReader, Store};
use dashboard_in_process::{Dashboard, until};
use harness::case::{self, Case};
use harness::kafka::Kafka;
use harness::redis_server::Redis;
use harness::topic::Admin;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use runtime::config::RedisAddress;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const LIMIT: Duration = Duration::from_secs(30);

fn block_on(test: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(test)
}

#[test]
fn the_npm_client_sees_what_is_committed() {
    case::run("dashboard-sockets", |case| {
        install()?;
        let kafka = Kafka::start(case)?;
        let admin = Admin::new(&kafka.brokers())?;
        admin.create("metrics", 1, &[])?;
        admin.create("alerts", 3, &[])?;
        block_on(relay(case, &kafka.brokers()))
    });
}

async fn relay(case: &Case, brokers: &str) -> Result<()> {
    let producer = Transactions::new(brokers)?;
    producer.commit(&[("metrics", r#"{"type":"revenue_update","totalRevenue":1,"sequence":1}"#)])?;
    producer.commit(&[
        ("metrics", r#"{"type":"revenue_update","totalRevenue":2,"sequence":2}"#),
        ("alerts", r#"{"alertId":"old"}"#),
    ])?;
    producer.abort("alerts", r#"{"alertId":"aborted"}"#)?;
    let dashboard = Dashboard::start(brokers, Store::Reader(Arc::new(MemoryReader::default()))).await?;
    dashboard.answers("/api/alerts", (200, r#"[{"alertId":"old"}]"#)).await?;
    dashboard.ready().await?;

    let mut clients = Vec::new();
    let newest = json!({"type": "revenue_update", "totalRevenue": 2, "sequence": 2});
    let at_once = [json!({"connected": true}), json!({"event": "metrics", "payload": newest})];
    for transports in [&["websocket"][..], &["polling"], &["polling", "websocket"]] {
        let mut client = Client::start(case, &dashboard.url, transports)?;
        let upgraded = (transports.len() > 1).then(|| json!({"upgraded": "websocket"}));
        client.expect(at_once.iter().chain(&upgraded)).await?;
        clients.push(client);
    }

    producer.abort("alerts", r#"{"alertId":"aborted, too"}"#)?;
    let alert =
        r#"{"alertId":"high-value:ORD-1","message":"Order ORD-1: 120.0M exceeds threshold — Hà Nội"}"#;
    producer.commit(&[("alerts", alert)])?;
    for client in &mut clients {
        client
            .expect([&json!({"event": "alerts", "payload": serde_json::from_str::<Value>(alert)?})])
            .await?;
    }
    dashboard.answers("/api/alerts", (200, &format!(r#"[{alert},{{"alertId":"old"}}]"#))).await?;

    dashboard.stop().await?;
    for client in &mut clients {
        let line = client.line().await?;
        ensure!(line.get("disconnected").is_some(), "the server went, and the client saw {line}");
    }
    Ok(())
}

#[test]
fn the_routes_answer_exactly_from_redis() {
    case::run("dashboard-rest", |case| {
        let redis = Redis::start(case)?;
        // prefixes that a careless pattern would mix up
        fill(&redis, "{ns.shop}:")?;
        redis.set("{ns.shop}:revenue:cityX", "1")?;
        redis.set("revenue:total", "1")?;
        redis.set("xns.shop}:revenue:city:Huế", "1")?;
        block_on(async {
            let dashboard = Dashboard::start("127.0.0.1:1", store(&redis, "{ns.shop}:")).await?;
            exact_routes(&dashboard).await?;

            redis.kill()?;
            let down = r#"{"error":"the statistics cannot be read","field":null}"#;
            dashboard.answers("/api/stats", (503, down)).await?;
            let named = || async {
                let missing = dashboard.process.health.missing();
                missing.iter().any(|m| m.need == "redis" && m.why.contains("--redis-url")).then_some(())
            };
            until("health names redis", named).await?;
            redis.restart()?;
            fill(&redis, "{ns.shop}:")?;
            dashboard.answers("/api/stats", (200, TOTALS)).await?;
            dashboard.stop().await
        })
    });
}

#[test]
fn the_routes_answer_from_a_prefix_full_of_glob_characters() {
    case::run("dashboard-globs", |case| {
        let redis = Redis::start(case)?;
        let prefix = r"a*[b]?\c^:";
        fill(&redis, prefix)?;
        redis.set(r"aXb?\c^:revenue:city:Huế", "1")?;
        block_on(async {
            let dashboard = Dashboard::start("127.0.0.1:1", store(&redis, prefix)).await?;
            exact_routes(&dashboard).await?;
            dashboard.stop().await
        })
    });
}

#[test]
fn the_routes_answer_from_a_redis_cluster_when_the_prefix_has_a_hash_tag() {
    case::run("dashboard-cluster", |case| {
        let redis = Redis::start_with(case, "cluster-enabled=yes")?;
        redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(0).arg(16_383).query::<()>(&mut redis.connect()?)?;
        harness::wait::until("the cluster serves", LIMIT, || {
            let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut redis.connect()?)?;
            Ok(info.contains("cluster_state:ok"))
        })?;
        fill(&redis, "{ns.shop}:")?;
        block_on(async {
            let tagged = Dashboard::start("127.0.0.1:1", store(&redis, "{ns.shop}:")).await?;
            exact_routes(&tagged).await?;
            tagged.stop().await?;

            let plain = Dashboard::start("127.0.0.1:1", store(&redis, "shop:")).await?;
            ensure!(
                plain.get("/api/stats").await?.0 == 503,
                "keys without a hash tag cannot be read together"
            );
            let named = || async {
                let missing = plain.process.health.missing();
                missing.iter().any(|m| m.why.contains("--key-prefix must hold a hash tag")).then_some(())
            };
            until("health says what is wrong", named).await?;
            plain.stop().await
        })
    });
}

const TOTALS: &str = r#"{"totalRevenue":170141183460469231731687303715884105727,"totalOrders":7,"avgOrderValue":24305883351495604533098186245126300818}"#;

fn store(redis: &Redis, prefix: &str) -> Store {
    Store::Redis(RedisAddress { url: redis.url(), key_prefix: prefix.to_owned() })
}

fn fill(redis: &Redis, prefix: &str) -> Result<()> {
    for (key, value) in [
        ("revenue:total", "170141183460469231731687303715884105727"),
        ("orders:total", "7"),
        ("revenue:city:Hà Nội", "9007199254740993"),
        ("revenue:city:HCM", "5"),
        ("orders:product:Laptop", "4"),
        ("orders:product:Điện thoại", "3"),
        ("revenue:hourly:2026-11-22T16", "2"),
        ("orders:hourly:2026-11-22T16", "1"),
        ("revenue:hourly:2026-11-22T18", "5"),
        ("orders:hourly:2026-11-22T18", "6"),
        ("trend:as-of", "2026-11-22T18:05:00.000Z"),
        ("trend:window:5m", r#"{"window":"5m","productsByScore":[]}"#),
        ("trend:window:1h", r#"{"window":"1h","productsByScore":[]}"#),
    ] {
        redis.set(&format!("{prefix}{key}"), value)?;
    }
    Ok(())
}

async fn exact_routes(dashboard: &Dashboard) -> Result<()> {
    for (path, expected) in [
        ("/api/stats", TOTALS),
        (
            "/api/stats/cities",
            r#"[{"city":"Hà Nội","revenue":9007199254740993},{"city":"HCM","revenue":5},{"city":"Cần Thơ","revenue":0},{"city":"Hải Phòng","revenue":0},{"city":"Đà Nẵng","revenue":0}]"#,
        ),
        ("/api/stats/products", r#"[{"product":"Laptop","orders":4},{"product":"Điện thoại","orders":3}]"#),
        (
            "/api/stats/hourly?hours=3",
            r#"[{"hour":"2026-11-22T16","revenue":2,"orders":1},{"hour":"2026-11-22T17","revenue":0,"orders":0},{"hour":"2026-11-22T18","revenue":5,"orders":6}]"#,
        ),
        (
            "/api/trends",
            r#"{"asOf":"2026-11-22T18:05:00.000Z","windows":[{"window":"5m","productsByScore":[]},{"window":"1h","productsByScore":[]}]}"#,
        ),
    ] {
        let got = dashboard.get(path).await?;
        ensure!(got == (200, expected.to_owned()), "{path} answered {got:?}");
    }
    Ok(())
}

/// Writes records in transactions.
struct Transactions(ThreadedProducer<DefaultProducerContext>);

impl Transactions {
    fn new(brokers: &str) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("transactional.id", "dashboard-test");
        let producer: ThreadedProducer<_> = config.create()?;
        producer.init_transactions(LIMIT)?;
        Ok(Self(producer))
    }

    fn send(&self, topic: &str, value: &str) -> Result<()> {
        self.0.send(BaseRecord::<(), _>::to(topic).payload(value)).map_err(|(error, _)| error)?;
        Ok(())
    }

    fn commit(&self, records: &[(&str, &str)]) -> Result<()> {
        self.0.begin_transaction()?;
        for (topic, value) in records {
            self.send(topic, value)?;
        }
        Ok(self.0.commit_transaction(LIMIT)?)
    }

    fn abort(&self, topic: &str, value: &str) -> Result<()> {
        self.0.begin_transaction()?;
        self.send(topic, value)?;
        self.0.flush(LIMIT)?;
        Ok(self.0.abort_transaction(LIMIT)?)
    }
}

/// The npm client in a process of its own.
struct Client {
    _process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(case: &Case, url: &str, transports: &[&str]) -> Result<Self> {
        let mut command = Command::from(case.command("node"));
        command.arg(node_dir().join("client.mjs")).arg(url).args(transports);
        let mut process =
            command.stdout(Stdio::piped()).kill_on_drop(true).spawn().context("starting node")?;
        let stdout = process.stdout.take().context("node has no output")?;
        Ok(Self { _process: process, lines: BufReader::new(stdout).lines() })
    }

    async fn line(&mut self) -> Result<Value> {
        let line =
            tokio::time::timeout(LIMIT, self.lines.next_line()).await.context("the client is silent")??;
        Ok(serde_json::from_str(&line.context("the client ended")?)?)
    }

    /// The next lines are these, in any order.
    async fn expect(&mut self, expected: impl IntoIterator<Item = &Value>) -> Result<()> {
        let mut expected: Vec<_> = expected.into_iter().collect();
        while !expected.is_empty() {
            let line = self.line().await?;
            let at = expected.iter().position(|e| **e == line);
            expected.remove(at.with_context(|| format!("the client saw {line} instead of {expected:?}"))?);
        }
        Ok(())
    }
}

fn node_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node")
}

/// Installs what package-lock.json names, unless it is there.
fn install() -> Result<()> {
    if node_dir().join("node_modules/socket.io-client").exists() {
        return Ok(());
    }
    let mut npm = std::process::Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(node_dir());
    let done = npm.output().context("running npm, which comes with Node.js 20")?;
    ensure!(done.status.success(), "npm ci failed: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
