//! What the operator follows: pipelines, what it made for them, and their pods. Everything is kept in memory, so that
//! a reconcile that finds nothing to do asks the API server nothing.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use futures::stream::{BoxStream, SelectAll};
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject};
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt;
use kube::runtime::controller::{ReconcileRequest, trigger_self, trigger_with};
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::utils::predicates;
use kube::runtime::utils::{Predicate, PredicateConfig};
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::api::AnalyticsPipeline;
use crate::build::{INSTANCE, MANAGED_BY, OPERATOR};
use crate::metrics::Metrics;

/// A pipeline, or what keeps it from being read: one malformed object must not end the watch of all.
pub(crate) type Guarded = DeserializeGuard<AnalyticsPipeline>;

/// Why a pipeline is to be looked at.
pub(crate) type Triggers = SelectAll<BoxStream<'static, Trigger>>;
type Trigger = Result<ReconcileRequest<Guarded>, watcher::Error>;

/// The kinds of objects that the operator makes, in the order in which they are made: what a pod refers to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    ServiceAccount,
    Service,
    NetworkPolicy,
    PodDisruptionBudget,
    Deployment,
    Ingress,
}

/// What is known without asking.
pub(crate) struct Watches {
    pub pipelines: Store<Guarded>,
    pub pods: Store<Pod>,
    children: BTreeMap<Kind, Store<DynamicObject>>,
    /// Of each store, whether it holds everything that there was at start. Stores can be asked that too, but they wake
    /// only the last of several who wait.
    complete: Vec<Complete>,
}

/// Turns true once a store is complete.
type Complete = watch::Receiver<bool>;

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::ServiceAccount,
        Self::Service,
        Self::NetworkPolicy,
        Self::PodDisruptionBudget,
        Self::Deployment,
        Self::Ingress,
    ];

    /// How the API server calls it.
    pub(crate) fn resource(self) -> ApiResource {
        match self {
            Self::ServiceAccount => ApiResource::erase::<ServiceAccount>(&()),
            Self::Service => ApiResource::erase::<Service>(&()),
            Self::NetworkPolicy => ApiResource::erase::<NetworkPolicy>(&()),
            Self::PodDisruptionBudget => ApiResource::erase::<PodDisruptionBudget>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::Ingress => ApiResource::erase::<Ingress>(&()),
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Service => "Service",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Deployment => "Deployment",
            Self::Ingress => "Ingress",
        }
    }
}

impl Watches {
    /// Begins to follow everything in `namespace`, or in all. Nothing happens before the triggers are polled.
    pub(crate) fn start(client: &Client, namespace: Option<&str>, metrics: Metrics) -> (Self, Triggers) {
        let mut triggers = SelectAll::new();
        let (pipelines, first, own) = pipelines(client, namespace, metrics);
        triggers.push(own.boxed());
        let (pods, second, ours) = pods(client, namespace);
        triggers.push(ours.boxed());
        let mut complete = vec![first, second];
        let mut children = BTreeMap::new();
        for kind in Kind::ALL {
            let (store, known, owned) = owned(client, namespace, kind);
            children.insert(kind, store);
            complete.push(known);
            triggers.push(owned.boxed());
        }
        (Self { pipelines, pods, children, complete }, triggers)
    }

    /// Waits until everything that there was at start is known.
    pub(crate) async fn ready(&self) {
        for complete in &self.complete {
            // an error: nobody fills the store any more, and the operator ends
            let _ = complete.clone().wait_for(|complete| *complete).await;
        }
    }

    /// What the pipeline with this uid owns, of one kind.
    pub(crate) fn children(&self, kind: Kind, uid: &str) -> Vec<std::sync::Arc<DynamicObject>> {
        let owned = |object: &DynamicObject| object.owner_references().iter().any(|owner| owner.uid == uid);
        let all = self.children.get(&kind).map(Store::state).unwrap_or_default();
        all.into_iter().filter(|object| owned(object)).collect()
    }

