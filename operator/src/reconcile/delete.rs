//! What happens when a pipeline is deleted.
//!
//! # Expected flow
//! With `Retain` nothing: Kubernetes removes what the pipeline owns. With `Delete` a finalizer holds the resource until
//! its pods are gone (they would make topics and keys again), then the keys in Redis, the consumer groups and the topics
//! are deleted, then it lets go.
//!
//! # Guarantees
//! Never stuck: after a deadline it lets go and says what is left. In a namespace that is being deleted nothing is made
//! and nothing is waited for.
//!
//! # Caveats
//! While no operator runs, a resource with the finalizer stays; removing the finalizer by hand lets it go.

mod decide;
mod finalizer;
mod kafka;
mod purge;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Resource, ResourceExt};

pub(crate) use finalizer::{FINALIZER, FinalizerError, keep as keep_finalizer};

use super::apply::connection;
use super::children::ChildError;
use super::fetch::{FetchError, Fetched, fetch};
use super::lanes::Lane;
use super::write::{RequestError, Target, within};
use super::{Context, workloads};
use crate::api::AnalyticsPipeline;
use crate::build::{Observed, build};
use crate::events::Happening;
use crate::pipeline::Pipeline;
use crate::watches::{Guarded, Kind};
use decide::{NAMESPACE_GOES, Policy, Purge, Remains, Step, next};
use kafka::{Removal, Removed};

/// How soon it is looked at again while something is waited for; pods that end give cause to look anyway.
const PERIOD: Duration = Duration::from_secs(2);

/// How soon it is tried again to let a resource go that cannot be read. A change of it gives cause to look anyway.
const UNREAD_PERIOD: Duration = Duration::from_mins(1);

/// The API server checks a resource as a whole, whatever is changed in it.
const NOT_EVEN_LET_GO: &str = "it cannot be read, and the API server takes no change of it that leaves it invalid: make its \
                               spec valid (kubectl edit), and it is deleted as it says";

/// What is left of a resource that does not say where it is.
const EVERYTHING: &str = "all of its topics, consumer groups and keys in Redis";

/// Why a step of the deletion failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteError {
    /// What is there cannot be found out.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A workload does not go.
    #[error("cannot delete Deployment {name}")]
    Workload {
        name: String,
        #[source]
        source: RequestError,
    },
    /// The workload that deletes the keys cannot be made.
    #[error(transparent)]
    Purge(#[from] ChildError),
    /// The resource cannot be let go.
    #[error(transparent)]
    Finalizer(#[from] FinalizerError),
}

/// A deletion that waits for something.
pub(crate) struct Waiting {
    /// For what.
    pub why: String,
    /// When to look again.
    pub again: Duration,
}

/// Takes the next step; `None` when the resource was let go.
///
/// # Errors
/// When a step failed.
pub(crate) async fn delete(
    context: &Context,
    resource: Arc<AnalyticsPipeline>,
) -> Result<Option<Waiting>, DeleteError> {
    let mut fetched = fetch(context, resource).await?;
    let resource = Arc::clone(&fetched.resource);
    let pipeline = Pipeline::validate(&resource, &context.defaults).ok();
    let policy = Policy::of(&resource.spec.deletion);
    let mut deletion = Deletion { context, fetched: &mut fetched, pipeline, policy };
    let going = deletion.namespace_is_going().await;
    let remains = deletion.remains(going, waited(&resource.metadata).unwrap_or_default());
    let step = next(policy, &remains, context.timing.deletion_deadline);
    tracing::info!(pipeline = resource.name_any(), ?step, "deleting");
    deletion.take(step).await
}

/// Lets a resource go that cannot be read, after the deadline: until then somebody may mend it, and only then is it known
/// where its Kafka and its Redis are. Returns what it waits for else, in a word and in a sentence; `None` when there is
/// nothing to wait for.
///
/// # Errors
/// When it cannot be let go.
pub(crate) async fn let_go_unread(
    context: &Context,
    guarded: &Guarded,
) -> Result<Option<(&'static str, Waiting)>, DeleteError> {
    let metadata = guarded.meta();
    let held = guarded.finalizers().iter().any(|name| name == FINALIZER);
    let Some(waited) = waited(metadata).filter(|_| held) else { return Ok(None) };
    let left = context.timing.deletion_deadline.saturating_sub(waited);
    if !left.is_zero() {
        let why = format!("it cannot be read; it is let go in {} s unless somebody mends it", left.as_secs());
        return Ok(Some(("Deleting", Waiting { why, again: left.max(PERIOD) })));
    }
    match finalizer::remove(&context.writer, metadata).await {
        Err(refused) if refused.is_invalid() => {
            let why = NOT_EVEN_LET_GO.to_owned();
            return Ok(Some(("DeletionStuck", Waiting { why, again: UNREAD_PERIOD })));
        }
        gone => gone?,
    }
    let gave_up = Happening::gave_up("the resource cannot be read", &[EVERYTHING.to_owned()]);
    context.events.publish(&guarded.object_ref(&()), gave_up).await;
    Ok(None)
}

/// How long ago the deletion was asked for, if it was.
fn waited(metadata: &ObjectMeta) -> Option<Duration> {
    let asked = metadata.deletion_timestamp.as_ref()?;
    Some(Duration::try_from(Timestamp::now().duration_since(asked.0)).unwrap_or_default())
}

/// One look at a pipeline that is being deleted.
struct Deletion<'a> {
    context: &'a Context,
    fetched: &'a mut Fetched,
    /// `None` when the resource is not valid: then nobody knows where its Kafka is.
    pipeline: Option<Pipeline>,
    policy: Policy,
}

