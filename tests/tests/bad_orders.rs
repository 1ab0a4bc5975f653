//! Bad and unusual orders through a real broker.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::cluster::{Cluster, Setup};
use harness::load::{EXPECTED_REASON, Value, flush, producer, send};
use harness::shop::{Shop, now_ms};
use harness::{bad_orders, case, topic, wait};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord};

const LIMIT: Duration = Duration::from_mins(1);

/// Every case of the data file becomes one dead letter with its exact reason; the orders between them count.
#[test]
fn bad_orders_become_dead_letters_and_stop_nothing() {
    case::run("bad-orders", |case| {
        let mut cluster = Cluster::start(case, &Setup::default())?;
        let (producer, orders) = (producer(cluster.pipeline.brokers())?, cluster.pipeline.orders());
        let mut shop = Shop::new(3, 20, "order");
        let cases = bad_orders::all()?;
        ensure!(cases.len() >= 150, "only {} cases", cases.len());
        for case in &cases {
            send(&producer, &orders, &shop.user(), &case.record())?;
            let order = shop.order(now_ms());
            let good = Value { bytes: order.json.into_bytes(), time: now_ms(), reason: None };
            send(&producer, &orders, &order.user, &good)?;
        }
        extremes(&producer, &orders)?;
        flush(&producer)?;
        let expected = cluster.check()?;
        ensure!(expected.dead_letters.len() == cases.len() + 2 && expected.orders == cases.len() as u64);
        Ok(())
    });
}

/// A value as large as the broker takes, which must be cut; and no value at all.
fn extremes(producer: &BaseProducer, orders: &str) -> Result<()> {
    let huge = format!("[{}]", " ".repeat(900_000)).into_bytes();
    let reason = Some("not_an_object".to_owned());
    send(producer, orders, "user", &Value { bytes: huge, time: now_ms(), reason })?;
    let headers = OwnedHeaders::new().insert(Header { key: EXPECTED_REASON, value: Some("empty_value") });
    producer
        .send(BaseRecord::<str, [u8]>::to(orders).key("user").headers(headers))
        .map_err(|(failure, _)| failure)
        .context("sending a record without a value")
}

/// Orders written in unusual ways are orders: all of them count, none becomes a dead letter.
#[test]
fn unusual_orders_count() {
    case::run("unusual-orders", |case| {
        let cluster = Cluster::start(case, &Setup::default())?;
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/contract/tests/unusual-orders.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(&fs::read_to_string(path)?)?;
        let producer = producer(cluster.pipeline.brokers())?;
        let mut revenue = 0;
        for case in &cases {
            let value = Value {
                bytes: case["value"].as_str().context("value")?.into(),
                time: case["recordTime"].as_i64().unwrap_or_else(now_ms),
                reason: None,
            };
            revenue += case["order"]["total"].as_u64().context("total")?;
            send(&producer, &cluster.pipeline.orders(), "user", &value)?;
        }
        flush(&producer)?;
        let get = |key: &str| cluster.servers.redis.get(&format!("{}{key}", cluster.pipeline.key_prefix()));
        wait::equal("every order to count", &Some(cases.len().to_string()), LIMIT, || get("orders:total"))?;
        ensure!(get("revenue:total")? == Some(revenue.to_string()), "revenue is {:?}", get("revenue:total"));
        let letters = topic::read(cluster.pipeline.brokers(), &cluster.pipeline.dead_letters())?;
        ensure!(letters.is_empty(), "{} orders became dead letters", letters.len());
        Ok(())
    });
}
