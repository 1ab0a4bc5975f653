//! What the views process measures.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};
use runtime::metrics::{Family, Label, Maker};

use crate::fence::Cause;
use shop::Shop;

mod shop;

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
    written: Gauge,
    shop: Shop,
}

/// What the views process registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<Vec<Family>> {
    Maker::describe(Metrics::make)
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
        Self::make(&Maker::new(registry))
    }

    fn make(make: &Maker) -> Result<Self, prometheus::Error> {
        let causes = Cause::HEALINGS.iter().map(|cause| cause.label());
        Ok(Self {
            freshness: make.histogram(
                "views_freshness_seconds",
                "Age of the newest state transaction when what it changed was in the store",
                &BUCKETS,
            )?,
            healings: make.counters(
                "views_healings_total",
                "Times everything was written again",
                &[Label::known("cause", causes)],
            )?,
            requests: make.histograms(
                "views_store_request_seconds",
                "How long the store takes to answer",
                &BUCKETS,
                &[Label::known("request", ["fence", "list", "write"])],
            )?,
            failures: make.counter("views_store_failures_total", "Requests to the store that failed")?,
            batches: make.counter("views_batches_total", "Batches written to the store")?,
            keys: make.gauge("views_keys", "Keys the store is to hold")?,
            standby: make.gauge("views_standby", "1 while another process writes the store")?,
            updates: make.counters(
                "views_updates_total",
                "Updates delivered to the metrics topic",
                &[Label::known("type", ["revenue_update", "trend_update"])],
            )?,
            update_failures: make
                .counter("views_update_failures_total", "Updates that could not be delivered")?,
            torn: make
                .counter("views_torn_total", "Gaps in state partitions: compacted or aborted transactions")?,
            restarts: make.counter("views_tail_restarts_total", "Times a state topic was read anew")?,
            written: make.float_gauge(
                "views_written_timestamp_seconds",
                "When the newest state was committed whose results are in the store; 0 before the first",
            )?,
            shop: Shop::make(make)?,
        })
    }

    /// A batch with what a transaction of `newest` (ms since the Unix epoch) changed is in the store.
    pub(crate) fn record_batch(&self, newest: Option<i64>) {
        self.batches.inc();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if let Some(written) = self.note_newest(newest) {
            self.freshness.observe(now.saturating_sub(written).as_secs_f64());
        }
    }

    fn note_newest(&self, newest: Option<i64>) -> Option<Duration> {
        let written = newest.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)?;
        self.written.set(written.as_secs_f64());
        Some(written)
    }

    /// How long ago the newest state was committed that the store shows; `None` before the first.
    pub(crate) fn newest_written_ago(&self) -> Option<Duration> {
        let written = Some(self.written.get()).filter(|seconds| *seconds > 0.0)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(now.saturating_sub(Duration::from_secs_f64(written)))
    }

    /// How often everything was written again.
    pub(crate) fn healings(&self) -> u64 {
        Cause::HEALINGS.iter().map(|cause| self.healings.with_label_values(&[cause.label()]).get()).sum()
    }

    /// These keys are in the store, those are not.
    pub(crate) fn record_written(&self, sets: &[(String, String)], deletes: &[String]) {
        self.shop.record(sets, deletes);
    }

    /// Everything up to `newest` was written. The very first time is no healing.
    pub(crate) fn record_rewrite(&self, cause: Cause, newest: Option<i64>) {
        self.note_newest(newest);
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
        if standby {
            self.shop.forget();
        }
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
