//! What pods say of themselves: who has the newest settings, how far each processor is behind, and so how many
//! replicas those should have whose replicas the operator decides on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::ProcessorName;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::facts::Acknowledged;
use super::workloads::is_of;
use crate::api::{self, LagStatus, ScalingReason, ScalingStatus};
use crate::load::{Answer, LoadReader, PodReport};
use crate::pipeline::{Pipeline, Scaling};
use crate::scaling::{Decision, History, Limits, PodLoad, decide};

/// Pods are not asked more often than this, however often there is cause to look.
const ASK_EVERY: Duration = Duration::from_millis(1_500);
/// How often replicas are decided on.
const DECIDE_EVERY: Duration = Duration::from_secs(10);
/// How often the figures in the status may change.
const SHOW_EVERY: Duration = Duration::from_secs(30);

/// What is remembered of a pipeline's pods.
#[derive(Default)]
pub(crate) struct LoadMemory {
    asked: Option<(Instant, Arc<Vec<PodReport>>)>,
    shown: Option<(Instant, BTreeMap<ProcessorName, LagStatus>)>,
    scaled: BTreeMap<ProcessorName, Scaled>,
}

/// What is remembered of one processor whose replicas the operator decides on.
#[derive(Default)]
struct Scaled {
    history: History,
    at: Option<Instant>,
    decision: Option<Decision>,
    told: Option<ScalingStatus>,
}

/// What the status says of one processor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Load {
    pub name: ProcessorName,
    pub lag: Option<LagStatus>,
    /// Whether the operator decides on the replicas.
    pub automatic: bool,
    /// The last decision, if there was one since the operator began.
    pub scaling: Option<ScalingStatus>,
}

impl LoadMemory {
    /// What the pods said a moment ago.
    pub(crate) fn recent(&self, now: Instant) -> Option<Arc<Vec<PodReport>>> {
        let (asked, reports) = self.asked.as_ref()?;
        (now.saturating_duration_since(*asked) < ASK_EVERY).then(|| Arc::clone(reports))
    }

    /// Remembers what they say now.
    pub(crate) fn note(&mut self, now: Instant, reports: Arc<Vec<PodReport>>) {
        self.asked = Some((now, reports));
    }

    /// How many replicas each processor is to have whose replicas the operator decides on. `current`: how many it has.
    pub(crate) fn decide(
        &mut self,
        pipeline: &Pipeline,
        partitions: i32,
        current: &BTreeMap<ProcessorName, i32>,
        (pods, reports): (&[Arc<Pod>], &[PodReport]),
    ) -> BTreeMap<ProcessorName, i32> {
        let now = Instant::now();
        let mut replicas = current.clone();
        self.scaled.retain(|name, _| limits(pipeline, *name, partitions).is_some());
        for processor in &pipeline.processors {
            let Some(limits) = limits(pipeline, processor.name, partitions) else { continue };
            let Some(current) = current.get(&processor.name).copied().filter(|current| *current > 0) else {
                continue;
            };
            let loads = loads(processor.name, pods, reports);
            let scaled = self.scaled.entry(processor.name).or_default();
            let decided = scaled.decide(&limits, current, &loads, now);
            replicas.insert(processor.name, decided);
        }
        replicas
    }

    /// What the status is to say. Figures change every half minute at most, and in steps.
    pub(crate) fn loads(
        &mut self,
        pipeline: &Pipeline,
        pods: &[Arc<Pod>],
        reports: &[PodReport],
    ) -> Vec<Load> {
        let now = Instant::now();
        let fresh =
            self.shown.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) < SHOW_EVERY);
        if !fresh {
            let lags = pipeline
                .processors
                .iter()
                .filter_map(|processor| Some((processor.name, lag(&loads(processor.name, pods, reports))?)));
            self.shown = Some((now, lags.collect()));
        }
        let shown = self.shown.as_ref().map(|(_, lags)| lags);
        let load = |name: ProcessorName| Load {
            name,
            lag: shown.and_then(|lags| lags.get(&name).copied()),
            automatic: limits(pipeline, name, 1).is_some(),
            scaling: self.scaled.get(&name).and_then(|scaled| scaled.told.clone()),
        };
        pipeline.processors.iter().map(|processor| load(processor.name)).collect()
    }
}

impl Scaled {
    fn decide(&mut self, limits: &Limits, current: i32, pods: &[PodLoad], now: Instant) -> i32 {
        let due = self.at.is_none_or(|at| now.saturating_duration_since(at) >= DECIDE_EVERY);
        if let Some(decision) = self.decision.as_ref().filter(|_| !due) {
            return decision.replicas;
        }
        // what somebody else has set meanwhile is no decision
        let current = self.decision.as_ref().map_or(current, |decision| decision.replicas);
        self.history.note(limits, current, pods, now);
        let decision = decide(limits, current, &self.history, pods, now);
        self.tell(current, &decision);
        self.at = Some(now);
        let replicas = decision.replicas;
        self.decision = Some(decision);
        replicas
    }

