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
mod delete;
mod fetch;
mod handover;
mod kafka;
mod lanes;
mod load;
mod memory;
mod status;
mod topics;
mod workloads;
pub(crate) mod write;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::api::DynamicObject;
use kube::runtime::controller::Action;
use kube::{Client, Resource, ResourceExt};

pub(crate) use lanes::Lanes;
pub(crate) use memory::Memories;

use crate::api::{AnalyticsPipeline, PipelineState};
use crate::build::{Observed, build, replicas};
use crate::chain::chain;
use crate::events::{Events, Happening};
use crate::load::LoadReader;
use crate::metrics::Metrics;
use crate::pipeline::{Component, OperatorDefaults, Pipeline, Violation};
use crate::watches::{Guarded, Kind, Watches};
use apply::KafkaMemory;
use children::{Applied, ChildError};
use conditions::{Acknowledged, Facts, Finding, Problem};
use delete::{DeleteError, FinalizerError, Waiting};
use fetch::{FetchError, Fetched};
use load::{LoadMemory, acknowledged};
use memory::Failures;
use status::{Report, StatusError};
use write::Writer;

/// While replicas take new settings over, which they do within a second or two.
const SPREADING: Duration = Duration::from_secs(2);
/// Else: pods are asked for their load, by which replicas are decided on.
const IDLE: Duration = Duration::from_secs(10);
/// Whatever the cause.
const SHORTEST: Duration = Duration::from_secs(1);

/// What every look at a pipeline works with.
pub(crate) struct Context {
    pub client: Client,
    pub defaults: OperatorDefaults,
    pub timing: Timing,
    pub watches: Watches,
    pub writer: Writer,
    pub events: Events,
    pub load: LoadReader,
    pub metrics: Metrics,
    pub lanes: Lanes,
    pub memories: Memories<Memory>,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Between two looks at Kafka without cause.
    pub resync: Duration,
    /// Until a deletion lets go.
    pub deletion_deadline: Duration,
}

/// What is remembered of one pipeline.
#[derive(Default)]
pub(crate) struct Memory {
    failures: Failures,
    kafka: KafkaMemory,
    load: LoadMemory,
}

