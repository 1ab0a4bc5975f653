//! The Kubernetes half of apply: every child as it should be, none that should not be, and no write that changes
//! nothing.

mod error;

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::serde_json::{Value, json, to_value};
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};

pub(crate) use error::ChildError;

use super::compare::{difference, restored};
use super::handover;
use super::write::{MANAGER, RequestError, Target, Writer};
use crate::api::AnalyticsPipeline;
use crate::pipeline::Identity;
use crate::watches::{Kind, Watches};

/// Says which version of a child was applied last: what is not desired any more is only noticed by it.
const FINGERPRINT: &str = "millrace.dev/applied";

/// The API server's answer to what breaks a rule.
const UNPROCESSABLE: u16 = 422;

/// Something that is to be there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub kind: Kind,
    pub name: String,
    /// As it is applied; its fingerprint included.
    pub desired: Value,
}

/// Which pipeline this is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub uid: &'a str,
}

impl<'a> From<&'a Identity> for Owner<'a> {
    fn from(identity: &'a Identity) -> Self {
        let Identity { name, namespace, uid } = identity;
        Self { namespace, name, uid }
    }
}

/// Children that were there after an earlier look.
pub(crate) type Known = BTreeSet<(Kind, String)>;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// The Deployments as they are now.
    pub deployments: Vec<Arc<DynamicObject>>,
    /// Children that somebody else had changed or deleted: kind, name, and what was different.
    pub repaired: Vec<(Kind, String, String)>,
    /// All that are there now.
    pub known: Known,
}

impl Child {
    /// A child of this content.
    pub(crate) fn new(kind: Kind, mut desired: Value) -> Self {
        let name = desired.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let fingerprint = format!("{:016x}", xxhash_rust::xxh3::xxh3_64(desired.to_string().as_bytes()));
        desired["metadata"]["annotations"][FINGERPRINT] = json!(fingerprint);
        Self { kind, name, desired }
    }

    fn fingerprint(&self) -> Option<&str> {
        self.desired.pointer("/metadata/annotations")?.get(FINGERPRINT)?.as_str()
    }

    /// Whether `live` is the version that was applied last, so that a difference is somebody else's doing.
    fn was_applied(&self, live: &DynamicObject) -> bool {
        live.annotations().get(FINGERPRINT).map(String::as_str) == self.fingerprint()
    }
}

/// Brings all children to what they should be. With `hold_back`, Deployments that do not exist yet are not made:
/// their pods would only wait. Those of `known` that are missing were deleted by somebody.
pub(crate) async fn apply(
    writer: &Writer,
    watches: &Watches,
    owner: Owner<'_>,
    children: &[Child],
    (hold_back, known): (bool, &Known),
) -> Result<Applied, ChildError> {
    let mut applied = Applied::default();
    let mut in_order: Vec<_> = children.iter().collect();
    in_order.sort_by_key(|child| child.kind);
    for child in in_order {
        let live = find(writer, watches, owner, child).await?;
        if live.is_none() && hold_back && child.kind == Kind::Deployment {
            continue;
        }
        let of_us = (child.kind, child.name.clone());
        if live.is_none() && known.contains(&of_us) {
            applied.repaired.push((child.kind, child.name.clone(), "it was deleted".to_owned()));
        }
        let now = settle(writer, owner, child, live, &mut applied).await?;
        applied.known.insert(of_us);
        if child.kind == Kind::Deployment {
            applied.deployments.push(now);
        }
    }
    remove_others(writer, watches, owner, children).await?;
    Ok(applied)
}

/// Brings one child to what it should be and leaves all others alone.
pub(crate) async fn apply_one(
    writer: &Writer,
    watches: &Watches,
    owner: Owner<'_>,
    child: &Child,
) -> Result<(), ChildError> {
    let live = find(writer, watches, owner, child).await?;
    settle(writer, owner, child, live, &mut Applied::default()).await.map(drop)
}

/// Applies one child unless it is as it should be.
async fn settle(
    writer: &Writer,
    owner: Owner<'_>,
    child: &Child,
    live: Option<Arc<DynamicObject>>,
    applied: &mut Applied,
) -> Result<Arc<DynamicObject>, ChildError> {
    let failed = |source| ChildError::Apply { kind: child.kind, name: child.name.clone(), source };
    let resource = child.kind.resource();
    let target = Target { resource: &resource, namespace: owner.namespace, name: &child.name };
    if let Some(live) = live {
        let Some(path) = difference(&child.desired, &whole(child.kind, &live)) else { return Ok(live) };
        tracing::info!(kind = child.kind.as_str(), name = child.name, path, "differs");
        if child.was_applied(&live) {
            applied.repaired.push((child.kind, child.name.clone(), path));
        }
        if child.kind == Kind::Deployment && handover::is_due(&child.desired) {
            handover::hand_over(writer, target).await.map_err(failed)?;
        }
    }
    put(writer, target, child).await.map(Arc::new).map_err(failed)
}

