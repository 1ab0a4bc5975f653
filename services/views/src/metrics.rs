//! What the views process measures.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};
use runtime::metrics::registered;

use crate::fence::Cause;

/// From a millisecond to half a minute.
const BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];

/// The facts of one views process.
#[derive(Clone)]
pub(crate) struct Metrics {
    freshness: Histogram,
    healings: IntCounterVec,
    requests: HistogramVec,
    failures: IntCounter,
    batches: IntCounter,
    keys: IntGauge,
    standby: IntGauge,
    updates: IntCounterVec,
    update_failures: IntCounter,
    torn: IntCounter,
    restarts: IntCounter,
}

/// Measures a request to the store until it is dropped.
pub(crate) struct RequestTimer {
    histogram: Histogram,
    started: Instant,
}

impl Metrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When one is registered already.
    pub(crate) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| registered(registry, IntCounter::new(name, help)?);
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        let counters = |name: &str, help: &str, label: &str| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let histogram = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
        let freshness = histogram(
            "views_freshness_seconds",
            "Age of the newest state transaction when what it changed was in the store",
        );
        let requests = histogram("views_store_request_seconds", "How long the store takes to answer");
        Ok(Self {
            freshness: registered(registry, Histogram::with_opts(freshness)?)?,
            healings: counters("views_healings_total", "Times everything was written again", "cause")?,
            requests: registered(registry, HistogramVec::new(requests, &["request"])?)?,
            failures: counter("views_store_failures_total", "Requests to the store that failed")?,
            batches: counter("views_batches_total", "Batches written to the store")?,
            keys: gauge("views_keys", "Keys the store is to hold")?,
            standby: gauge("views_standby", "1 while another process writes the store")?,
            updates: counters("views_updates_total", "Updates delivered to the metrics topic", "type")?,
            update_failures: counter("views_update_failures_total", "Updates that could not be delivered")?,
            torn: counter("views_torn_total", "Gaps in state partitions: compacted or aborted transactions")?,
            restarts: counter("views_tail_restarts_total", "Times a state topic was read anew")?,
        })
    }

    /// A batch with what a transaction of `newest` (ms since the Unix epoch) changed is in the store.
    pub(crate) fn record_batch(&self, newest: Option<i64>) {
        self.batches.inc();
        let written = newest.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if let Some(written) = written {
            self.freshness.observe(now.saturating_sub(written).as_secs_f64());
        }
    }

    /// Everything was written. The very first time is no healing.
    pub(crate) fn record_rewrite(&self, cause: Cause) {
        if cause != Cause::First {
            self.healings.with_label_values(&[cause.label()]).inc();
        }
    }

    /// A request to the store begins.
    pub(crate) fn time_request(&self, request: &'static str) -> RequestTimer {
        let histogram = self.requests.with_label_values(&[request]);
        RequestTimer { histogram, started: Instant::now() }
    }

    /// A request to the store failed.
    pub(crate) fn record_store_failure(&self) {
        self.failures.inc();
    }

    /// How many keys the store is to hold.
    pub(crate) fn record_keys(&self, keys: usize) {
        self.keys.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Whether another process writes the store.
    pub(crate) fn record_standby(&self, standby: bool) {
        self.standby.set(i64::from(standby));
    }

    /// An update was delivered.
    pub(crate) fn record_update(&self, update_type: &'static str) {
        self.updates.with_label_values(&[update_type]).inc();
    }

    /// An update could not be delivered.
    pub(crate) fn record_update_failure(&self) {
        self.update_failures.inc();
    }

    /// A state partition was torn.
    pub(crate) fn record_torn(&self) {
        self.torn.inc();
    }

    /// A state topic is read anew.
    pub(crate) fn record_restart(&self) {
        self.restarts.inc();
    }
}

impl Drop for RequestTimer {
    fn drop(&mut self) {
        self.histogram.observe(self.started.elapsed().as_secs_f64());
    }
}