    /// The status speaks of the last change, or of why there is none: not of every look.
    fn tell(&mut self, current: i32, decision: &Decision) {
        let Decision { replicas, reason, why, numbers: _ } = decision;
        let news = |told: &ScalingStatus| *replicas != current || !same_state(told.reason, *reason);
        if self.told.as_ref().is_none_or(news) {
            let at = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
            self.told = Some(ScalingStatus {
                at: Time(at),
                from: current,
                to: *replicas,
                reason: *reason,
                why: why.clone(),
            });
        }
    }
}

/// Whether a new reason is no news while nothing changes: load moves between these all the time.
fn same_state(told: ScalingReason, now: ScalingReason) -> bool {
    use ScalingReason::{ArrivalRate, CatchUp, Stabilising};
    let usual = |reason| matches!(reason, ArrivalRate | CatchUp | Stabilising);
    told == now || (usual(told) && usual(now))
}

/// Who runs with the newest settings: of the pods that are ready. The others take them before they begin.
pub(crate) fn acknowledged(generation: u64, pods: &[Arc<Pod>], reports: &[PodReport]) -> Acknowledged {
    let ready =
        reports.iter().filter(|report| pods.iter().any(|pod| pod.name_any() == report.pod && is_ready(pod)));
    let mut found = Acknowledged { generation, by: 0, of: 0 };
    for report in ready {
        let runs_with = report.answer.as_ref().map(in_force);
        match runs_with {
            // settings mean nothing to it
            Ok(None) => {}
            Ok(Some(newest)) => {
                found.of += 1;
                found.by += usize::from(newest >= generation);
            }
            Err(_) => found.of += 1,
        }
    }
    found
}

/// The settings that a process works with: a stage may have read newer ones already.
fn in_force(answer: &Answer) -> Option<u64> {
    answer.stage.as_ref().and_then(|stage| stage.settings_generation).or(answer.settings_generation)
}

/// Whether a pod works.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|all| all.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
    ready && pod.metadata.deletion_timestamp.is_none()
}

/// What the operator may decide, if it may.
fn limits(pipeline: &Pipeline, name: ProcessorName, partitions: i32) -> Option<Limits> {
    let processor = pipeline.processors.iter().find(|processor| processor.name == name)?;
    match processor.scaling {
        Scaling::Auto { min, max, max_lag } => Some(Limits { min, max, partitions, max_lag }),
        Scaling::Fixed { .. } | Scaling::External => None,
    }
}

/// What the pods of a processor say, but for those that are on their way out.
fn loads(name: ProcessorName, pods: &[Arc<Pod>], reports: &[PodReport]) -> Vec<PodLoad> {
    let stays = |pod: &&Arc<Pod>| is_of(pod, name.as_str()) && pod.metadata.deletion_timestamp.is_none();
    let pods = pods.iter().filter(stays);
    pods.filter_map(|pod| reports.iter().find(|report| report.pod == pod.name_any()))
        .map(PodLoad::from)
        .collect()
}

/// What the pods together have not read yet; `None` while one of them does not know.
fn lag(pods: &[PodLoad]) -> Option<LagStatus> {
    let stages: Vec<_> = pods.iter().filter_map(|pod| pod.stage.as_ref().ok()).collect();
    let records: Option<u64> = stages.iter().map(|stage| stage.lag).sum();
    let oldest = stages.iter().filter_map(|stage| stage.oldest_unread_seconds).fold(0.0, f64::max);
    let age = Duration::try_from_secs_f64(oldest).unwrap_or_default();
    (!stages.is_empty()).then_some(())?;
    Some(LagStatus { records: rounded(records?), age: rounded_age(age) })
}

/// Two digits; under a hundred it is what is on its way at any moment.
fn rounded(records: u64) -> u64 {
    let digits = records.checked_ilog10().unwrap_or(0);
    if digits < 2 {
        return 0;
    }
    let step = 10_u64.pow(digits - 1);
    records / step * step
}

/// Steps of 5 s, above a minute of 30 s, above ten minutes of a minute.
fn rounded_age(age: Duration) -> api::Duration {
    let seconds = age.as_secs();
    let step = match seconds {
        0..60 => 5,
        60..600 => 30,
        600.. => 60,
    };
    api::Duration::from_millis(seconds / step * step * 1_000)
}

/// Asks the pods, unless they were asked a moment ago.
pub(crate) async fn ask(reader: &LoadReader, pods: &[Arc<Pod>]) -> Vec<PodReport> {
    let there = pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let there: Vec<Pod> = there.map(|pod| pod.as_ref().clone()).collect();
    if there.is_empty() { Vec::new() } else { reader.read(&there).await }
}

#[cfg(test)]
mod tests;
