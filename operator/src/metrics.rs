//! What the operator measures.

use std::time::Instant;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use runtime::metrics::registered;

/// From a reconcile that finds nothing to do to one that waits for a Kafka that does not answer.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// The facts of one operator.
#[derive(Clone)]
pub struct Metrics {
    reconciles: IntCounter,
    running: IntGauge,
    seconds: Histogram,
    errors: IntCounterVec,
    writes: IntCounterVec,
    repairs: IntCounterVec,
    leader: IntGauge,
    pipelines: IntGauge,
}

/// Measures a reconcile until it is dropped, however it ends.
pub struct Reconciling {
    running: IntGauge,
    seconds: Histogram,
    started: Instant,
}

impl Metrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| registered(registry, IntGauge::new(name, help)?);
        let counters = |name: &str, help: &str, label: &str| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let seconds = HistogramOpts::new("operator_reconcile_seconds", "How long a reconcile takes");
        Ok(Self {
            reconciles: registered(
                registry,
                IntCounter::new("operator_reconciles_total", "Reconciles that began")?,
            )?,
            running: gauge("operator_reconciles_running", "Reconciles that run now")?,
            seconds: registered(registry, Histogram::with_opts(seconds.buckets(BUCKETS.to_vec()))?)?,
            errors: counters("operator_reconcile_errors_total", "Reconciles that failed", "error")?,
            writes: counters("operator_writes_total", "Writes to the API server and to Kafka", "what")?,
            repairs: counters(
                "operator_repairs_total",
                "Children written again because somebody else changed or deleted them",
                "kind",
            )?,
            leader: gauge("operator_leader", "1 while this replica leads")?,
            pipelines: gauge("operator_pipelines", "Pipelines that this replica looks after")?,
        })
    }

    /// A reconcile begins; it ends when the result is dropped.
    pub fn begin_reconcile(&self) -> Reconciling {
        self.reconciles.inc();
        self.running.inc();
        Reconciling { running: self.running.clone(), seconds: self.seconds.clone(), started: Instant::now() }
    }

    /// A reconcile failed; `error` is the name of the error's variant.
    pub fn record_error(&self, error: &str) {
        self.errors.with_label_values(&[error]).inc();
    }

    /// Something was written, or may have been.
    pub fn record_write(&self, what: &str) {
        self.writes.with_label_values(&[what]).inc();
    }

    /// A child was not as this operator had left it.
    pub fn record_repair(&self, kind: &str) {
        self.repairs.with_label_values(&[kind]).inc();
    }

    /// Whether this replica leads.
    pub fn record_leadership(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// How many pipelines there are.
    pub fn record_pipelines(&self, count: usize) {
        self.pipelines.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl Drop for Reconciling {
    fn drop(&mut self) {
        self.running.dec();
        self.seconds.observe(self.started.elapsed().as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reconcile_is_measured_however_it_ends() {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let guard = metrics.begin_reconcile();
        assert_eq!((metrics.running.get(), metrics.seconds.get_sample_count()), (1, 0));
        let ended = std::panic::catch_unwind(move || {
            let _guard = guard;
            std::panic::resume_unwind(Box::new("reconcile"));
        });
        assert!(ended.is_err());
        let Metrics { reconciles, running, seconds, .. } = &metrics;
        assert_eq!((reconciles.get(), running.get(), seconds.get_sample_count()), (1, 0, 1));
    }
}
