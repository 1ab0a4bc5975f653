//! One look at a pipeline, in five steps of which two are pure:
//!
//! | step | asks and changes | |
//! |---|---|---|
//! | [`fetch`] | the API server | Secrets, pods, other pipelines |
//! | [`validate`](Pipeline::validate) | nothing | from the resource to a pipeline that can work |
//! | [`build`](build::build) | nothing | from the pipeline to the objects it consists of |
//! | [`apply`] | Kafka, the API server | topics and settings, then the objects |
//! | [`status`] | the API server | how it is doing |
//!
//! # Guarantees
//! Every step can end at any point, and the next look brings it to its end. A look that finds nothing different writes
//! nothing. What is wrong with one pipeline keeps no other waiting.

mod apply;
mod children;
mod compare;
mod conditions;
mod conflict;
mod context;
mod delete;
mod error;
mod facts;
mod fetch;
mod handover;
mod kafka;
mod lanes;
mod load;
mod memory;
mod outcome;
mod status;
mod topics;
mod workloads;
pub(crate) mod write;

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

pub(crate) use context::{Context, Timing};
pub(crate) use lanes::Lanes;
pub(crate) use memory::Memories;

use crate::api::{AnalyticsPipeline, PipelineState};
use crate::build::{Observed, build};
use crate::chain::chain;
use crate::events::Happening;
use crate::pipeline::{Component, Pipeline};
use crate::watches::{Guarded, Kind};
use children::Applied;
use delete::Waiting;
use error::Error;
use facts::{Acknowledged, Facts, Finding, Problem};
use fetch::Fetched;
use memory::Failures;
use outcome::Outcome;
use status::Report;

/// While replicas take new settings over, which they do within a second or two.
const SPREADING: Duration = Duration::from_secs(2);
/// Else: pods are asked for their load, by which replicas are decided on.
const IDLE: Duration = Duration::from_secs(10);
/// Whatever the cause.
const SHORTEST: Duration = Duration::from_secs(1);

/// Looks at one pipeline, on a task of its own, so that a defect met there does not end all.
pub(crate) async fn reconcile(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let _measured = context.metrics.begin_reconcile();
    context.metrics.record_taken(&guarded.namespace().unwrap_or_default(), &guarded.name_any());
    // told to stop before everything is known, it never will be
    tokio::select! {
        () = context.shutdown.cancelled() => return Ok(Action::await_change()),
        () = context.watches.ready() => {}
    }
    let (uid, generation) = (guarded.uid().unwrap_or_default(), guarded.meta().generation);
    context.memories.with(&uid, |memory| memory.begin(generation));
    let look = tokio::spawn(look(Arc::clone(&guarded), Arc::clone(&context)));
    look.await.unwrap_or_else(|panicked| Err(Error::Panicked(panicked.to_string())))
}

/// When to look again after an error: a second later at first, five minutes in the end.
#[expect(clippy::needless_pass_by_value, reason = "the controller calls it so")]
pub(crate) fn again(guarded: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    let uid = guarded.uid().unwrap_or_default();
    let pause = context.memories.with(&uid, |memory| memory.failures.again(Instant::now()));
    context.metrics.record_error(error.kind());
    let (namespace, pipeline) = (guarded.namespace().unwrap_or_default(), guarded.name_any());
    tracing::warn!(namespace, pipeline, error = %chain(error), again_in = ?pause, "reconcile failed");
    Action::requeue(pause)
}

async fn look(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let resource = match &guarded.0 {
        Ok(resource) => Arc::new(resource.clone()),
        Err(_) if guarded.meta().deletion_timestamp.is_some() => return let_go(&context, &guarded).await,
        Err(invalid) => return malformed(&context, &guarded, &invalid.error).await,
    };
    if resource.metadata.deletion_timestamp.is_some() {
        return being_deleted(&context, resource).await;
    }
    delete::keep_finalizer(&context.writer, &resource).await?;
    let fetched = fetch::fetch(&context, Arc::clone(&resource)).await?;
    let mut outcome = Outcome::default();
    let done = steps(&context, &fetched, &mut outcome).await;
    let Outcome { mut facts, mut report, happenings } = outcome;
    report.resource = Some(Arc::clone(&resource));
    if let Err(error) = &done {
        facts.failure = Some(error.problem());
    }
    let turned =
        status::update(&context, &resource.metadata, resource.status.as_ref(), (&facts, &report)).await?;
    for happening in happenings.into_iter().chain(turned) {
        context.events.publish(&resource.object_ref(&()), happening).await;
    }
    done.map(|()| next_look(&context, &fetched, &facts))
}

