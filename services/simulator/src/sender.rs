//! Hands orders to the Kafka client, and counts what becomes of them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract::{Order, Topics};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use runtime::config::KafkaArgs;
use runtime::traces::Tracer;

use crate::metrics::Tally;
use crate::traces::{Traces, UNTRACED, Waiting};

/// What the simulator's correctness rests on.
const FIXED: [(&str, &str); 3] = [
    // No order is lost or doubled by a retry, and those of one user stay in order.
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // The partition that Java and Node clients would choose for the same user.
    ("partitioner", "murmur2_random"),
];

/// What suits a shop; a user's own property wins.
const DEFAULTS: [(&str, &str); 2] = [("linger.ms", "5"), ("queue.buffering.max.kbytes", "32768")];

/// The header that says where an order comes from.
const SOURCE_HEADER: &str = "source";

/// Failed deliveries are logged at most this often.
const LOG_FAILURES_EVERY: Duration = Duration::from_secs(5);

/// Sends orders to one topic. Dropping it may block for half a second, and gives up what is not delivered.
pub(crate) struct Sender {
    producer: ThreadedProducer<Deliveries>,
    topic: String,
    headers: OwnedHeaders,
    traces: Option<Traces>,
    tally: Tally,
    value: Vec<u8>,
}

/// What the client said to an order that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It will be delivered, or counted as failed.
    Accepted,
    /// There is no room now: offer it again later.
    QueueFull,
}

/// Receives the broker's word on each order.
struct Deliveries {
    tally: Tally,
    waiting: Waiting,
    failure_logged: Mutex<Option<Instant>>,
}

impl Sender {
    pub(crate) fn new(
        kafka: &KafkaArgs,
        topics: &Topics,
        source: &str,
        tally: Tally,
        tracer: Option<Tracer>,
    ) -> Result<Self, KafkaError> {
        let waiting = Waiting::default();
        let begun = waiting.clone();
        let deliveries = Deliveries { tally: tally.clone(), waiting, failure_logged: Mutex::default() };
        Ok(Self {
            producer: producer_config(kafka).create_with_context(deliveries)?,
            topic: topics.orders.clone(),
            headers: OwnedHeaders::new_with_capacity(1)
                .insert(Header { key: SOURCE_HEADER, value: Some(source) }),
            traces: tracer.map(|tracer| Traces::new(tracer, &topics.orders, begun)),
            tally,
            value: Vec::new(),
        })
    }

    /// Offers an order to the client; never waits.
    pub(crate) fn offer(&mut self, order: &Order<'_>) -> Result<Offer, KafkaError> {
        self.value.clear();
        order.write_json(&mut self.value);
        let due = self.traces.as_mut().and_then(|traces| traces.headers(order.timestamp, &self.headers));
        let (traced, headers) = due.unwrap_or_else(|| (UNTRACED, self.headers.clone()));
        let record = BaseRecord::with_opaque_to(&self.topic, traced)
            .key(order.user_id)
            .payload(&self.value)
            .timestamp(order.timestamp.0)
            .headers(headers);
        match self.producer.send(record) {
            Ok(()) => {
                self.tally.record_accepted();
                Ok(Offer::Accepted)
            }
            Err((error, refused)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                if let Some(traces) = &mut self.traces {
                    traces.keep(traced, refused.headers);
                }
                self.tally.record_queue_full();
                Ok(Offer::QueueFull)
            }
            Err((error, _)) => Err(self.producer.client().fatal_error().map_or(error, fatal)),
        }
    }
}

fn fatal((code, reason): (RDKafkaErrorCode, String)) -> KafkaError {
    tracing::error!(%code, reason, "kafka client cannot go on");
    KafkaError::MessageProduction(code)
}

fn producer_config(kafka: &KafkaArgs) -> ClientConfig {
    let mut config = kafka.client("millrace-simulator");
    for (name, value) in DEFAULTS {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    for (name, value) in FIXED {
        config.set(name, value);
    }
    config
}

impl Deliveries {
    fn log_failure(&self, error: &KafkaError) {
        let mut logged = self.failure_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() >= LOG_FAILURES_EVERY) {
            *logged = Some(Instant::now());
            let failed = self.tally.counts().failed;
            tracing::error!(%error, failed, "orders cannot be delivered");
        }
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka client reports trouble");
    }
}

impl ProducerContext for Deliveries {
    /// The number of the order's trace.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, traced: usize) {
        self.waiting.end(traced, result.as_ref().err().map(|(error, _)| error));
        match result {
            Ok(_) => self.tally.record_delivered(),
            Err((error, _)) => {
                self.tally.record_failed();
                self.log_failure(error);
            }
        }
    }
}
