//! Stands in for nodes and for the controller of Deployments: what they would write into status, written by the test.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Reports every Deployment as ready as soon as it is created or changed, until dropped.
pub struct EverythingReady {
    task: JoinHandle<()>,
}

impl EverythingReady {
    /// Begins with the Deployments that are there; `deployments` says of which namespace or of all.
    pub fn begin(deployments: Api<Deployment>) -> Self {
        let client = deployments.clone().into_client();
        let task = tokio::spawn(async move {
            let mut changes = watcher(deployments, watcher::Config::default()).applied_objects().boxed();
            loop {
                match changes.try_next().await {
                    Ok(Some(deployment)) => report_if_not_yet(&client, &deployment).await,
                    Ok(None) => return,
                    // The watcher goes on by itself.
                    Err(failure) => eprintln!("watching Deployments: {failure}"),
                }
            }
        });
        Self { task }
    }
}

impl Drop for EverythingReady {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn report_if_not_yet(client: &kube::Client, deployment: &Deployment) {
    let wanted = replicas(deployment);
    let seen = deployment.status.as_ref().map(|status| {
        (status.observed_generation, status.ready_replicas.unwrap_or(0), status.updated_replicas.unwrap_or(0))
    });
    if seen == Some((deployment.metadata.generation, wanted, wanted)) {
        return;
    }
    let namespace = deployment.metadata.namespace.as_deref().unwrap_or_default();
    let all = Api::namespaced(client.clone(), namespace);
    if let Err(failure) = report(&all, deployment, wanted).await {
        // It was deleted in the meantime, for example.
        eprintln!("reporting a Deployment as ready: {failure:#}");
    }
}

/// Says that `ready` replicas of Deployment `name` are ready, all of them of the newest template.
///
/// # Errors
/// When there is no such Deployment.
pub async fn ready(deployments: &Api<Deployment>, name: &str, ready: i32) -> Result<()> {
    let deployment = deployments.get(name).await.with_context(|| format!("Deployment {name}"))?;
    report(deployments, &deployment, ready).await
}

async fn report(deployments: &Api<Deployment>, deployment: &Deployment, ready: i32) -> Result<()> {
    let name = deployment.metadata.name.as_deref().context("a Deployment without a name")?;
    let wanted = replicas(deployment);
    let available = if ready >= wanted { "True" } else { "False" };
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str, status: &str, reason: &str| json!({"type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": time, "lastTransitionTime": time});
    let status = json!({"status": {
        "observedGeneration": deployment.metadata.generation,
        "replicas": wanted, "updatedReplicas": wanted,
        "readyReplicas": ready, "availableReplicas": ready, "unavailableReplicas": (wanted - ready).max(0),
        "conditions": [
            condition("Available", available, "MinimumReplicasAvailable"),
            condition("Progressing", "True", "NewReplicaSetAvailable"),
        ],
    }});
    deployments
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .with_context(|| format!("status of Deployment {name}"))?;
    Ok(())
}

fn replicas(deployment: &Deployment) -> i32 {
    deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

/// A pod that seems to run: created with the labels and the container of `deployment`'s template, ready at `ip`. Of its
/// containers nothing runs: what answers at `ip` is the test's.
///
/// # Errors
/// When the server refuses the pod.
pub async fn pod(pods: &Api<Pod>, deployment: &Deployment, name: &str, ip: &str) -> Result<Pod> {
    let template = &deployment.spec.as_ref().context("a Deployment without a spec")?.template;
    let labels = template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": template.spec,
    });
    let pod: Pod = serde_json::from_value(pod).context("a pod of the template")?;
    pods.create(&PostParams::default(), &pod).await.with_context(|| format!("creating pod {name}"))?;
    running(pods, name, ip, true).await
}

/// Says that pod `name` runs at `ip`, ready or not.
///
/// # Errors
/// When there is no such pod.
pub async fn running(pods: &Api<Pod>, name: &str, ip: &str, ready: bool) -> Result<Pod> {
    let pod = pods.get(name).await.with_context(|| format!("pod {name}"))?;
    let container = |container: &k8s_openapi::api::core::v1::Container| -> Value {
        json!({"name": container.name, "image": container.image.as_deref().unwrap_or_default(), "imageID": "", "ready": ready,
            "restartCount": 0, "started": true, "state": {"running": {}}})
    };
    let containers: Vec<Value> = pod.spec.iter().flat_map(|spec| &spec.containers).map(container).collect();
    let ready = if ready { "True" } else { "False" };
    let status = json!({"status": {
        "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "containerStatuses": containers,
        "conditions": [{"type": "Ready", "status": ready}, {"type": "ContainersReady", "status": ready}],
    }});
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .with_context(|| format!("status of pod {name}"))
}