/// Applies a child, and makes sure that this took effect: entries of lists are known by keys, so that one whose key
/// somebody changed stays beside the right one, or keeps the server from taking it.
async fn put(writer: &Writer, target: Target<'_>, child: &Child) -> Result<DynamicObject, RequestError> {
    match writer.apply(target, MANAGER, &child.desired).await {
        Err(error) if error.code() == Some(UNPROCESSABLE) => {
            let Some(live) = writer.read(target).await? else { return Err(error) };
            restore(writer, target, child, live).await?;
            writer.apply(target, MANAGER, &child.desired).await
        }
        applied => restore(writer, target, child, applied?).await,
    }
}

/// Writes over what keeps the child from being as desired, if something does.
async fn restore(
    writer: &Writer,
    target: Target<'_>,
    child: &Child,
    now: DynamicObject,
) -> Result<DynamicObject, RequestError> {
    let live = whole(child.kind, &now);
    let (Some(desired), Some(spec)) = (child.desired.get("spec"), live.get("spec")) else { return Ok(now) };
    if difference(desired, spec).is_none() {
        return Ok(now);
    }
    let restored = json!({
        "metadata": { "resourceVersion": now.resource_version() },
        "spec": restored(desired, spec),
    });
    writer.merge(target, &restored).await
}

/// The child as it is. Looks past what is remembered for one that seems to be missing: another may have its name.
async fn find(
    writer: &Writer,
    watches: &Watches,
    owner: Owner<'_>,
    child: &Child,
) -> Result<Option<Arc<DynamicObject>>, ChildError> {
    let known = watches.children(child.kind, owner.uid).into_iter().find(|o| o.name_any() == child.name);
    if known.is_some() {
        return Ok(known);
    }
    let resource = child.kind.resource();
    let target = Target { resource: &resource, namespace: owner.namespace, name: &child.name };
    let found = writer.read(target).await;
    let found =
        found.map_err(|source| ChildError::Read { kind: child.kind, name: child.name.clone(), source })?;
    match found {
        Some(other) if is_of_namesake(&other, owner) => {
            Err(ChildError::Leftover { kind: child.kind, name: child.name.clone() })
        }
        Some(other) if !is_ours(&other, owner) => {
            Err(ChildError::Foreign { kind: child.kind, name: child.name.clone() })
        }
        found => Ok(found.map(Arc::new)),
    }
}

/// Whether an object is the pipeline's. One that lost its owner, but still says who applied it, is taken back.
fn is_ours(object: &DynamicObject, owner: Owner<'_>) -> bool {
    let owners = object.owner_references();
    owners.iter().any(|reference| reference.uid == owner.uid)
        || (!owners.iter().any(|reference| reference.controller == Some(true))
            && object.annotations().contains_key(FINGERPRINT))
}

/// Whether an object is that of an earlier pipeline of the same name.
fn is_of_namesake(object: &DynamicObject, owner: Owner<'_>) -> bool {
    object.owner_references().iter().any(|reference| {
        reference.controller == Some(true)
            && reference.kind == AnalyticsPipeline::kind(&())
            && reference.name == owner.name
            && reference.uid != owner.uid
    })
}

/// Deletes what the pipeline owns and does not need any more.
async fn remove_others(
    writer: &Writer,
    watches: &Watches,
    owner: Owner<'_>,
    children: &[Child],
) -> Result<(), ChildError> {
    for kind in Kind::ALL {
        let needed = |name: &str| children.iter().any(|child| child.kind == kind && child.name == name);
        let others =
            watches.children(kind, owner.uid).into_iter().filter(|object| !needed(&object.name_any()));
        for object in others.filter(|object| object.metadata.deletion_timestamp.is_none()) {
            let (resource, name) = (kind.resource(), object.name_any());
            let target = Target { resource: &resource, namespace: owner.namespace, name: &name };
            let deleted = writer.delete(target, object.uid()).await;
            deleted.map_err(|source| ChildError::Delete { kind, name: name.clone(), source })?;
        }
    }
    Ok(())
}

/// An object as one value. Lists of the server do not repeat what kind their entries are.
fn whole(kind: Kind, object: &DynamicObject) -> Value {
    let mut value = object.data.clone();
    let resource = kind.resource();
    value["metadata"] = to_value(&object.metadata).unwrap_or_default();
    value["apiVersion"] = json!(resource.api_version);
    value["kind"] = json!(resource.kind);
    value
}
