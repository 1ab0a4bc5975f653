//! Fills a topic with a workload.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use contract::Timestamp;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use crate::progress;
use crate::topic::Kafka;
use crate::workload::{Orders, Workload};

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Orders in the topic.
    pub orders: u64,
    /// Its partitions.
    pub partitions: i32,
}

const FLUSH: Duration = Duration::from_mins(2);
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
/// The last order is this old, so that no clock makes it one from the future.
const NEWEST_AGE_MS: i64 = 60_000;

/// The name of the topic that holds `size` of `workload`. Fills it unless it is there in full.
///
/// # Errors
/// When the topic cannot be filled.
pub fn filled(kafka: &Kafka, workload: Workload, size: Size, refill: bool) -> Result<String> {
    let topic = workload.topic(size.orders);
    if let Some(ends) = kafka.ends(&topic)? {
        if !refill && is_full(&ends, size) {
            progress::step(&format!("{topic} is filled"));
            return Ok(topic);
        }
        kafka.delete(&[&topic])?;
        // The broker takes the name back a moment after it has answered.
        std::thread::sleep(Duration::from_secs(1));
    }
    kafka.create(&topic, size.partitions)?;
    progress::step(&format!("filling {topic}"));
    fill(kafka, &topic, workload, size.orders)?;
    let ends = kafka.ends(&topic)?.context("the topic is gone")?;
    ensure!(is_full(&ends, size), "{topic} holds {ends:?}, not {} orders", size.orders);
    Ok(topic)
}

fn headers_of(workload: Workload, number: u64) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(2).insert(Header { key: "source", value: Some("web") });
    if workload != Workload::Traced {
        return headers;
    }
    let trace = format!("00-{:032x}-{:016x}-01", number + 1, number + 1);
    headers.insert(Header { key: "traceparent", value: Some(&trace) })
}

fn is_full(ends: &[i64], size: Size) -> bool {
    let held: i64 = ends.iter().sum();
    u64::try_from(held) == Ok(size.orders) && i32::try_from(ends.len()) == Ok(size.partitions)
}

fn fill(kafka: &Kafka, topic: &str, workload: Workload, count: u64) -> Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> = kafka
        .client()
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        // As the figures this is compared with: batches that a busy shop's producer would send.
        .set("compression.type", "zstd")
        .set("linger.ms", "50")
        .create()?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let begin = Timestamp(now - NEWEST_AGE_MS - workload.span_ms(count));
    let (mut orders, mut value) = (Orders::new(workload, begin), Vec::new());
    let bar = progress::bar(count);
    for number in 0..count {
        let order = orders.write(&mut value)?;
        let mut record = BaseRecord::to(topic)
            .key(order.key)
            .payload(&value)
            .timestamp(order.time.0)
            .headers(headers_of(workload, number));
        while let Err((error, refused)) = producer.send(record) {
            ensure!(is_queue_full(&error), "filling {topic}: {error}");
            record = refused;
            std::thread::sleep(QUEUE_FULL_PAUSE);
        }
        if number % 10_000 == 0 {
            bar.set_position(number);
        }
    }
    producer.flush(FLUSH).context("delivering the last orders")?;
    bar.finish_and_clear();
    Ok(())
}

fn is_queue_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}
