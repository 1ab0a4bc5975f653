//! Sends updates to the `metrics` topic.
//!
//! Updates do not wait for the store: they go on while Redis is down, and a reader may see one a moment
//! before the keys that say the same. They are snapshots, so only the newest of a type is kept when
//! Kafka is slower than the views, and one that could not be delivered is sent again until it is, or until
//! a newer one takes its place: after the last change there is always one that says so.
//!
//! After a quiet time the newest of each type is sent again, with the same number: who reads the topic from shortly
//! before its end finds it there, and who has it already drops it as old news.
//!
//! While another process is seen to write the store, this one keeps its updates to itself.

mod repeats;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::Update;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use runtime::config::KafkaArgs;
use runtime::kafka::{WaitError, wait_for_topic};
use runtime::{Need, Shutdown};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

pub(crate) use self::repeats::Repeats;
use crate::metrics::Metrics;
use crate::publisher::now;

/// After this an update counts as not delivered and the newest is sent instead.
const DELIVERY_TIMEOUT_MS: &str = "10000";
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long the last updates may take when the process ends.
const FINISH: Duration = Duration::from_secs(3);

/// Updates that wait to be sent: the newest of each type.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: Mutex<BTreeMap<&'static str, Update>>,
    filled: Notify,
}

/// Sends what is in the outbox.
pub(crate) struct UpdateSender {
    pub kafka: KafkaArgs,
    pub topic: String,
    pub outbox: Arc<Outbox>,
    pub standby: watch::Receiver<bool>,
    pub need: Need,
    pub metrics: Metrics,
    pub repeats: Repeats,
}

/// Numbers updates: grows with each, and from run to run as the clock does.
#[derive(Debug, Default)]
struct Sequence(u64);

impl Outbox {
    /// Puts updates in; each replaces the one of its type.
    pub(crate) fn put(&self, updates: Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        self.lock().extend(updates.into_iter().map(|update| (type_name(&update), update)));
        self.filled.notify_one();
    }

    /// Puts one back that was not delivered, unless there is a newer one.
    fn put_back(&self, update: Update) {
        self.lock().entry(type_name(&update)).or_insert(update);
    }

    fn take(&self) -> Vec<Update> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Update>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UpdateSender {
    /// Sends until `drained`, then what is left.
    ///
    /// # Errors
    /// When no producer can be made.
    pub(crate) async fn run(mut self, drained: &Shutdown) -> Result<(), KafkaError> {
        let producer: FutureProducer = self
            .kafka
            .client("millrace-views")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .set("message.timeout.ms", DELIVERY_TIMEOUT_MS)
            .create()?;
        let option = "--metrics-topic / METRICS_TOPIC";
        match wait_for_topic(&self.kafka, &self.topic, option, &self.need, drained).await {
            Ok(_) => {}
            Err(WaitError::Stopped) => return Ok(()),
            Err(WaitError::Client(error)) => return Err(error),
        }
        let mut sequence = Sequence::default();
        while !drained.is_cancelled() {
            tokio::select! {
                () = drained.cancelled() => break,
                () = self.outbox.filled.notified() => {}
                () = self.repeats.are_due() => {}
                Ok(()) = self.standby.changed() => {}
            }
            let delivered = tokio::select! {
                () = overdue(drained) => break,
                delivered = self.send_all(&producer, &mut sequence) => delivered,
            };
            if !delivered {
                self.outbox.filled.notify_one();
                tokio::select! { () = drained.cancelled() => {}, () = sleep(RETRY_PAUSE) => {} }
            }
        }
        if timeout(FINISH, self.send_all(&producer, &mut sequence)).await != Ok(true) {
            tracing::warn!("ended before the last update was delivered; the next process sends one");
        }
        Ok(())
    }

    /// Sends what waits; `false` when something of it was not delivered and waits again.
    async fn send_all(&mut self, producer: &FutureProducer, sequence: &mut Sequence) -> bool {
        if *self.standby.borrow_and_update() {
            self.repeats.clear();
            return true;
        }
        let mut all_delivered = true;
        for mut update in self.outbox.take() {
            *sequence_of(&mut update) = sequence.next();
            match self.send(producer, &update).await {
                Ok(()) => {
                    self.need.met();
                    self.metrics.record_update(type_name(&update));
                    self.repeats.sent(type_name(&update), update);
                }
                Err(error) => {
                    all_delivered = false;
                    self.need.missing(format!("cannot write to topic {}: {error}", self.topic));
                    self.metrics.record_update_failure();
                    self.outbox.put_back(update);
                }
            }
        }
        for update in self.repeats.take_due() {
            if self.send(producer, &update).await.is_err() {
                self.metrics.record_update_failure();
            }
            // in any case not before the time has passed once more
            self.repeats.sent(type_name(&update), update);
        }
        all_delivered
    }

    async fn send(&self, producer: &FutureProducer, update: &Update) -> Result<(), String> {
        let value = serde_json::to_vec(update).map_err(|e| e.to_string())?;
        let record = FutureRecord::to(&self.topic).key(type_name(update)).payload(&value);
        let delivered = producer.send(record, Duration::ZERO).await;
        delivered.map(drop).map_err(|(error, _)| error.to_string())
    }
}

impl Sequence {
    fn next(&mut self) -> u64 {
        let clock = u64::try_from(now().0).unwrap_or_default();
        self.0 = clock.max(self.0 + 1);
        self.0
    }
}

async fn overdue(drained: &Shutdown) {
    drained.cancelled().await;
    sleep(FINISH).await;
}

fn type_name(update: &Update) -> &'static str {
    match update {
        Update::Revenue { .. } => "revenue_update",
        Update::Trend { .. } => "trend_update",
    }
}

fn sequence_of(update: &mut Update) -> &mut u64 {
    match update {
        Update::Revenue { sequence, .. } | Update::Trend { sequence, .. } => sequence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revenue(total: i128) -> Update {
        Update::Revenue {
            total_revenue: total,
            total_orders: 1,
            hourly_revenue: 0,
            timestamp: String::new(),
            sequence: 0,
        }
    }

    #[test]
    fn only_the_newest_of_a_type_waits() {
        let outbox = Outbox::default();
        outbox.put(vec![revenue(1)]);
        outbox.put(vec![revenue(2)]);
        assert_eq!(outbox.take(), [revenue(2)]);
        assert_eq!(outbox.take(), []);
    }

    #[test]
    fn what_was_not_delivered_does_not_replace_a_newer_one() {
        let outbox = Outbox::default();
        outbox.put_back(revenue(1));
        assert_eq!(outbox.take(), [revenue(1)]);
        outbox.put(vec![revenue(2)]);
        outbox.put_back(revenue(1));
        assert_eq!(outbox.take(), [revenue(2)]);
    }

    #[test]
    fn sequences_grow_even_within_a_millisecond_and_when_the_clock_goes_back() {
        let mut sequence = Sequence::default();
        let (first, second) = (sequence.next(), sequence.next());
        assert!(second > first);
        let ahead = u64::MAX - 10;
        assert_eq!(Sequence(ahead).next(), ahead + 1);
    }

    #[test]
    fn the_key_is_the_type_in_the_json() {
        let json = serde_json::to_value(revenue(1)).unwrap();
        assert_eq!(json["type"], type_name(&revenue(1)));
    }
}
