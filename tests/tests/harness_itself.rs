//! The harness against real servers, without anything of the project in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::bad_orders::BadOrder;
use harness::case;
use harness::kafka::Kafka;
use harness::load::{Load, Plan};
use harness::oracle::{self, Thresholds};
use harness::proxy::{Api, Fault, Proxy};
use harness::redis_server::Redis;
use harness::topic::{self, Admin};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

fn bad_order() -> Result<BadOrder> {
    Ok(serde_json::from_str(r#"{"name":"cut off","value":"{\"orderId\"","reason":"not-json"}"#)?)
}

/// A broker killed under load loses nothing that was acknowledged, and the oracle sees every record once.
#[test]
fn a_killed_broker_keeps_the_load() {
    case::run("killed-broker", |case| {
        let kafka = Kafka::start(case)?;
        Admin::new(&kafka.brokers())?.create("orders", 4, &[])?;
        let plan = Plan {
            seed: 1,
            prefix: "o".to_owned(),
            rate: 2_000,
            users: 50,
            orders: 5_000,
            bad: Arc::new(vec![bad_order()?]),
        };
        let load = Load::start(&kafka.brokers(), "orders", plan)?;
        std::thread::sleep(Duration::from_secs(1));
        kafka.kill()?;
        kafka.restart()?;
        let sent = load.finish()?;
        let expected = oracle::replay(&kafka.brokers(), "orders", Thresholds::default())?;
        let (orders, bad) = (expected.orders, expected.dead_letters.len() as u64);
        ensure!(orders + bad == sent, "{orders} orders and {bad} bad ones of {sent}");
        ensure!(bad > 0 && !expected.alerts.is_empty(), "the load has no bad orders or no alerts");
        let ends: i64 = topic::ends(&kafka.brokers(), "orders")?.iter().sum();
        ensure!(ends.unsigned_abs() == sent, "the topic ends at {ends}");
        Ok(())
    });
}

/// A Redis restarted from an older dump shows the older values.
#[test]
fn redis_goes_back_to_its_dump() {
    case::run("old-dump", |case| {
        let redis = Redis::start(case)?;
        redis.set("a", "1")?;
        redis.save()?;
        redis.set("a", "2")?;
        redis.kill()?;
        redis.restart()?;
        ensure!(redis.strings()? == BTreeMap::from([("a".to_owned(), "1".to_owned())]));
        redis.flush()?;
        ensure!(redis.strings()?.is_empty());
        Ok(())
    });
}

/// Through the proxy, a committed transaction whose answer was cut off is committed once, and the journal
/// shows the order of requests.
#[test]
fn the_proxy_cuts_a_commit_and_keeps_a_journal() {
    case::run("proxy", |case| {
        let (proxy, listener) = Proxy::bind()?;
        let kafka = Kafka::start_behind(case, proxy.port(), &[])?;
        proxy.forward(listener, kafka.proxied_port());
        Admin::new(&kafka.brokers())?.create("t", 1, &[])?;
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", proxy.brokers())
            .set("client.id", "through-the-proxy")
            .set("transactional.id", "t")
            .create()?;
        let limit = Duration::from_secs(20);
        producer.init_transactions(limit)?;
        producer.begin_transaction()?;
        producer.send(BaseRecord::<str, str>::to("t").payload("x")).map_err(|(e, _)| e)?;
        proxy.inject(Api::END_TXN, Fault::Cut);
        producer.commit_transaction(limit)?;
        ensure!(proxy.hits() == [(Api::END_TXN, Fault::Cut)], "{:?}", proxy.hits());
        ensure!(topic::read(&kafka.brokers(), "t")?.len() == 1);
        let journal = proxy.journal("through-the-proxy");
        let commits = journal.iter().filter(|e| e.api == Api::END_TXN).count();
        ensure!(commits >= 3, "EndTxn must be asked, answered and asked again: {commits} events");
        Ok(())
    });
}
