//! Everything together the way a newcomer runs it, against the oracle.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, free_port};
use harness::cluster::READY_LIMIT;
use harness::kafka::Kafka;
use harness::oracle::{self, Expected, Thresholds};
use harness::pipeline::Pipeline;
use harness::redis_server::Redis;
use harness::{checks, http, topic, wait};
use serde_json::{Value, json};

const ORDERS: u64 = 2_000;
const LIMIT: Duration = Duration::from_mins(1);

/// `topics apply`, `simulate`, `process`, `views` and `dashboard`: what the dashboard serves equals the oracle.
#[test]
fn what_the_dashboard_serves_equals_the_oracle() {
    case::run("end-to-end", |case| {
        let (kafka, redis) = (Kafka::start(case)?, Redis::start(case)?);
        let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
        let applied = pipeline.run(&["topics", "apply", "--partitions", "6"])?;
        ensure!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let mut stage = pipeline.process(&["trend", "fraud", "revenue"], "one").start()?;
        let mut views = pipeline.views().start()?;
        let page = free_port()?;
        let mut dashboard = pipeline.dashboard(page).start()?;
        let count = ORDERS.to_string();
        let simulated = pipeline
            .run(&["simulate", "--count", &count, "--rate", "1000", "--seed", "4", "--users", "50"])?;
        ensure!(simulated.status.success(), "{}", String::from_utf8_lossy(&simulated.stderr));
        for service in [&mut stage, &mut views, &mut dashboard] {
            service.wait_ready(READY_LIMIT)?;
        }
        let expected = oracle::replay(&kafka.brokers(), &pipeline.orders(), Thresholds::default())?;
        ensure!(expected.orders == ORDERS, "the simulator made {} orders", expected.orders);
        let stats = json!({
            "totalRevenue": expected.revenue,
            "totalOrders": expected.orders,
            "avgOrderValue": (2 * expected.revenue + expected.orders) / (2 * expected.orders),
        });
        wait::equal("the totals", &stats, LIMIT, || ask(page, "/api/stats"))?;
        served(page, &expected)?;
        ranked(&pipeline, &redis, &expected)?;
        stage.drain()?;
        std::thread::sleep(Duration::from_secs(1));
        views.drain()?;
        dashboard.drain()?;
        checks::everything(&pipeline, "revenue-fraud-trend", Some(&redis), &expected)
    });
}

fn ask(port: u16, path: &str) -> Result<Value> {
    let answer = http::get(port, path)?;
    ensure!(answer.status == 200, "{path} is answered with {} {}", answer.status, answer.body);
    serde_json::from_str(&answer.body).with_context(|| format!("{path}: {}", answer.body))
}

/// The other routes.
fn served(page: u16, expected: &Expected) -> Result<()> {
    let cities = amounts(expected, "revenue:city:")?;
    let served = ask(page, "/api/stats/cities")?;
    ensure!(served == named("city", "revenue", &cities), "cities are {served}, must be {cities:?}");
    let alerts = ask(page, "/api/alerts")?;
    let alerts = alerts.as_array().context("alerts are no list")?;
    ensure!(alerts.len() == expected.alerts.len().min(100), "{} alerts are served", alerts.len());
    for alert in alerts {
        let id = alert["alertId"].as_str().context("an alert without an id")?;
        ensure!(expected.alerts.get(id).is_some_and(|a| a.contains(alert)), "{alert} must not exist");
    }
    let home = http::get(page, "/")?;
    ensure!(home.status == 200 && home.body.contains("<html"), "the page is {}", home.status);
    Ok(())
}

/// All orders are minutes old, so the ranking of the last hour counts every one of them.
fn ranked(pipeline: &Pipeline, redis: &Redis, expected: &Expected) -> Result<()> {
    let key = format!("{}trend:window:1h", pipeline.key_prefix());
    let products = amounts(expected, "orders:product:")?;
    wait::equal("the ranking of products", &products, LIMIT, || {
        let window: Value = serde_json::from_str(&redis.get(&key)?.with_context(|| format!("no {key}"))?)?;
        let entries = window["productsByOrders"].as_array().context("productsByOrders")?;
        let pairs =
            entries.iter().map(|e| (e["name"].as_str().unwrap_or_default().to_owned(), e["orders"].as_u64()));
        Ok(sorted(pairs.map(|(name, orders)| (name, orders.unwrap_or_default())).collect()))
    })?;
    let updates = topic::read(pipeline.brokers(), &pipeline.metrics())?;
    let trend = updates.iter().any(|u| u.json().is_ok_and(|u| u["type"] == "trend_update"));
    ensure!(trend, "there is no trend_update");
    Ok(())
}

/// Names and amounts of a family of counters, largest first.
fn amounts(expected: &Expected, family: &str) -> Result<Vec<(String, u64)>> {
    let counters: BTreeMap<_, _> = expected.counters.range(family.to_owned()..).collect();
    let own = counters.into_iter().filter_map(|(key, value)| Some((key.strip_prefix(family)?, value)));
    let amounts = own.map(|(name, value)| Ok((name.to_owned(), value.parse()?)));
    Ok(sorted(amounts.collect::<Result<_>>()?))
}

fn sorted(mut amounts: Vec<(String, u64)>) -> Vec<(String, u64)> {
    amounts.sort_by(|(name, amount), (other, less)| less.cmp(amount).then(name.cmp(other)));
    amounts
}

fn named(name: &str, amount: &str, of: &[(String, u64)]) -> Value {
    of.iter().map(|(n, a)| json!({name: n, amount: a})).collect()
}