impl Deletion<'_> {
    fn remains(&self, namespace_is_going: bool, waited: Duration) -> Remains {
        let uid = self.fetched.resource.uid().unwrap_or_default();
        let workloads = self.context.watches.children(Kind::Deployment, &uid);
        let purge = self.purge_name();
        let pods = self.fetched.pods.iter().filter(|pod| !purge::is_purge(pod));
        let made = workloads.iter().any(|workload| workload.name_any() == purge);
        let done = self.fetched.pods.iter().any(|pod| purge::is_done(pod));
        Remains {
            namespace_is_going,
            waited,
            workloads: workloads.iter().filter(|workload| workload.name_any() != purge).count(),
            pods: pods.count(),
            purge: match (made, done) {
                (_, true) => Purge::Done,
                (true, false) => Purge::Running,
                (false, false) => Purge::Absent,
            },
        }
    }

    async fn take(&mut self, step: Step) -> Result<Option<Waiting>, DeleteError> {
        match step {
            Step::LetGo => self.let_go(None).await,
            Step::StopWorkloads => {
                self.stop_workloads().await?;
                Ok(Some(waiting("its workloads are being deleted".to_owned())))
            }
            Step::AwaitPods(pods) => Ok(Some(waiting(format!("{pods} pods are still draining")))),
            Step::StartPurge => self.start_purge().await,
            Step::AwaitPurge => Ok(Some(waiting(self.purging()))),
            Step::RemoveFromKafka => self.remove_from_kafka().await,
            Step::GiveUp { why, purged } => {
                let left = self.everything(purged);
                self.let_go(Some(Happening::gave_up(why, &left))).await
            }
        }
    }

    async fn stop_workloads(&self) -> Result<(), DeleteError> {
        let resource = &self.fetched.resource;
        let (kind, purge) = (Kind::Deployment.resource(), self.purge_name());
        let namespace = resource.namespace().unwrap_or_default();
        for workload in self.context.watches.children(Kind::Deployment, &resource.uid().unwrap_or_default()) {
            let name = workload.name_any();
            if name == purge || workload.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let target = Target { resource: &kind, namespace: &namespace, name: &name };
            let deleted = self.context.writer.delete(target, workload.uid()).await;
            deleted.map_err(|source| DeleteError::Workload { name, source })?;
        }
        Ok(())
    }

    async fn start_purge(&self) -> Result<Option<Waiting>, DeleteError> {
        let Some(pipeline) = &self.pipeline else {
            return Ok(Some(waiting(
                "the resource is not valid: nobody knows where its Redis is".to_owned(),
            )));
        };
        let observed = Observed { secrets: self.fetched.secrets.clone(), ..Observed::default() };
        let built = build(pipeline, &observed);
        match purge::start(self.context, pipeline, &built).await {
            Err(error) if error.is_namespace_going() => {
                self.let_go(Some(Happening::gave_up(NAMESPACE_GOES, &self.everything(false)))).await
            }
            started => started
                .map(|()| Some(waiting("its keys in Redis are being deleted".to_owned())))
                .map_err(DeleteError::from),
        }
    }

    async fn remove_from_kafka(&self) -> Result<Option<Waiting>, DeleteError> {
        let Some(pipeline) = &self.pipeline else {
            return Ok(Some(waiting(
                "the resource is not valid: nobody knows where its Kafka is".to_owned(),
            )));
        };
        let connection = match connection(pipeline, self.fetched) {
            Ok(connection) => connection,
            Err(problem) => return Ok(Some(waiting(problem.message))),
        };
        let (removal, metrics) = (self.removal(pipeline), self.context.metrics.clone());
        let stays = removal.stays();
        let work = move || kafka::remove(&connection, &removal, &metrics);
        match self.context.lanes.run(Lane::Suspect, work).await {
            Ok(Removed { gone, failed }) if failed.is_empty() => {
                self.let_go(Happening::deleted(&gone, &stays)).await
            }
            Ok(Removed { failed, gone: _ }) => Ok(Some(waiting(failed.join("; ")))),
            Err(late) => Ok(Some(waiting(late.to_string()))),
        }
    }

    /// What was to go, as far as it may still be there.
    fn everything(&self, purged: bool) -> Vec<String> {
        let Some(pipeline) = &self.pipeline else {
            return vec![EVERYTHING.to_owned()];
        };
        let mut left = self.removal(pipeline).names();
        if self.policy.state && !purged {
            left.push(format!("the keys in Redis that begin with {}", pipeline.redis.key_prefix));
        }
        left
    }

    fn removal(&self, pipeline: &Pipeline) -> Removal {
        Removal::of(&pipeline.topic_specs, &pipeline.topics, self.policy, &self.fetched.shared)
    }

    async fn let_go(&self, said: Option<Happening>) -> Result<Option<Waiting>, DeleteError> {
        let resource = &self.fetched.resource;
        if let Some(said) = said {
            self.context.events.publish(&resource.object_ref(&()), said).await;
        }
        finalizer::remove(&self.context.writer, &resource.metadata).await?;
        Ok(None)
    }

    /// How far the keys are.
    fn purging(&self) -> String {
        let mut pods = self.fetched.pods.iter().filter(|pod| purge::is_purge(pod));
        match pods.find_map(|pod| workloads::trouble(pod)) {
            Some(trouble) => format!("its keys in Redis cannot be deleted: {trouble}"),
            None => "its keys in Redis are being deleted".to_owned(),
        }
    }

    fn purge_name(&self) -> String {
        purge::name(&self.fetched.resource.name_any())
    }

    /// Whether the whole namespace is being deleted. Where the operator may not look, it is not.
    async fn namespace_is_going(&self) -> bool {
        let name = self.fetched.resource.namespace().unwrap_or_default();
        let api: Api<Namespace> = Api::all(self.context.client.clone());
        let found = within(api.get_opt(&name)).await.ok().flatten();
        found.is_some_and(|namespace| namespace.metadata.deletion_timestamp.is_some())
    }
}

fn waiting(why: String) -> Waiting {
    Waiting { why, again: PERIOD }
}
