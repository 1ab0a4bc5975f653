//! Deleting a pipeline's keys in Redis.
//!
//! A pod of the views' own template does it: where Redis lets the views in, it lets this in, with the same Secrets, TLS
//! and network rules, and the operator needs no way to Redis at all.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::serde_json::{Value, json, to_value};
use kube::ResourceExt;

use crate::build::Children;
use crate::pipeline::{Component, Pipeline};
use crate::reconcile::Context;
use crate::reconcile::children::{self, Child, ChildError, Owner};
use crate::watches::Kind;

/// On the Deployment and its pods. All their other labels are those of the views, so that network rules hold.
const LABEL: &str = "millrace.dev/purge";
/// Makes `millrace views` delete what it wrote, and end.
const OPTION: &str = "--purge";

/// The name of the Deployment.
pub(super) fn name(pipeline: &str) -> String {
    format!("{pipeline}-purge")
}

/// Makes the Deployment. It stays until the pipeline is let go: its pod's end is what says that the keys are gone.
pub(super) async fn start(
    context: &Context,
    pipeline: &Pipeline,
    built: &Children,
) -> Result<(), ChildError> {
    let views = pipeline.identity.child(Component::Views);
    let views = built.deployments.iter().find(|deployment| deployment.metadata.name.as_ref() == Some(&views));
    let Some(views) = views else { return Ok(()) };
    let child = Child::new(
        Kind::Deployment,
        turned(to_value(views).unwrap_or_default(), &name(&pipeline.identity.name)),
    );
    let owner = Owner::from(&pipeline.identity);
    children::apply_one(&context.writer, &context.watches, owner, &child).await
}

/// The views' Deployment as one that deletes keys.
fn turned(mut views: Value, name: &str) -> Value {
    views["metadata"]["name"] = json!(name);
    for labels in ["/metadata/labels", "/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        if let Some(labels) = views.pointer_mut(labels) {
            labels[LABEL] = json!("true");
        }
    }
    if let Some(Value::Array(args)) = views.pointer_mut("/spec/template/spec/containers/0/args") {
        args.push(json!(OPTION));
    }
    views
}

/// Whether this pod is one that deletes keys.
pub(super) fn is_purge(pod: &Pod) -> bool {
    pod.labels().contains_key(LABEL)
}

/// Whether this pod has deleted the keys.
pub(super) fn is_done(pod: &Pod) -> bool {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let states = containers.flat_map(|container| [container.state.as_ref(), container.last_state.as_ref()]);
    let mut ended = states.flatten().filter_map(|state| state.terminated.as_ref());
    is_purge(pod) && ended.any(|terminated| terminated.exit_code == 0)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::serde_json::from_value;

    use super::*;

    #[test]
    fn only_a_purge_that_ended_well_is_done() {
        let pod = |label: &str, state: Value| -> Pod {
            from_value(json!({
                "metadata": {"labels": {label: "true"}},
                "status": {"containerStatuses": [{
                    "name": "a", "image": "i", "imageID": "", "ready": false, "restartCount": 1, "lastState": state
                }]},
            }))
            .unwrap()
        };
        let ended = |code: i32| json!({"terminated": {"exitCode": code}});
        assert!(is_done(&pod(LABEL, ended(0))));
        assert!(!is_done(&pod(LABEL, ended(1))));
        assert!(!is_done(&pod(LABEL, json!({"running": {}}))));
        assert!(!is_done(&pod("other", ended(0))));
    }

    #[test]
    fn the_template_of_the_views_is_turned() {
        let labels = json!({"app.kubernetes.io/component": "views"});
        let views = json!({
            "metadata": {"name": "shop-views", "labels": labels},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"args": ["views"]}]}},
            },
        });
        let purge = turned(views, "shop-purge");
        let labels = json!({"app.kubernetes.io/component": "views", "millrace.dev/purge": "true"});
        let expected = json!({
            "metadata": {"name": "shop-purge", "labels": labels},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"args": ["views", "--purge"]}]}},
            },
        });
        assert_eq!(purge, expected);
    }
}
