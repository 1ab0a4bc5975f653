//! Sends records to a topic, for the tests in `ui/e2e`: `send BROKERS TOPIC`, with a line `KEY<tab>VALUE` on the
//! standard input for each. Ends when all were delivered.

use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

const LIMIT: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [brokers, topic] = &arguments[..] else { anyhow::bail!("usage: send BROKERS TOPIC") };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random");
    let producer: ThreadedProducer<DefaultProducerContext> = config.create()?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (key, value) = line.split_once('\t').context("a line without a tab")?;
        let sent = producer.send(BaseRecord::to(topic).key(key).payload(value));
        sent.map_err(|(error, _)| error)?;
    }
    producer.flush(LIMIT)?;
    ensure!(producer.in_flight_count() == 0, "not all records were delivered");
    Ok(())
}
