//! What a stage tells Prometheus.

use contract::{Fact, Outputs, Rejection, Rule};
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};
use runtime::metrics::{Family, Label, Maker};

use crate::error::CALLS;
use crate::restore::Restored;
use load::Load;

mod load;

/// From a record at a time to a full batch.
const BATCHES: [f64; 7] = [1.0, 4.0, 16.0, 64.0, 256.0, 512.0, 1024.0];
/// From an idle broker to the longest that a call may take.
const COMMITS: [f64; 9] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 3.0];
/// From an empty state to a large one.
const RESTORES: [f64; 9] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

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
    given_up: IntCounterVec,
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

/// What a stage registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<Vec<Family>> {
    let stage = Label::described("stage", "the stage, as `revenue-fraud`");
    Maker::describe_with(stage, Metrics::make)
}

impl Metrics {
    pub(crate) fn register(registry: &Registry, stage: &str) -> prometheus::Result<Self> {
        Self::make(&Maker::new(registry).with(Label::described("stage", "its name"), stage))
    }

    fn make(make: &Maker) -> prometheus::Result<Self> {
        let [invalid, alerts, facts] = results(make)?;
        let call = Label::known("call", CALLS);
        Ok(Self {
            orders: make.counter("orders_total", "Valid orders folded; each stage counts every order")?,
            invalid,
            alerts,
            facts,
            batch_size: make.histogram(
                "stage_batch_records",
                "Records taken from the input at a time",
                &BATCHES,
            )?,
            commits: make.counter("stage_commits_total", "Committed transactions")?,
            commit_seconds: make.histogram(
                "stage_commit_duration_seconds",
                "Time from the begin of a transaction to its commit",
                &COMMITS,
            )?,
            given_up: make.counters(
                "stage_transactions_given_up_total",
                "Failed or doubtful transactions, after which the stage restored itself",
                &[call],
            )?,
            restores: make.counter("stage_restores_total", "Restores, including those at start")?,
            restore_seconds: make.histogram(
                "stage_restore_duration_seconds",
                "Time of a restore",
                &RESTORES,
            )?,
            restored_bytes: make.gauge("stage_restored_bytes", "State read by the last restore")?,
            restored_records: make.gauge("stage_restored_records", "Records read by the last restore")?,
            refolded: make.counter("stage_refolded_orders_total", "Orders folded again by restores")?,
            rebalances: make.counters(
                "stage_rebalances_total",
                "Rebalances of the stage's group",
                &[Label::known("kind", ["assigned", "revoked", "lost", "fenced"])],
            )?,
            offset_mismatches: make.counter(
                "stage_offset_mismatches_total",
                "Partitions whose group offset differed from the progress record, which is trusted",
            )?,
            stale: make.counter("stage_stale_records_total", "Records ignored as already read")?,
            generation: make.gauge("stage_settings_generation", "Generation of the settings in force")?,
            load: Load::make(make)?,
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
        debug_assert!(
            CALLS.contains(&call),
            "{call} is not among the calls that metrics show from the start"
        );
        self.given_up.with_label_values(&[call]).inc();
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

/// What comes of orders, apart from the valid ones.
fn results(make: &Maker) -> prometheus::Result<[IntCounterVec; 3]> {
    let reason = Label::known("reason", Rejection::ALL.iter().map(|reason| reason.code()));
    let rule = Label::known("rule", Rule::ALL.iter().map(|rule| rule.id()));
    let fact = Label::known("fact", Fact::ALL.iter().map(|fact| fact.label()));
    Ok([
        make.counters("orders_invalid_total", "Invalid orders; each stage counts every one", &[reason])?,
        make.counters("alerts_total", "Alerts raised", &[rule])?,
        make.counters("fold_facts_total", "Orders that folds noticed something about", &[fact])?,
    ])
}