/// The steps between the first and the last.
async fn steps(context: &Context, fetched: &Fetched, outcome: &mut Outcome) -> Result<(), Error> {
    let pipeline = Pipeline::validate(&fetched.resource, &context.defaults).map_err(Error::Invalid)?;
    outcome.facts.paused = pipeline.state == PipelineState::Paused;
    let observed = observed(context, &pipeline, fetched);
    // as it is now, should the look not get further
    let there = context.watches.children(Kind::Deployment, &pipeline.identity.uid);
    outcome.take_workloads(&pipeline, fetched, &observed, (&there, workloads::MISSING));
    if fetched.conflict.is_some() {
        outcome.facts.failure.clone_from(&fetched.conflict);
        return Ok(());
    }
    let wanted = apply::children(build(&pipeline, &observed));
    let kafka = apply::apply_kafka(context, &pipeline, fetched).await;
    // only what never had its topics waits for them: what ran goes on, and is repaired, without Kafka
    let ran = fetched.resource.status.as_ref().is_some_and(|status| status.settings.is_some());
    let hold_back = !ran && !matches!(kafka.topics, Finding::Fine(_));
    outcome.take_kafka(kafka, fetched);
    outcome.facts.failure = apply::redis_problem(&pipeline, fetched);
    outcome.report.loads = context
        .memories
        .with(&pipeline.identity.uid, |memory| memory.load.loads(&pipeline, &fetched.pods, &fetched.reports));
    let Applied { deployments, repaired, known: _ } =
        match apply::apply_children(context, &pipeline, &wanted, hold_back).await {
            Err(error) if error.is_namespace_going() => {
                let message = "the namespace is being deleted".to_owned();
                outcome.facts.failure = Some(Problem { reason: "NamespaceGoing", message, stuck: false });
                return Ok(());
            }
            applied => applied?,
        };
    for (kind, _, _) in &repaired {
        context.metrics.record_repair(kind.as_str());
    }
    let missing = if hold_back { workloads::HELD_BACK } else { workloads::MISSING };
    outcome.take_workloads(&pipeline, fetched, &observed, (&deployments, missing));
    let told = repaired.iter().map(|(kind, name, what)| Happening::repaired(kind.as_str(), name, what));
    outcome.happenings.extend(told);
    Ok(())
}

/// What the objects depend on beside the pipeline.
fn observed(context: &Context, pipeline: &Pipeline, fetched: &Fetched) -> Observed {
    let deployments = context.watches.children(Kind::Deployment, &pipeline.identity.uid);
    let replicas = pipeline.processors.iter().filter_map(|processor| {
        let name = pipeline.identity.child(Component::Processor(processor.name));
        let deployment = deployments.iter().find(|deployment| deployment.name_any() == name)?;
        Some((processor.name, workloads::replicas(deployment)?))
    });
    let current = replicas.collect();
    let orders = &pipeline.topic_specs.orders;
    let replicas = context.memories.with(&pipeline.identity.uid, |memory| {
        let partitions = memory.kafka.partitions(&orders.name).unwrap_or(orders.partitions);
        memory.load.decide(pipeline, partitions, &current, (&fetched.pods, &fetched.reports))
    });
    Observed { secrets: fetched.secrets.clone(), replicas }
}

/// What only somebody else can mend is left alone for longer each time, like what fails.
fn next_look(context: &Context, fetched: &Fetched, facts: &Facts) -> Action {
    let uid = fetched.resource.uid().unwrap_or_default();
    let resync = context.timing.resync;
    let soon = match &facts.settings {
        Finding::Fine(Acknowledged { by, of, .. }) if by < of => SPREADING,
        _ if fetched.pods.is_empty() => resync,
        _ => IDLE,
    };
    Action::requeue(context.memories.with(&uid, |memory| {
        if facts.is_stuck() {
            return memory.failures.again(Instant::now());
        }
        memory.failures = Failures::default();
        memory.kafka.next_look(resync).clamp(SHORTEST, soon.max(SHORTEST))
    }))
}

async fn malformed(context: &Context, guarded: &Guarded, problem: &str) -> Result<Action, Error> {
    let error = Error::Malformed(problem.to_owned());
    let facts = Facts { failure: Some(error.problem()), ..Facts::default() };
    let report = Report { malformed: true, ..Report::default() };
    let turned = match status::update(context, guarded.meta(), None, (&facts, &report)).await {
        Ok(turned) => turned,
        // then the event is all there is
        Err(refused) => {
            tracing::warn!(pipeline = guarded.name_any(), error = %chain(&refused), "cannot say so in the status");
            vec![Happening::turned("Malformed", true, error.to_string())]
        }
    };
    for happening in turned {
        context.events.publish(&guarded.object_ref(&()), happening).await;
    }
    Err(error)
}

/// Of what cannot be read not even the status can be written for certain: an event is what tells of it.
async fn let_go(context: &Context, guarded: &Guarded) -> Result<Action, Error> {
    let Some((reason, Waiting { why, again })) = delete::let_go_unread(context, guarded).await? else {
        return Ok(Action::await_change());
    };
    context.events.publish(&guarded.object_ref(&()), Happening::turned(reason, true, why)).await;
    Ok(Action::requeue(again))
}

/// Without the finalizer Kubernetes does all there is to do.
async fn being_deleted(context: &Context, resource: Arc<AnalyticsPipeline>) -> Result<Action, Error> {
    if !resource.finalizers().iter().any(|name| name == delete::FINALIZER) {
        return Ok(Action::await_change());
    }
    let Some(Waiting { why, again }) = delete::delete(context, Arc::clone(&resource)).await? else {
        return Ok(Action::await_change());
    };
    let facts = Facts { deleting: Some(why), ..Facts::default() };
    status::update(context, &resource.metadata, resource.status.as_ref(), (&facts, &Report::default()))
        .await?;
    Ok(Action::requeue(again))
}
