//! The stage's transactional producer: one transaction per commit, nothing in between.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, TopicPartitionList};

use crate::error::Interrupt;
use crate::faults::{self, Mutation};
use crate::native;

/// How long a single transactional call may take before it counts as doubtful. Well under
/// [`TRANSACTION_TIMEOUT`], so that the broker has not given up what we still wait for.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// After this long without a commit the broker aborts a transaction by itself.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// The property that bounds a batch: a topic's `max.message.bytes` is a bound of batches, not of records.
pub(crate) const BATCH_SIZE: &str = "batch.size";
/// The bound to begin with, in bytes; halved for as long as a topic refuses batches.
pub(crate) const LARGEST_BATCH: usize = 256 * 1024;
/// One step of waiting that may be repeated: how fast a shutdown or rebalance is noticed.
pub(crate) const STEP: Duration = Duration::from_millis(250);

/// A record that the broker refused, and the topic it was for.
#[derive(Clone, Debug)]
struct Undelivered {
    topic: String,
    error: KafkaError,
}

/// Keeps the first delivery failure of a transaction.
#[derive(Default)]
pub(crate) struct Deliveries {
    failed: Mutex<Option<Undelivered>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, record)) = result {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| Undelivered {
                topic: record.topic().to_owned(),
                error: error.clone(),
            });
        }
    }
}

/// A producer that is thrown away after any failed or doubtful call.
pub(crate) struct Producer {
    producer: BaseProducer<Deliveries>,
    transactional: bool,
}

/// The configuration of a producer with this transactional id on top of `base`.
pub(crate) fn transactional(mut base: ClientConfig, id: &str) -> ClientConfig {
    base.set("transactional.id", id)
        .set("transaction.timeout.ms", transaction_timeout().as_millis().to_string())
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        .set("delivery.report.only.error", "true")
        .set("partitioner", "murmur2_random")
        .set("message.max.bytes", "1048576")
        .set(BATCH_SIZE, LARGEST_BATCH.to_string())
        .set("queue.buffering.max.messages", "1000000")
        // The default of 100 ms is what a commit would sleep when the coordinator is still busy.
        .set("retry.backoff.ms", "10")
        .set("retry.backoff.max.ms", "200");
    base
}

fn transaction_timeout() -> Duration {
    if faults::is_off(Mutation::NoTimeOut) { Duration::from_mins(10) } else { TRANSACTION_TIMEOUT }
}

impl Producer {
    /// Makes a producer and ends whatever an earlier holder of the same id left open. `warm_topic` is any
    /// existing topic: asking for its metadata first spares a fixed 500 ms wait in `init_transactions`.
    pub(crate) fn start(
        config: &ClientConfig,
        warm_topic: &str,
        mut check: impl FnMut() -> Result<(), Interrupt>,
    ) -> Result<Self, Interrupt> {
        let transactional = !faults::is_off(Mutation::NoTransaction);
        let mut config = config.clone();
        if !transactional {
            config.remove("transactional.id");
            config.remove("transaction.timeout.ms");
        }
        let producer: BaseProducer<Deliveries> = config
            .create_with_context(Deliveries::default())
            .map_err(|error| Interrupt::Fatal(crate::StageError::Client(error)))?;
        let producer = Self { producer, transactional };
        producer
            .producer
            .client()
            .fetch_metadata(Some(warm_topic), CALL_TIMEOUT)
            .map_err(Interrupt::doubt("reaching the brokers"))?;
        producer.init(&mut check)?;
        Ok(producer)
    }

    fn init(&self, check: &mut impl FnMut() -> Result<(), Interrupt>) -> Result<(), Interrupt> {
        if !self.transactional {
            return Ok(());
        }
        let deadline = Instant::now() + TRANSACTION_TIMEOUT * 3;
        loop {
            match self.producer.init_transactions(STEP) {
                Ok(()) => return Ok(()),
                // Resumable: the same call goes on waiting.
                Err(error) if is_retriable(&error) && Instant::now() < deadline => check()?,
                Err(error) => return Err(Interrupt::doubt("init_transactions")(error)),
            }
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&self) -> Result<(), Interrupt> {
        if !self.transactional {
            return Ok(());
        }
        self.producer.begin_transaction().map_err(Interrupt::doubt("begin_transaction"))
    }

    /// Queues a record.
    pub(crate) fn send(&self, record: BaseRecord<'_, [u8], [u8]>) -> Result<(), Interrupt> {
        self.producer.send(record).map_err(|(error, _)| Interrupt::doubt("sending a record")(error))
    }

    /// Waits until every record is acknowledged: as long as some are, for a large checkpoint takes its time on a slow
    /// connection, but not beyond what the transaction may take.
    pub(crate) fn flush(&self) -> Result<(), Interrupt> {
        let started = Instant::now();
        let (mut waiting, mut moved) = (self.producer.in_flight_count(), started);
        loop {
            let done = native::flush(&self.producer, Duration::from_millis(100));
            if !done {
                self.producer.poll(Duration::ZERO);
            }
            if let Some(Undelivered { topic, error }) = self.failure() {
                return Err(if is_too_large(&error) {
                    Interrupt::TooLarge { topic, source: error }
                } else {
                    Interrupt::doubt("delivering a record")(error)
                });
            }
            if done {
                return Ok(());
            }
            let left = self.producer.in_flight_count();
            if left < waiting {
                (waiting, moved) = (left, Instant::now());
            }
            if moved.elapsed() >= CALL_TIMEOUT || started.elapsed() + CALL_TIMEOUT >= TRANSACTION_TIMEOUT {
                return Err(Interrupt::timed_out("waiting for acknowledgements"));
            }
        }
    }

    fn failure(&self) -> Option<Undelivered> {
        self.producer.context().failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts input offsets into the transaction; the group's generation fences a member that was replaced.
    pub(crate) fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), Interrupt> {
        if !self.transactional {
            return Ok(());
        }
        self.producer
            .send_offsets_to_transaction(offsets, group, CALL_TIMEOUT)
            .map_err(Interrupt::doubt("send_offsets_to_transaction"))
    }

    /// Commits. A time-out is doubt, whatever the error says about being retriable.
    pub(crate) fn commit(&self) -> Result<(), Interrupt> {
        if !self.transactional {
            return Ok(());
        }
        self.producer.commit_transaction(CALL_TIMEOUT).map_err(Interrupt::doubt("commit_transaction"))?;
        // Serves log and error events; there are no delivery reports of successes.
        self.producer.poll(Duration::ZERO);
        Ok(())
    }
}

fn is_retriable(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(error) => error.is_retriable() && !error.is_fatal(),
        _ => false,
    }
}

/// Ends the open transaction of whoever runs with `id`: a new epoch of the id aborts it at once, where the
/// broker would wait for the transaction's timeout plus up to 10 s.
pub(crate) fn end_transaction_of(
    base: ClientConfig,
    id: &str,
    warm_topic: &str,
    check: impl FnMut() -> Result<(), Interrupt>,
) -> Result<(), Interrupt> {
    Producer::start(&transactional(base, id), warm_topic, check).map(drop)
}

/// Whether an error says that a record is larger than its topic takes.
fn is_too_large(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageProduction(
            RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize
        )
    )
}
