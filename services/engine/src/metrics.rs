//! What a stage tells Prometheus.

use contract::{Fact, Outputs, Rule};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use runtime::metrics::registered;

use crate::restore::Restored;
use load::Load;

mod load;

/// Facts about one stage, recorded by named calls.
#[derive(Clone)]
pub(crate) struct Metrics {
    orders: IntCounter,
    invalid: IntCounterVec,
    alerts: IntCounterVec,
    facts: IntCounterVec,
    batch_size: Histogram,
    commits: IntCounter,
    commit_seconds: Histogram,
    aborted: IntCounterVec,
    restores: IntCounter,
    restore_seconds: Histogram,
    restored_bytes: IntGauge,
    restored_records: IntGauge,
    refolded: IntCounter,
    rebalances: IntCounterVec,
    offset_mismatches: IntCounter,
    stale: IntCounter,
    generation: IntGauge,
    load: Load,
}

impl Metrics {
    pub(crate) fn register(registry: &Registry, stage: &str) -> prometheus::Result<Self> {
        let make = Maker { registry, stage };
        Ok(Self {
            orders: make.counter("orders_total", "Valid orders folded")?,
            invalid: make.counters("orders_invalid_total", "Invalid orders, by reason", "reason")?,
            alerts: make.counters("alerts_total", "Alerts raised, by rule", "rule")?,
            facts: make.counters("fold_facts_total", "What folds noticed, by kind", "fact")?,
            batch_size: make.histogram(
                "stage_batch_records",
                "Records taken from the input at a time",
                vec![1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0],
            )?,
            commits: make.counter("stage_commits_total", "Committed transactions")?,
            commit_seconds: make.histogram(
                "stage_commit_duration_seconds",
                "Time from the begin of a transaction to its commit",
                vec![0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 3.0],
            )?,
            aborted: make.counters(
                "stage_transactions_given_up_total",
                "Failed or doubtful transactions, after which the stage restored itself, by failed call",
                "call",
            )?,
            restores: make.counter("stage_restores_total", "Restores, including those at start")?,
            restore_seconds: make.histogram(
                "stage_restore_duration_seconds",
                "Time of a restore",
                vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
            )?,
            restored_bytes: make.gauge("stage_restored_bytes", "State read by the last restore")?,
            restored_records: make.gauge("stage_restored_records", "Records read by the last restore")?,
            refolded: make.counter("stage_refolded_orders_total", "Orders folded again by restores")?,
            rebalances: make.counters("stage_rebalances_total", "Rebalances, by kind", "kind")?,
            offset_mismatches: make.counter(
                "stage_offset_mismatches_total",
                "Partitions whose group offset differed from the progress record, which is trusted",
            )?,
            stale: make.counter("stage_stale_records_total", "Records ignored as already read")?,
            generation: make.gauge("stage_settings_generation", "Generation of the settings in force")?,
            load: Load::register(&make)?,
        })
    }

    pub(crate) fn record_batch(&self, records: usize, orders: u64) {
        self.batch_size.observe(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
        self.orders.inc_by(orders);
    }

    pub(crate) fn record_invalid(&self, reason: &str) {
        self.invalid.with_label_values(&[reason]).inc();
    }

    pub(crate) fn record_stale(&self) {
        self.stale.inc();
    }

    /// Called with what a commit has just made visible.
    pub(crate) fn record_outputs(&self, outputs: &Outputs) {
        for rule in Rule::ALL {
            let raised = outputs.alerts().filter(|alert| alert.rule == rule).count();
            self.alerts.with_label_values(&[rule.id()]).inc_by(raised as u64);
        }
        for fact in Fact::ALL {
            self.facts.with_label_values(&[fact.label()]).inc_by(outputs.facts(fact));
        }
    }

    pub(crate) fn record_commit(&self, seconds: f64) {
        self.commits.inc();
        self.commit_seconds.observe(seconds);
    }

    pub(crate) fn record_given_up(&self, call: &str) {
        self.aborted.with_label_values(&[call]).inc();
    }

    pub(crate) fn record_restore(&self, restored: &Restored) {
        self.restores.inc();
        self.restore_seconds.observe(restored.seconds);
        self.restored_bytes.set(i64::try_from(restored.state_bytes).unwrap_or(i64::MAX));
        self.restored_records.set(i64::try_from(restored.state_records).unwrap_or(i64::MAX));
        self.refolded.inc_by(restored.refolded);
    }

    pub(crate) fn record_rebalance(&self, kind: &str) {
        self.rebalances.with_label_values(&[kind]).inc();
    }

    pub(crate) fn record_offset_mismatch(&self) {
        self.offset_mismatches.inc();
    }

    pub(crate) fn record_settings(&self, generation: u64) {
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
    }
}

/// Registers metrics with the stage as a constant label.
struct Maker<'a> {
    registry: &'a Registry,
    stage: &'a str,
}

impl Maker<'_> {
    fn opts(&self, name: &str, help: &str) -> Opts {
        Opts::new(name, help).const_label("stage", self.stage)
    }

    fn put<C: prometheus::core::Collector + Clone + 'static>(&self, collector: C) -> prometheus::Result<C> {
        registered(self.registry, collector)
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.put(IntCounter::with_opts(self.opts(name, help))?)
    }

    fn float_counter(&self, name: &str, help: &str) -> prometheus::Result<prometheus::Counter> {
        self.put(prometheus::Counter::with_opts(self.opts(name, help))?)
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.put(IntCounterVec::new(self.opts(name, help), &[label])?)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.put(IntGauge::with_opts(self.opts(name, help))?)
    }

    fn float_gauge(&self, name: &str, help: &str) -> prometheus::Result<prometheus::Gauge> {
        self.put(prometheus::Gauge::with_opts(self.opts(name, help))?)
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntGaugeVec> {
        self.put(IntGaugeVec::new(self.opts(name, help), &[label])?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> prometheus::Result<Histogram> {
        let opts = HistogramOpts::new(name, help).const_label("stage", self.stage).buckets(buckets);
        self.put(Histogram::with_opts(opts)?)
    }
}
