//! Brings what Kafka holds into the [`Feed`]: the newest updates and alerts at start, then every new one.
//!
//! Both topics are read whole, committed records only, without a consumer group: any number of dashboards
//! run side by side, and none leaves anything behind on the broker.

mod tail;

use std::borrow::Cow;
use std::sync::Arc;

use contract::Topics;
use runtime::config::KafkaArgs;
use runtime::kafka::WaitError;
use runtime::{Health, Shutdown};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::feed::{self, Alert, Feed, Payload, Taken};
use crate::metrics::{Metrics, RecordOutcome};
use crate::recent::Recent;
use crate::traces::Traces;
use tail::{Record, Sink, Tail};

/// Offsets before the end that hold the newest update of each type. At the shortest view interval (10 ms)
/// and three types these are some seconds; at the default one, half a minute and more.
const UPDATES_REACH: i64 = 1_000;
/// Offsets before the end of a partition that hold its latest 100 alerts: each transaction takes one
/// offset for itself, so 200 would do without aborted ones.
const ALERTS_REACH: i64 = 1_000;
/// A larger record is not relayed: a client's send buffer holds up to
/// [`BUFFERED`](crate::sockets::BUFFERED) of them.
const RECORD_MAX: usize = 256 * 1024;

/// Where to read, and where to put it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// How to reach Kafka.
    pub kafka: KafkaArgs,
    /// Which topics.
    pub topics: Topics,
    /// Takes what is read.
    pub feed: Feed,
    /// Takes the totals.
    pub recent: Recent,
    /// Counts it.
    pub metrics: Metrics,
    /// Traces alerts; `None` while traces are off.
    pub traces: Option<Traces>,
}

impl Relay {
    /// Reads both topics until `shutdown`. What is missing meanwhile stands in `health`.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub async fn run(self, health: &Health, shutdown: &Shutdown) -> Result<(), WaitError> {
        let Self { kafka, topics, feed, recent, metrics, traces } = self;
        let tail = |topic: &str, option, reach| Tail {
            kafka: kafka.clone(),
            client_id: format!("{}.dashboard", topics.pipeline),
            topic: topic.to_owned(),
            option,
            reach,
            need: health.need(format!("topic {topic}")),
        };
        let updates = tail(&topics.metrics, "--metrics-topic / METRICS_TOPIC", UPDATES_REACH);
        let alerts = tail(&topics.alerts, "--alerts-topic / ALERTS_TOPIC", ALERTS_REACH);
        let to_updates = Updates { feed: feed.clone(), recent, metrics: metrics.clone() };
        let to_alerts = Alerts { feed, metrics, traces };
        tokio::try_join!(updates.follow(to_updates, shutdown), alerts.follow(to_alerts, shutdown)).map(drop)
    }
}

struct Updates {
    feed: Feed,
    recent: Recent,
    metrics: Metrics,
}

struct Alerts {
    feed: Feed,
    metrics: Metrics,
    traces: Option<Traces>,
}

/// What the relay itself needs to know of an update.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    sequence: Option<u64>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
}

impl Sink for Updates {
    fn record(&mut self, record: &Record<'_>) {
        let outcome = self.take(record.value).unwrap_or_else(|refused| refused);
        self.metrics.record("metrics", outcome);
    }

    fn caught_up(&mut self) {}
}

impl Updates {
    fn take(&self, value: &[u8]) -> Result<RecordOutcome, RecordOutcome> {
        let payload = payload(value)?;
        let head: Head<'_> = serde_json::from_str(payload.get()).map_err(|_| RecordOutcome::Invalid)?;
        let Head { kind, sequence, timestamp } = head;
        let head =
            feed::Head { kind: kind.into_owned(), sequence, timestamp: timestamp.map(Cow::into_owned) };
        let taken = self.feed.update(head, Arc::clone(&payload));
        if taken == Taken::New {
            self.recent.take(payload.get());
        }
        Ok(taken.into())
    }
}

impl Sink for Alerts {
    fn record(&mut self, record: &Record<'_>) {
        let outcome = match payload(record.value) {
            Ok(payload) => {
                self.take(record, payload);
                RecordOutcome::Relayed
            }
            Err(refused) => refused,
        };
        self.metrics.record("alerts", outcome);
    }

    fn caught_up(&mut self) {
        self.feed.alerts_loaded();
    }
}

impl Alerts {
    fn take(&self, record: &Record<'_>, payload: Payload) {
        let traces = self.traces.as_ref().filter(|_| record.live);
        let span = traces.and_then(|traces| traces.process(record.message));
        let emission = traces.zip(span.as_ref()).map(|(traces, span)| traces.emission(span));
        self.feed.alert(record.position, Alert { payload, emission }, record.live);
    }
}

/// A JSON object is relayed as it is, byte for byte: numbers of any size stay exact.
fn payload(value: &[u8]) -> Result<Payload, RecordOutcome> {
    if value.len() > RECORD_MAX {
        return Err(RecordOutcome::TooLarge);
    }
    let json: Box<RawValue> = serde_json::from_slice(value).map_err(|_| RecordOutcome::Invalid)?;
    if json.get().starts_with('{') { Ok(json.into()) } else { Err(RecordOutcome::Invalid) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Item;

    fn updates() -> Updates {
        Updates {
            feed: Feed::default(),
            recent: Recent::default(),
            metrics: Metrics::register(&prometheus::Registry::new()).unwrap(),
        }
    }

    #[test]
    fn an_update_is_relayed_byte_for_byte() {
        let updates = updates();
        let json = r#"{"type":"revenue_update","totalRevenue":170141183460469231731687303715884105727, "sequence":4}"#;
        assert_eq!(updates.take(json.as_bytes()), Ok(RecordOutcome::Relayed));
        let Some(Item::Update { payload, .. }) = updates.feed.next(&updates.feed.cursor(), false) else {
            panic!("no update");
        };
        assert_eq!(payload.get(), json);
        assert_eq!(updates.take(br#"{"type":"revenue_update","sequence":3}"#), Ok(RecordOutcome::Older));
    }

    #[test]
    fn what_is_no_update_is_not_relayed() {
        let updates = updates();
        for bad in [
            &b""[..],
            b"{}",
            b"[]",
            br#"["revenue_update",1]"#,
            br#"{"type":5}"#,
            br#"{"type":"revenue_update","sequence":-1}"#,
            br#"{"type":"revenue_update","timestamp":1}"#,
            br#"{"type":"revenue_update"} {}"#,
            b"{\"type\":\"\xff\"}",
        ] {
            assert_eq!(updates.take(bad), Err(RecordOutcome::Invalid), "{}", String::from_utf8_lossy(bad));
        }
        let large = format!(r#"{{"type":"{}"}}"#, "x".repeat(RECORD_MAX));
        assert_eq!(updates.take(large.as_bytes()), Err(RecordOutcome::TooLarge));
    }
}