/// Why a look at a pipeline failed. The names of the variants are what the metric counts by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The resource cannot be read.
    #[error("the resource cannot be read: {0}")]
    Malformed(String),
    /// What it rests on cannot be found out.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The resource says what cannot work.
    #[error("the resource is not valid: {}", listed(.0))]
    Invalid(Vec<Violation>),
    /// It cannot be held until its deletion.
    #[error(transparent)]
    Finalizer(#[from] FinalizerError),
    /// A child cannot be made.
    #[error(transparent)]
    Children(#[from] ChildError),
    /// Its status cannot be written.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// It cannot be deleted.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// A defect of the operator.
    #[error("the look at it ended in a panic: {0}")]
    Panicked(String),
}

/// What a look comes to, as far as it gets.
#[derive(Default)]
struct Outcome {
    facts: Facts,
    report: Report,
    happenings: Vec<Happening>,
}

/// Looks at one pipeline, on a task of its own, so that a defect met there does not end all.
pub(crate) async fn reconcile(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let _measured = context.metrics.begin_reconcile();
    context.watches.ready().await;
    let look = tokio::spawn(look(Arc::clone(&guarded), Arc::clone(&context)));
    let result = look.await.unwrap_or_else(|panicked| Err(Error::Panicked(panicked.to_string())));
    if result.is_ok() {
        let uid = guarded.uid().unwrap_or_default();
        context.memories.with(&uid, |memory| memory.failures = Failures::default());
    }
    result
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
    if fetched.conflict.is_some() {
        outcome.facts.failure.clone_from(&fetched.conflict);
        return Ok(());
    }
    let observed = observed(context, &pipeline, fetched);
    let wanted = apply::children(build(&pipeline, &observed));
    let kafka = apply::apply_kafka(context, &pipeline, fetched).await;
    let hold_back = !matches!(kafka.topics, Finding::Fine(_));
    outcome.take_kafka(kafka, fetched);
    outcome.report.loads = context
        .memories
        .with(&pipeline.identity.uid, |memory| memory.load.loads(&pipeline, &fetched.pods, &fetched.reports));
    let applied = match apply::apply_children(context, &pipeline, &wanted, hold_back).await {
        Err(error) if error.is_namespace_going() => {
            let message = "the namespace is being deleted".to_owned();
            outcome.facts.failure = Some(Problem { reason: "NamespaceGoing", message, stuck: false });
            return Ok(());
        }
        applied => applied?,
    };
    for (kind, _, _) in &applied.repaired {
        context.metrics.record_repair(kind.as_str());
    }
    outcome.take_children(&pipeline, fetched, &observed, applied);
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

fn next_look(context: &Context, fetched: &Fetched, facts: &Facts) -> Action {
    let uid = fetched.resource.uid().unwrap_or_default();
    let kafka = context.memories.with(&uid, |memory| memory.kafka.next_look(context.timing.resync));
    let soon = match &facts.settings {
        Finding::Fine(Acknowledged { by, of, .. }) if by < of => SPREADING,
        _ if fetched.pods.is_empty() => context.timing.resync,
        _ => IDLE,
    };
    Action::requeue(kafka.clamp(SHORTEST, soon.max(SHORTEST)))
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

impl Outcome {
    fn take_kafka(&mut self, kafka: kafka::Outcome, fetched: &Fetched) {
        let kafka::Outcome { kafka, topics, shown, settings, happenings, error: _ } = kafka;
        self.facts.kafka = kafka;
        self.facts.topics = topics;
        self.facts.settings = match settings {
            Finding::Fine(generation) => {
                Finding::Fine(acknowledged(generation, &fetched.pods, &fetched.reports))
            }
            Finding::Wrong(problem) => Finding::Wrong(problem),
            Finding::Unknown => Finding::Unknown,
        };
        self.report.topics = shown;
        self.happenings.extend(happenings);
    }

    fn take_children(
        &mut self,
        pipeline: &Pipeline,
        fetched: &Fetched,
        observed: &Observed,
        applied: Applied,
    ) {
        let Applied { live, repaired } = applied;
        let pods = || fetched.pods.iter().map(AsRef::as_ref);
        let state = |component: Component| {
            let name = pipeline.identity.child(component);
            let of = |(kind, object): &&(Kind, Arc<DynamicObject>)| {
                *kind == Kind::Deployment && object.name_any() == name
            };
            match live.iter().find(of) {
                Some((_, deployment)) => workloads::workload(component, deployment, pods()),
                None => workloads::absent(component, replicas(pipeline, component, observed)),
            }
        };
        self.facts.workloads = pipeline.components().into_iter().map(state).collect();
        self.facts.losses = workloads::losses(pods());
        let told = repaired.iter().map(|(kind, name, what)| Happening::repaired(kind.as_str(), name, what));
        self.happenings.extend(told);
    }
}

impl Error {
    /// What the status says of it.
    fn problem(&self) -> Problem {
        let (reason, stuck) = match self {
            Self::Malformed(_) => ("Malformed", true),
            Self::Invalid(_) => ("InvalidSpec", true),
            Self::Children(ChildError::Foreign { .. }) => ("NameTaken", true),
            Self::Children(error) => ("ApplyFailed", error.is_permanent()),
            Self::Fetch(_) | Self::Finalizer(_) | Self::Status(_) | Self::Delete(_) => ("ApiServer", false),
            Self::Panicked(_) => ("Defect", false),
        };
        Problem { reason, message: chain(self), stuck }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::Fetch(_) => "Fetch",
            Self::Invalid(_) => "Invalid",
            Self::Finalizer(_) => "Finalizer",
            Self::Children(_) => "Children",
            Self::Status(_) => "Status",
            Self::Delete(_) => "Delete",
            Self::Panicked(_) => "Panicked",
        }
    }
}

fn listed(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Context {
    /// Forgets pipelines that are gone, and counts the others.
    pub(crate) fn tidy(&self) {
        let pipelines = self.watches.pipelines.state();
        self.metrics.record_pipelines(pipelines.len());
        let uids: BTreeSet<_> = pipelines.iter().filter_map(|pipeline| pipeline.uid()).collect();
        self.memories.retain(|uid| uids.contains(uid));
    }
}
