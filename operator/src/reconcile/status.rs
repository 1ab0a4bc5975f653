//! The last step: says how the pipeline is doing, if that differs from what it said.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::serde_json::{from_value, to_value};
use kube::api::{ApiResource, DynamicObject};

use super::Context;
use super::conditions;
use super::facts::{Acknowledged, Facts, Finding, Role};
use super::load::Load;
use super::write::{RequestError, Target, body};
use crate::api::{
    AnalyticsPipeline, ConditionType, PipelineStatus, ProcessorStatus, ReplicaStatus, SettingsStatus,
    TopicStatus,
};
use crate::events::Happening;
use crate::plan::since;

/// What is said beside the conditions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub topics: Vec<TopicStatus>,
    /// What each processor has to do.
    pub loads: Vec<Load>,
    /// The resource, if it can be read: what its last change means is said, too.
    pub resource: Option<Arc<AnalyticsPipeline>>,
    /// Whether the resource does not fit its definition.
    pub malformed: bool,
}

/// The status cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot update the status")]
pub(crate) struct StatusError(#[source] RequestError);

/// Writes the status if it differs. Returns what has turned, for events.
///
/// # Errors
/// When the API server does not take it.
pub(crate) async fn update(
    context: &Context,
    metadata: &ObjectMeta,
    known: Option<&PipelineStatus>,
    (facts, report): (&Facts, &Report),
) -> Result<Vec<Happening>, StatusError> {
    let before = known.cloned().unwrap_or_default();
    let generation = metadata.generation;
    if assemble(&before, generation, facts, report) == before {
        return Ok(Vec::new());
    }
    let kind = ApiResource::erase::<AnalyticsPipeline>(&());
    let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
    let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
    let target = Target { resource: &kind, namespace, name };
    // what is remembered may be older than the last write
    let Some(now) = context.writer.read(target).await.map_err(StatusError)? else { return Ok(Vec::new()) };
    if now.metadata.uid != metadata.uid {
        return Ok(Vec::new());
    }
    let before = status_of(&now).unwrap_or(before);
    let after = assemble(&before, generation, facts, report);
    if after == before {
        return Ok(Vec::new());
    }
    let mut patch = body(target);
    patch["metadata"]["uid"] = metadata.uid.clone().into();
    patch["status"] = to_value(&after).unwrap_or_default();
    let written = if report.malformed {
        context.writer.replace_status(target, &patch).await
    } else {
        context.writer.apply_status(target, &patch).await
    };
    match written {
        // deleted meanwhile
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(Vec::new()),
        Err(error) => Err(StatusError(error)),
        Ok(_) => Ok(turned(&before, &after)),
    }
}

fn status_of(object: &DynamicObject) -> Option<PipelineStatus> {
    from_value(object.data.get("status")?.clone()).ok()
}

/// The status that follows from what was found.
fn assemble(
    before: &PipelineStatus,
    generation: Option<i64>,
    facts: &Facts,
    report: &Report,
) -> PipelineStatus {
    let verdicts = facts.verdicts();
    let Report { topics, loads, resource, malformed: _ } = report;
    let planned = resource.as_ref().and_then(|resource| since(before, generation, &resource.spec).ok());
    let processors = processors(&before.processors, facts, loads);
    let lag = processors.iter().filter_map(|processor| processor.lag).max_by_key(|lag| lag.records);
    PipelineStatus {
        observed_generation: generation,
        phase: Some(conditions::phase(facts, &verdicts, before.phase)),
        conditions: conditions::stamped(&verdicts, &before.conditions, generation, now()),
        lag: lag.map(|lag| format!("{} ({})", lag.records, lag.age)),
        replicas: replicas(&processors).or_else(|| before.replicas.clone()),
        topics: if topics.is_empty() { before.topics.clone() } else { topics.clone() },
        // while nothing was looked at, what was seen last still tells something
        processors: if facts.workloads.is_none() { before.processors.clone() } else { processors },
        settings: settings(facts).or_else(|| before.settings.clone()),
        plan: planned.as_ref().map_or_else(|| before.plan.clone(), |planned| planned.plan.clone()),
        applied_spec: planned.map(|planned| planned.applied_spec).or_else(|| before.applied_spec.clone()),
    }
}

/// Whole seconds: conditions are stored so.
fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}

fn processors(before: &[ProcessorStatus], facts: &Facts, loads: &[Load]) -> Vec<ProcessorStatus> {
    let processors = facts.workloads.iter().flatten().filter(|workload| workload.role == Role::Processor);
    let status = processors.map(|workload| {
        let load = loads.iter().find(|load| load.name.as_str() == workload.component);
        let before = before.iter().find(|before| before.name == workload.component);
        let automatic = load.filter(|load| load.automatic);
        // an operator that has just begun does not know the last decision
        let told = automatic
            .map(|load| load.scaling.clone().or_else(|| before.and_then(|before| before.scaling.clone())));
        ProcessorStatus {
            name: workload.component.clone(),
            replicas: ReplicaStatus { desired: workload.desired, ready: workload.ready },
            lag: load.and_then(|load| load.lag),
            scaling: told.flatten(),
        }
    });
    status.collect()
}

fn replicas(processors: &[ProcessorStatus]) -> Option<String> {
    let sum = |of: fn(&ReplicaStatus) -> i32| -> i32 { processors.iter().map(|p| of(&p.replicas)).sum() };
    (!processors.is_empty()).then(|| format!("{}/{}", sum(|r| r.ready), sum(|r| r.desired)))
}

fn settings(facts: &Facts) -> Option<SettingsStatus> {
    match facts.settings {
        Finding::Fine(Acknowledged { generation, by, of }) => {
            Some(SettingsStatus { generation, acknowledged: format!("{by}/{of}") })
        }
        Finding::Unknown | Finding::Wrong(_) => None,
    }
}

/// What people want to hear of.
fn turned(before: &PipelineStatus, after: &PipelineStatus) -> Vec<Happening> {
    let status = |status: &PipelineStatus, kind: ConditionType| {
        let found = status.conditions.iter().find(|c| c.type_ == kind.as_str());
        found.map(|condition| (condition.status.clone(), condition.message.clone()))
    };
    let told = [
        (ConditionType::Ready, "True", "Ready", false),
        (ConditionType::Stalled, "True", "Stalled", true),
        (ConditionType::DataLoss, "True", "DataLoss", true),
        (ConditionType::KafkaReachable, "False", "KafkaUnreachable", true),
        (ConditionType::Paused, "True", "Paused", false),
    ];
    told.into_iter()
        .filter_map(|(kind, value, reason, warning)| {
            let (is, message) = status(after, kind)?;
            let was = status(before, kind).map(|(was, _)| was);
            (is == value && was.as_deref() != Some(value))
                .then(|| Happening::turned(reason, warning, message))
        })
        .collect()
}
