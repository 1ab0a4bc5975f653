//! What the operator measures.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use kube::ResourceExt;
use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use runtime::metrics::{Family, Label, Maker};

use crate::api::{AnalyticsPipeline, ConditionType};
use crate::watches::{Guarded, Kind};

/// From a reconcile that finds nothing to do to one that waits for a Kafka that does not answer.
const BUCKETS: [f64; 10] = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// What can fail: what is asked for, a step of the reconcile, or what it needs.
const ERRORS: [&str; 14] = [
    "Malformed",
    "Invalid",
    "Fetch",
    "Finalizer",
    "Children",
    "Status",
    "Delete",
    "Panicked",
    "Secret",
    "KafkaUnreachable",
    "KafkaClient",
    "KafkaRefused",
    "KafkaLate",
    "Settings",
];

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
    conditions: IntGaugeVec,
    /// What is set in it.
    shown: Arc<Mutex<HashSet<Series>>>,
    queue: IntGauge,
    /// What waits in it: namespace and name of each pipeline.
    queued: Arc<Mutex<HashSet<(String, String)>>>,
}

/// Namespace, name and condition of a pipeline.
type Series = [String; 3];

/// Measures a reconcile until it is dropped, however it ends.
pub struct Reconciling {
    running: IntGauge,
    seconds: Histogram,
    started: Instant,
}

/// What the operator registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<Vec<Family>> {
    Maker::describe(Metrics::make)
}

impl Metrics {
    /// Registers all of them.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::make(&Maker::new(registry))
    }

    fn make(make: &Maker) -> prometheus::Result<Self> {
        let [errors, writes, repairs] = counts(make)?;
        Ok(Self {
            reconciles: make.counter("operator_reconciles_total", "Reconciles that began")?,
            running: make.gauge("operator_reconciles_running", "Reconciles that run now")?,
            seconds: make.histogram("operator_reconcile_seconds", "How long a reconcile takes", &BUCKETS)?,
            errors,
            writes,
            repairs,
            leader: make.gauge("operator_leader", "1 while this replica leads")?,
            pipelines: make.gauge("operator_pipelines", "Pipelines that this replica looks after")?,
            conditions: conditions(make)?,
            shown: Arc::default(),
            queue: make.gauge(
                "operator_queue_pipelines",
                "Pipelines that changed, or whose objects did, and that were not looked at since",
            )?,
            queued: Arc::default(),
        })
    }

    /// A pipeline is to be looked at.
    pub fn record_queued(&self, namespace: &str, pipeline: &str) {
        self.queue(|queued| queued.insert((namespace.to_owned(), pipeline.to_owned())));
    }

    /// It is looked at, or gone.
    pub fn record_taken(&self, namespace: &str, pipeline: &str) {
        self.queue(|queued| queued.remove(&(namespace.to_owned(), pipeline.to_owned())));
    }

    fn queue(&self, change: impl FnOnce(&mut HashSet<(String, String)>) -> bool) {
        let mut queued = self.queued.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut queued);
        self.queue.set(i64::try_from(queued.len()).unwrap_or(i64::MAX));
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

    /// The pipelines that there are.
    pub fn record_pipelines(&self, pipelines: &[Arc<Guarded>]) {
        self.pipelines.set(i64::try_from(pipelines.len()).unwrap_or(i64::MAX));
        let readable = pipelines.iter().filter_map(|pipeline| pipeline.0.as_ref().ok());
        let now: HashMap<_, _> = readable.flat_map(known_conditions).collect();
        // not all taken away and set again: Prometheus may ask in between
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for gone in shown.iter().filter(|series| !now.contains_key(*series)) {
            // it was set once, so it is there
            let _ = self.conditions.remove_label_values(&gone.each_ref().map(String::as_str));
        }
        for (series, value) in &now {
            self.conditions.with_label_values(&series.each_ref().map(String::as_str)).set(*value);
        }
        *shown = now.into_keys().collect();
    }
}

/// Of a pipeline the conditions that are known, by the values of the labels.
fn known_conditions(resource: &AnalyticsPipeline) -> Vec<(Series, i64)> {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let conditions = resource.status.iter().flat_map(|status| &status.conditions);
    let known = conditions.filter_map(|condition| {
        let value = match condition.status.as_str() {
            "True" => 1,
            "False" => 0,
            _ => return None,
        };
        Some(([namespace.clone(), name.clone(), condition.type_.clone()], value))
    });
    known.collect()
}

fn conditions(make: &Maker) -> prometheus::Result<IntGaugeVec> {
    let types = ConditionType::ALL.map(ConditionType::as_str);
    make.gauges(
        "operator_pipeline_condition",
        "1 while a condition in the status of a pipeline is True, 0 while it is False, none while it is Unknown",
        &[
            Label::described("namespace", "the pipeline's namespace"),
            Label::described("pipeline", "the pipeline's name"),
            Label::known("condition", types),
        ],
    )
}

/// What went wrong, and what was written.
fn counts(make: &Maker) -> prometheus::Result<[IntCounterVec; 3]> {
    let error = Label::known("error", ERRORS);
    let kinds = || Kind::ALL.iter().map(|kind| kind.as_str());
    let what =
        Label::known("what", kinds().chain(["AnalyticsPipeline", "Pod", "topic", "group", "settings"]));
    Ok([
        make.counters("operator_reconcile_errors_total", "Reconciles that failed", &[error])?,
        make.counters("operator_writes_total", "Writes to the API server and to Kafka", &[what])?,
        make.counters(
            "operator_repairs_total",
            "Children written again because somebody else changed or deleted them",
            &[Label::known("kind", kinds())],
        )?,
    ])
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
    fn a_pipeline_waits_once_until_it_is_looked_at() {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        for name in ["a", "b", "a"] {
            metrics.record_queued("shop", name);
        }
        assert_eq!(metrics.queue.get(), 2);
        metrics.record_taken("shop", "a");
        metrics.record_taken("shop", "never");
        assert_eq!(metrics.queue.get(), 1);
    }

    fn with_ready(name: &str, status: &str) -> Arc<Guarded> {
        let mut resource = crate::fixtures::resource("minimal");
        resource.metadata.name = Some(name.to_owned());
        let condition = serde_json::json!({
            "type": "Ready", "status": status, "reason": "R", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        let conditions = vec![serde_json::from_value(condition).unwrap()];
        resource.status = Some(crate::api::PipelineStatus { conditions, ..<_>::default() });
        Arc::new(kube::core::DeserializeGuard(Ok(resource)))
    }

    #[test]
    fn conditions_are_shown_while_they_are_known_and_their_pipeline_is_there() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let shown = || {
            let families = registry.gather();
            let family =
                families.iter().find(|family| family.name().ends_with("operator_pipeline_condition"));
            let mut shown = Vec::new();
            for metric in family.map(prometheus::proto::MetricFamily::get_metric).unwrap_or_default() {
                let labels = metric.get_label();
                let pipeline = labels.iter().find(|label| label.name() == "pipeline").unwrap();
                shown.push((pipeline.value().to_owned(), metric.get_gauge().get_value() > 0.0));
            }
            shown
        };
        let named = |list: &[(&str, bool)]| -> Vec<_> {
            list.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        metrics.record_pipelines(&[with_ready("a", "True"), with_ready("b", "False")]);
        assert_eq!(shown(), named(&[("a", true), ("b", false)]));
        metrics.record_pipelines(&[with_ready("a", "Unknown"), with_ready("b", "True")]);
        assert_eq!(shown(), named(&[("b", true)]));
        metrics.record_pipelines(&[]);
        assert_eq!(shown(), []);
    }

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
