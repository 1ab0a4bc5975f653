//! Load: orders produced at a steady rate by an idempotent producer, with bad ones mixed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::bad_orders::BadOrder;
use crate::shop::{Shop, now_ms};

/// Header of a bad order that tells the oracle why it is one.
pub const EXPECTED_REASON: &str = "expected-reason";
/// One order in this many is a bad one.
const BAD_ONE_IN: u32 = 200;
const TICK: Duration = Duration::from_millis(5);
const DELIVERY_LIMIT: Duration = Duration::from_secs(90);

/// What to produce.
#[derive(Clone)]
pub struct Plan {
    /// Fixes the content.
    pub seed: u64,
    /// Begins every order id.
    pub prefix: String,
    /// Orders per second; 0 for as fast as it goes.
    pub rate: u32,
    /// Number of customers.
    pub users: u32,
    /// At least this many orders.
    pub orders: u64,
    /// What may be mixed in, one in 200; none when empty.
    pub bad: Arc<Vec<BadOrder>>,
}

/// A running load.
pub struct Load {
    sent: Arc<AtomicU64>,
    go_on: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Load {
    /// Starts producing. Goes on past `plan.orders` until [`Load::finish`], so that load lasts as long as
    /// the faults it accompanies.
    ///
    /// # Errors
    /// When the producer cannot be made.
    pub fn start(brokers: &str, topic: &str, plan: Plan) -> Result<Self> {
        let (sent, go_on) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
        let feed = Feed { producer: producer(brokers)?, topic: topic.to_owned(), sent: Arc::clone(&sent) };
        let wanted = Arc::clone(&go_on);
        let thread = thread::spawn(move || feed.run(&plan, &wanted));
        Ok(Self { sent, go_on, thread })
    }

    /// Records handed to the producer so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Lets it complete its plan, waits until all is acknowledged, and says how many records that were.
    ///
    /// # Errors
    /// When the producer failed.
    pub fn finish(self) -> Result<u64> {
        self.go_on.store(false, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the load's thread panicked"))?
    }
}

/// Produces a whole plan and waits until it is acknowledged.
///
/// # Errors
/// When the producer failed.
pub fn produce(brokers: &str, topic: &str, plan: Plan) -> Result<u64> {
    Load::start(brokers, topic, plan)?.finish()
}

/// An idempotent producer that partitions by key as Java and Node clients do.
///
/// # Errors
/// When it cannot be made.
pub fn producer(brokers: &str) -> Result<BaseProducer> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("client.id", "load")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "5")
        // new partitions are used within a second
        .set("topic.metadata.refresh.interval.ms", "1000")
        .set("message.timeout.ms", "120000")
        .set("queue.buffering.max.messages", "200000")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .context("making the load's producer")
}

/// Waits until everything `producer` holds is acknowledged.
///
/// # Errors
/// When it takes longer than 90 s.
pub fn flush(producer: &BaseProducer) -> Result<()> {
    producer.flush(DELIVERY_LIMIT).context("flushing the load")?;
    ensure!(producer.in_flight_count() == 0, "orders are still unacknowledged");
    Ok(())
}

struct Feed {
    producer: BaseProducer,
    topic: String,
    sent: Arc<AtomicU64>,
}

impl Feed {
    fn run(&self, plan: &Plan, go_on: &AtomicBool) -> Result<u64> {
        let mut shop = Shop::new(plan.seed, plan.users, &plan.prefix);
        let start = Instant::now();
        let mut sent = 0;
        while sent < plan.orders || go_on.load(Ordering::Relaxed) {
            let due = match plan.rate {
                0 if sent >= plan.orders => sent,
                0 => plan.orders.min(sent + 1000),
                rate => (start.elapsed().as_micros() * u128::from(rate) / 1_000_000).try_into()?,
            };
            for _ in sent..due {
                self.one(&mut shop, plan)?;
            }
            sent = due.max(sent);
            self.sent.store(sent, Ordering::Relaxed);
            self.producer.poll(Duration::ZERO);
            if plan.rate > 0 || sent >= plan.orders {
                thread::sleep(TICK);
            }
        }
        flush(&self.producer)?;
        Ok(sent)
    }

    fn one(&self, shop: &mut Shop, plan: &Plan) -> Result<()> {
        if !plan.bad.is_empty() && shop.once_in(BAD_ONE_IN) {
            let user = shop.user();
            return self.send(&user, &shop.pick(&plan.bad).record());
        }
        let order = shop.order(now_ms());
        self.send(&order.user, &Value { bytes: order.json.into_bytes(), time: now_ms(), reason: None })
    }

    fn send(&self, user: &str, value: &Value) -> Result<()> {
        send(&self.producer, &self.topic, user, value)
    }
}

/// The value of one record to produce.
pub struct Value {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The record's Kafka timestamp, in ms.
    pub time: i64,
    /// Why it is no order; `None` when it is one.
    pub reason: Option<String>,
}

/// Hands one record to `producer`, waiting for room when its queue is full.
///
/// # Errors
/// When the producer refuses it.
pub fn send(producer: &BaseProducer, topic: &str, key: &str, value: &Value) -> Result<()> {
    loop {
        let mut headers = OwnedHeaders::new().insert(Header { key: "source", value: Some("harness") });
        if let Some(reason) = &value.reason {
            headers = headers.insert(Header { key: EXPECTED_REASON, value: Some(reason) });
        }
        let record =
            BaseRecord::to(topic).key(key).payload(&value.bytes).timestamp(value.time).headers(headers);
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                producer.poll(Duration::from_millis(10));
            }
            Err((failure, _)) => return Err(failure).context("producing an order"),
        }
    }
}
