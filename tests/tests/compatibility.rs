//! Clients of the original course project, written in JavaScript, work unchanged.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::case::{self, Case, free_port};
use harness::cluster::{Cluster, READY_LIMIT, Setup};
use harness::load::{Value, flush, producer, send};
use harness::process::Process;
use harness::shop::now_ms;
use harness::{checks, http, wait};
use serde_json::Value as Json;

const LIMIT: Duration = Duration::from_secs(30);

/// Prints orders as the course project's shop sends them, one a line.
const SHOP: &str = r#"
const order = (n, total, city, product, isSuspicious) => ({
  orderId: `order-${Date.now()}-${n}`, userId: `user-${n % 3}`, product, quantity: 2, unitPrice: total / 2,
  total, city, timestamp: new Date().toISOString(), isSuspicious,
});
const orders = [
  order(1, 50000000, 'HCM', 'Laptop', false),
  order(2, 30000000, 'Hà Nội', 'Điện thoại', false),
  order(3, 120000000, 'Đà Nẵng', 'Tai nghe "Pro" \\ 🎧', true),
  order(4, 1600000, 'Cần Thơ', 'Chuột gaming\u2028', false),
  order(5, 3000000, 'Hải Phòng', 'Bàn phím', false),
];
for (const order of orders) console.log(JSON.stringify(order));
"#;

#[test]
fn javascript_clients_work_unchanged() {
    case::run("compatibility", |case| {
        let mut cluster = Cluster::start(case, &Setup::default())?;
        let page = free_port()?;
        let mut dashboard = cluster.pipeline.dashboard(page).start()?;
        dashboard.wait_ready(READY_LIMIT)?;
        let clients = [socket_client(case, page, &["websocket"])?, socket_client(case, page, &["polling"])?];
        for client in &clients {
            wait::until("the client to be connected", LIMIT, || {
                Ok(client.log()?.contains(r#"{"connected":true}"#))
            })?;
        }
        send_orders(&cluster)?;
        wait::equal("five orders", &Some(5), LIMIT, || cluster.redis_orders())?;
        exact_rest(page)?;
        for client in &clients {
            wait::until("the client to have heard all", LIMIT, || heard(&client.log()?).map(|()| true))
                .with_context(|| client.log().unwrap_or_default())?;
        }
        dashboard.drain()?;
        let expected = cluster.check()?;
        ensure!(expected.dead_letters.is_empty());
        let letters = checks::dead_letters(&cluster.pipeline, &expected)?;
        letters.check()
    });
}

/// What `JSON.stringify` writes goes to the orders topic as it is.
fn send_orders(cluster: &Cluster) -> Result<()> {
    let done = Command::new("node").args(["-e", SHOP]).output().context("running node")?;
    ensure!(done.status.success(), "node: {}", String::from_utf8_lossy(&done.stderr));
    let producer = producer(cluster.pipeline.brokers())?;
    for line in String::from_utf8(done.stdout)?.split_terminator('\n') {
        let order: Json = serde_json::from_str(line)?;
        let user = order["userId"].as_str().context("userId")?;
        let value = Value { bytes: line.into(), time: now_ms(), reason: None };
        send(&producer, &cluster.pipeline.orders(), user, &value)?;
    }
    flush(&producer)
}

/// The two routes of the course project, to the byte.
fn exact_rest(page: u16) -> Result<()> {
    let routes = [
        ("/api/stats", r#"{"totalRevenue":204600000,"totalOrders":5,"avgOrderValue":40920000}"#),
        (
            "/api/stats/cities",
            r#"[{"city":"Đà Nẵng","revenue":120000000},{"city":"HCM","revenue":50000000},{"city":"Hà Nội","revenue":30000000},{"city":"Hải Phòng","revenue":3000000},{"city":"Cần Thơ","revenue":1600000}]"#,
        ),
    ];
    for (route, body) in routes {
        let exact = || {
            let answer = http::get(page, route)?;
            Ok((
                answer.status,
                answer.body,
                answer.head.to_lowercase().contains("content-type: application/json"),
            ))
        };
        wait::equal(route, &(200, body.to_owned(), true), LIMIT, exact)?;
    }
    Ok(())
}

/// The last totals and the one alert, as the events that the course project's page listens to.
fn heard(log: &str) -> Result<()> {
    let lines: Vec<Json> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let payloads = |event: &str| {
        let of_event = lines.iter().filter(move |line| line["event"] == event);
        of_event.map(|line| line["payload"].clone()).collect::<Vec<_>>()
    };
    let metrics = payloads("metrics").into_iter().rfind(|m| m["type"] == "revenue_update");
    let metrics = metrics.context("no metrics")?;
    ensure!(metrics["totalOrders"] == 5 && metrics["totalRevenue"] == 204_600_000, "{metrics}");
    let alerts = payloads("alerts");
    ensure!(alerts.len() == 1, "{} alerts", alerts.len());
    ensure!(alerts[0]["type"] == "HIGH_VALUE" && alerts[0]["severity"] == "HIGH", "{}", alerts[0]);
    let message = alerts[0]["message"].as_str().context("message")?;
    ensure!(
        message.starts_with("Order order-") && message.ends_with(": 120.0M exceeds threshold"),
        "{message}"
    );
    Ok(())
}

fn node_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/dashboard/tests/node")
}

/// The npm client, which prints a line of JSON for whatever it hears.
fn socket_client(case: &Case, page: u16, transports: &[&str]) -> Result<Process> {
    if !node_dir().join("node_modules/socket.io-client").exists() {
        let done = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(node_dir())
            .output()
            .context("running npm, which comes with Node.js")?;
        ensure!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
    }
    let mut command = case.command("node");
    command
        .arg("client.mjs")
        .arg(format!("http://127.0.0.1:{page}"))
        .args(transports)
        .current_dir(node_dir());
    let name = format!("client-{}", transports.join("-"));
    Process::spawn(&name, command, case.path(&format!("{name}.log")))
}
