//! Handing a Deployment's replicas over to whoever is to decide on them from now on.
//!
//! A field that the operator stops applying, and that nobody else owns, goes back to its default: one replica, in the
//! middle of the day. So it is first given, at its present value, to a field manager that never changes it; an
//! autoscaler takes it from there with its first write.

use k8s_openapi::serde_json::{Value, json};
use kube::ResourceExt;
use kube::api::DynamicObject;

use super::write::{MANAGER, REPLICAS_MANAGER, RequestError, Target, Writer, body};

/// Whether `desired` leaves the replicas to somebody else.
pub(crate) fn is_due(desired: &Value) -> bool {
    desired.pointer("/spec/replicas").is_none()
}

/// Gives up the replicas of the Deployment, if they are ours.
pub(crate) async fn hand_over(writer: &Writer, target: Target<'_>) -> Result<(), RequestError> {
    let Some(live) = writer.read(target).await? else { return Ok(()) };
    let Some(replicas) = ours(&live) else { return Ok(()) };
    let mut handed = body(target);
    handed["spec"] = json!({ "replicas": replicas });
    writer.apply(target, REPLICAS_MANAGER, &handed).await?;
    tracing::info!(name = target.name, replicas, "handed replicas over");
    Ok(())
}

/// The replicas, if the operator owns them and the one they are handed to does not yet. From zero, where pausing had
/// brought them, nobody would scale up again: then one.
fn ours(live: &DynamicObject) -> Option<i64> {
    let owns = |manager: &str| {
        live.managed_fields().iter().any(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
            entry.manager.as_deref() == Some(manager)
                && fields.is_some_and(|fields| fields.pointer("/f:spec/f:replicas").is_some())
        })
    };
    let replicas = live.data.pointer("/spec/replicas").and_then(Value::as_i64)?;
    (owns(MANAGER) && !owns(REPLICAS_MANAGER)).then_some(replicas.max(1))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::serde_json::from_value;

    use super::*;

    fn deployment(replicas: i64, owners: &[&str]) -> DynamicObject {
        let entries: Vec<_> = owners
            .iter()
            .map(|owner| json!({"manager": owner, "fieldsV1": {"f:spec": {"f:replicas": {}}}}))
            .collect();
        from_value(json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a", "managedFields": entries},
            "spec": {"replicas": replicas},
        }))
        .unwrap()
    }

    #[test]
    fn only_own_replicas_are_handed_over_and_only_once() {
        assert_eq!(ours(&deployment(3, &[MANAGER])), Some(3));
        assert_eq!(ours(&deployment(3, &[MANAGER, REPLICAS_MANAGER])), None);
        assert_eq!(ours(&deployment(3, &["kube-controller-manager"])), None);
        assert_eq!(ours(&deployment(3, &[])), None);
    }

    #[test]
    fn after_a_pause_there_is_one_to_begin_with() {
        assert_eq!(ours(&deployment(0, &[MANAGER])), Some(1));
    }
}
