//! The first step: finds out what a look at a pipeline rests on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{Api, ResourceExt};

use super::conflict::{Claim, conflict, shared};
use super::facts::Problem;
use super::write::{RequestError, within};
use super::{Context, load};
use crate::api::{AnalyticsPipeline, AnalyticsPipelineSpec};
use crate::load::PodReport;
use crate::pipeline::Secrets;

/// What was found. Children are in memory already; what only Kafka knows is looked at where it is changed.
pub(crate) struct Fetched {
    /// The resource.
    pub resource: Arc<AnalyticsPipeline>,
    /// The Secrets that it names and that exist.
    pub secrets: Secrets,
    /// Secrets that the operator must not read.
    pub forbidden: Vec<String>,
    /// Its pods.
    pub pods: Vec<Arc<Pod>>,
    /// What they say of themselves.
    pub reports: Arc<Vec<PodReport>>,
    /// The older pipeline that has what this one wants, if there is one.
    pub conflict: Option<Problem>,
    /// Topics that other pipelines use as well, each with one of those.
    pub shared: BTreeMap<String, String>,
}

/// A Secret cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read Secret {name}")]
pub(crate) struct FetchError {
    name: String,
    #[source]
    source: RequestError,
}

/// Finds it.
///
/// # Errors
/// When the API server does not answer.
pub(crate) async fn fetch(
    context: &Context,
    resource: Arc<AnalyticsPipeline>,
) -> Result<Fetched, FetchError> {
    let namespace = resource.namespace().unwrap_or_default();
    let pods = context.watches.pods(&namespace, &resource.name_any());
    let api: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let (mut secrets, mut forbidden) = (Vec::new(), Vec::new());
    for name in named_secrets(&resource.spec) {
        match within(api.get_opt(name)).await {
            Ok(found) => secrets.extend(found),
            Err(error) if error.code() == Some(403) => forbidden.push(name.to_owned()),
            Err(source) => return Err(FetchError { name: name.to_owned(), source }),
        }
    }
    let reports = reports(context, &resource, &pods).await;
    let (own, others) = (Claim::from(resource.as_ref()), others(context, &resource));
    let shared = shared(&own, others.iter().cloned());
    let conflict = conflict(&own, others);
    let secrets = secrets.into_iter().collect();
    Ok(Fetched { resource, secrets, forbidden, pods, reports, conflict, shared })
}

async fn reports(context: &Context, resource: &AnalyticsPipeline, pods: &[Arc<Pod>]) -> Arc<Vec<PodReport>> {
    let uid = resource.uid().unwrap_or_default();
    let now = Instant::now();
    if let Some(recent) = context.memories.with(&uid, |memory| memory.load.recent(now)) {
        return recent;
    }
    let reports = Arc::new(load::ask(&context.load, pods).await);
    context.memories.with(&uid, |memory| memory.load.note(now, Arc::clone(&reports)));
    reports
}

/// All Secrets that a resource names but that of the ingress, which only the ingress controller reads.
fn named_secrets(spec: &AnalyticsPipelineSpec) -> BTreeSet<&str> {
    let kafka = &spec.kafka;
    let authority = kafka.tls.iter().filter_map(|tls| tls.ca_secret.as_ref()).map(|secret| &*secret.name);
    let own = kafka.tls.iter().filter_map(|tls| tls.client_cert_secret.as_ref()).map(|secret| &*secret.name);
    let login = kafka.sasl.iter().map(|sasl| &*sasl.secret.name);
    let redis = spec.redis.secret.iter().map(|secret| &*secret.name);
    authority.chain(own).chain(login).chain(redis).collect()
}

/// What the other pipelines claim that are there to stay.
fn others(context: &Context, resource: &AnalyticsPipeline) -> Vec<Claim> {
    let others = context.watches.pipelines.state();
    let others = others.iter().filter_map(|other| other.0.as_ref().ok());
    let others = others.filter(|other| {
        other.metadata.deletion_timestamp.is_none() && other.metadata.uid != resource.metadata.uid
    });
    others.map(Claim::from).collect()
}