    /// The pods of a pipeline.
    pub(crate) fn pods(&self, namespace: &str, pipeline: &str) -> Vec<std::sync::Arc<Pod>> {
        let of = |pod: &Pod| {
            pod.namespace().as_deref() == Some(namespace)
                && pod.labels().get(INSTANCE).is_some_and(|instance| instance == pipeline)
        };
        self.pods.state().into_iter().filter(|pod| of(pod)).collect()
    }
}

/// The pipelines themselves. Status gives no cause to look, for the operator writes it, but metrics tell it at once.
fn pipelines(
    client: &Client,
    namespace: Option<&str>,
    metrics: Metrics,
) -> (Store<Guarded>, Complete, impl Stream<Item = Trigger> + use<>) {
    let api =
        namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    let (store, complete, seen) = followed::<Guarded>(api, (), Config::default(), pruned);
    let all = store.clone();
    let seen = seen.inspect_ok(move |_| metrics.record_pipelines(&all.state()));
    let changed = predicates::generation.combine(predicates::finalizers);
    let seen = seen.predicate_filter(changed, PredicateConfig::default());
    (store, complete, trigger_self(seen, ()))
}

fn owned(
    client: &Client,
    namespace: Option<&str>,
    kind: Kind,
) -> (Store<DynamicObject>, Complete, impl Stream<Item = Trigger> + use<>) {
    let resource = kind.resource();
    let api = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let (store, complete, seen) = followed::<DynamicObject>(api, resource.clone(), ours(), pruned);
    (store, complete, trigger_with(seen, |object| pipeline_of(&object)).map_ok(Into::into))
}

fn pods(
    client: &Client,
    namespace: Option<&str>,
) -> (Store<Pod>, Complete, impl Stream<Item = Trigger> + use<>) {
    let api =
        namespace.map_or_else(|| Api::all(client.clone()), |name| Api::namespaced(client.clone(), name));
    let (store, complete, seen) = followed::<Pod>(api, (), ours(), outlined);
    let pipeline = |pod: Pod| pipeline_of(&pod);
    (store, complete, trigger_with(seen, pipeline).map_ok(Into::into))
}

/// Which pipeline an object belongs to: by its owner, or, if it lost that, by its label.
fn pipeline_of<K: Resource>(object: &K) -> Option<ObjectRef<Guarded>> {
    let kind = AnalyticsPipeline::kind(&());
    let owner = object.owner_references().iter().find(|owner| owner.kind == kind).map(|owner| &owner.name);
    let name = owner.or_else(|| object.labels().get(INSTANCE))?;
    Some(ObjectRef::new(name).within(&object.namespace()?))
}

/// Everything that the operator made.
fn ours() -> Config {
    Config::default().labels(&format!("{MANAGED_BY}={OPERATOR}"))
}

/// A store, and the stream of changes that keeps it current: every object that is there, changed or gone.
fn followed<K>(
    api: Api<K>,
    kind: K::DynamicType,
    config: Config,
    prune: fn(&mut K),
) -> (Store<K>, Complete, impl Stream<Item = Result<K, watcher::Error>> + use<K>)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Eq + Hash + Clone,
{
    let writer = Writer::new(kind);
    let store = writer.as_reader();
    let (said, complete) = watch::channel(false);
    let events = watcher(api, config).default_backoff().modify(prune).reflect(writer);
    let seen = events.inspect_ok(move |event| {
        if matches!(event, watcher::Event::InitDone) {
            said.send_replace(true);
        }
    });
    (store, complete, seen.touched_objects())
}

/// Who owns which field is looked up where it matters, not kept in memory.
fn pruned<K: Resource>(object: &mut K) {
    object.meta_mut().managed_fields = None;
}

/// Of a pod only who it is, where it is and how it does.
fn outlined(pod: &mut Pod) {
    pruned(pod);
    pod.spec = None;
    pod.metadata.annotations = None;
}
