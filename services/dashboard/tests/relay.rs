//! The dashboard against librdkafka's mock cluster: what it reads at start, and what it relays then.

#[path = "support/dashboard.rs"]
mod dashboard_in_process;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use dashboard::{MemoryReader, Store, run};
use dashboard_in_process::{Dashboard, config, until};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use runtime::{Process, Shutdown};

const NOBODY: &str = "127.0.0.1:1";

fn store() -> Store {
    Store::Reader(Arc::new(MemoryReader::default()))
}

fn cluster() -> Result<MockCluster<'static, DefaultProducerContext>> {
    let cluster = MockCluster::new(1)?;
    cluster.create_topic("metrics", 1, 1)?;
    cluster.create_topic("alerts", 3, 1)?;
    Ok(cluster)
}

async fn send(
    brokers: &str,
    topic: &str,
    partition: i32,
    values: impl IntoIterator<Item = String>,
) -> Result<()> {
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    for value in values {
        let record = FutureRecord::<(), _>::to(topic).partition(partition).payload(&value);
        producer.send(record, Duration::from_secs(10)).await.map_err(|(error, _)| error)?;
    }
    Ok(())
}

fn update(sequence: u64) -> String {
    format!(r#"{{"type":"revenue_update","sequence":{sequence}}}"#)
}

/// A Socket.IO client over HTTP polling, by hand.
struct Polling {
    url: String,
}

impl Polling {
    async fn join(dashboard: &Dashboard) -> Result<Self> {
        let (_, open) = dashboard.get("/socket.io/?EIO=4&transport=polling").await?;
        let open: serde_json::Value = serde_json::from_str(open.trim_start_matches('0'))?;
        let sid = open["sid"].as_str().unwrap_or_default();
        let polling = Self { url: format!("{}/socket.io/?EIO=4&transport=polling&sid={sid}", dashboard.url) };
        polling.post("40").await?;
        Ok(polling)
    }

    async fn post(&self, packet: &'static str) -> Result<()> {
        reqwest::Client::new().post(&self.url).body(packet).send().await?.error_for_status()?;
        Ok(())
    }

    /// Events until one is `last`.
    async fn events_until(&self, last: &str) -> Result<Vec<String>> {
        let mut events = Vec::new();
        while !events.iter().any(|event| event == last) {
            let packets = reqwest::get(&self.url).await?.error_for_status()?.text().await?;
            if packets.split('\u{1e}').any(|packet| packet == "2") {
                self.post("3").await?;
            }
            events.extend(packets.split('\u{1e}').filter(|p| p.starts_with("42")).map(str::to_owned));
        }
        Ok(events)
    }
}

#[tokio::test]
async fn the_newest_are_there_after_a_start_and_new_ones_are_relayed() -> Result<()> {
    let cluster = cluster()?;
    let brokers = cluster.bootstrap_servers();
    send(&brokers, "metrics", 0, [update(1), r#"{"type":"trend_update"}"#.to_owned(), update(3), update(2)])
        .await?;
    for partition in 0..3 {
        send(&brokers, "alerts", partition, (0..50).map(|n| format!(r#"{{"n":{}}}"#, partition * 50 + n)))
            .await?;
    }
    let dashboard = Dashboard::start(&brokers, store()).await?;
    let newest: Vec<_> = (50..150).rev().map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    dashboard.answers("/api/alerts", (200, &format!("[{}]", newest.join(",")))).await?;
    dashboard.ready().await?;

    // updates are read apart from alerts: wait until the last one is there
    let client = Polling::join(&dashboard).await?;
    let first = client.events_until(r#"42["metrics",{"type":"revenue_update","sequence":3}]"#).await?;
    assert!(first.iter().all(|event| event.starts_with(r#"42["metrics""#)), "no old alerts: {first:?}");
    assert!(first.iter().all(|event| !event.contains(r#""sequence":2"#)), "nothing older: {first:?}");

    send(&brokers, "alerts", 1, [r#"{"n":"live"}"#.to_owned()]).await?;
    send(&brokers, "metrics", 0, ["no JSON".to_owned(), update(4)]).await?;
    let seen = client.events_until(r#"42["metrics",{"type":"revenue_update","sequence":4}]"#).await?;
    if !seen.iter().any(|event| event == r#"42["alerts",{"n":"live"}]"#) {
        client.events_until(r#"42["alerts",{"n":"live"}]"#).await?;
    }
    dashboard.stop().await
}

#[tokio::test]
async fn it_serves_while_kafka_is_away_and_says_so() -> Result<()> {
    let dashboard = Dashboard::start(NOBODY, store()).await?;
    let missing = || async {
        let missing = dashboard.process.health.missing();
        missing.iter().all(|m| m.why.contains("--brokers")).then_some(missing)
    };
    let mut missing: Vec<_> =
        until("both topics are missing", missing).await?.into_iter().map(|m| m.need).collect();
    missing.sort();
    assert_eq!(missing, ["topic alerts", "topic metrics"]);
    assert_eq!(dashboard.get("/api/stats").await?.0, 200);
    assert_eq!(dashboard.get("/api/alerts").await?.0, 503);
    dashboard.stop().await
}

#[tokio::test]
async fn topics_that_are_made_on_demand_are_followed() -> Result<()> {
    let cluster: MockCluster<'static, DefaultProducerContext> = MockCluster::new(1)?;
    let brokers = cluster.bootstrap_servers();
    let dashboard = Dashboard::start(&brokers, store()).await?;
    dashboard.ready().await?;
    send(&brokers, "alerts", 0, [r#"{"n":1}"#.to_owned()]).await?;
    dashboard.answers("/api/alerts", (200, r#"[{"n":1}]"#)).await?;
    dashboard.stop().await
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_the_option() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let listen = taken.local_addr()?.to_string();
    let error = run(config(&listen, NOBODY, store()), Process::new(Shutdown::new())).await.unwrap_err();
    assert!(error.to_string().contains("--listen") && error.to_string().contains(&listen), "{error}");
    Ok(())
}
