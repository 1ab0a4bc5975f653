//! The roof: what librdkafka alone costs. Every record is fetched and thrown away unread, in batches, in a
//! process of its own with the stage's fetch settings and allocator.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::lab::Lab;
use crate::native::BatchQueue;
use crate::topic::Kafka;
use crate::usage;

/// Options of the process that drains.
#[derive(Clone, Debug, clap::Args)]
pub struct EmptyDrain {
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    topic: String,
}

/// What an empty drain took.
#[derive(Clone, Copy, Debug)]
pub struct Roof {
    /// From the first record to the last.
    pub wall: Duration,
    /// Of the draining process.
    pub cpu: Duration,
    /// Of the broker.
    pub broker: Duration,
    /// Most memory, in bytes.
    pub peak: u64,
}

const SILENCE: Duration = Duration::from_secs(10);

/// Drains `topic` once.
///
/// # Errors
/// When the process fails.
pub fn measure(lab: &Lab, topic: &str) -> Result<Roof> {
    let broker = lab.broker.cpu()?;
    let own = std::env::current_exe()?;
    let arguments = ["empty-drain", "--brokers", &lab.kafka.brokers, "--topic", topic, "--partitions"];
    let output = Command::new(own)
        .args(arguments)
        .args([&lab.options.partitions.to_string(), "--orders", &lab.options.orders.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the empty drain failed");
    let text = String::from_utf8(output.stdout)?;
    let mut fields = text.split_ascii_whitespace().map(str::parse::<u64>);
    let mut next = || anyhow::Ok(fields.next().context("the empty drain says too little")??);
    let (wall, cpu) = (Duration::from_micros(next()?), Duration::from_micros(next()?));
    Ok(Roof { wall, cpu, broker: lab.broker.cpu()?.saturating_sub(broker), peak: next()? })
}

impl EmptyDrain {
    /// Drains; prints wall and CPU time in µs and the most memory in bytes.
    ///
    /// # Errors
    /// When nothing comes for too long.
    pub fn run(&self, partitions: i32, orders: u64) -> Result<()> {
        let consumer: Arc<BaseConsumer> = Arc::new(consumer_config(&self.brokers).create()?);
        let mut queue = BatchQueue::new(Arc::clone(&consumer))?;
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            queue.forward(&self.topic, partition)?;
            list.add_partition_offset(&self.topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        let (mut seen, _) = queue.discard(SILENCE)?;
        let first = Instant::now();
        while seen < orders {
            let (records, _) = queue.discard(SILENCE)?;
            ensure!(records > 0, "nothing came for {SILENCE:?} after {seen} records");
            seen += records;
        }
        let wall = first.elapsed().as_micros();
        let own = std::process::id();
        println!("{wall} {} {}", usage::cpu(own)?.as_micros(), usage::peak_memory(own)?);
        Ok(())
    }
}

fn consumer_config(brokers: &str) -> rdkafka::ClientConfig {
    let mut config = Kafka { brokers: brokers.to_owned() }.client();
    config
        .set("group.id", "millrace-bench-roof")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.message.max.bytes", "262144")
        .set("fetch.max.bytes", "2097152")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.queue.backoff.ms", "5");
    config
}
