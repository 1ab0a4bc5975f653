//! What the operator keeps in shape: every child, and only those.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use crate::trial::{LIMIT, Trial, condition, everything, kinds, metric, run};
use anyhow::{Context, Result, ensure};
use harness::kubernetes::{stand_in, until};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use operator::api::AnalyticsPipeline;
use operator::build::{Children, Observed, build};
use operator::pipeline::{OperatorDefaults, Pipeline, Traces};
use serde::Serialize;
use serde_json::{Value, json, to_value};

/// The children as they are to be, by kind and name.
fn wanted(trial: &Trial<'_>, resource: &AnalyticsPipeline) -> Result<BTreeMap<(String, String), Value>> {
    let defaults = OperatorDefaults {
        image: "millrace.test/millrace:1".parse()?,
        namespace: trial.space.namespace().to_owned(),
        traces: Traces::default(),
    };
    let pipeline = Pipeline::validate(resource, &defaults).expect("what the server took is valid");
    let Children { service_accounts, network_policies, budgets, deployments, services, ingresses } =
        build(&pipeline, &Observed::default());
    let mut wanted = BTreeMap::new();
    put(&mut wanted, &service_accounts)?;
    put(&mut wanted, &network_policies)?;
    put(&mut wanted, &budgets)?;
    put(&mut wanted, &deployments)?;
    put(&mut wanted, &services)?;
    put(&mut wanted, &ingresses)?;
    Ok(wanted)
}

fn put<T: Serialize>(wanted: &mut BTreeMap<(String, String), Value>, objects: &[T]) -> Result<()> {
    for object in objects {
        let object = to_value(object)?;
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        wanted.insert((text("/kind"), text("/metadata/name")), object);
    }
    Ok(())
}

#[test]
fn a_deleted_child_comes_back() {
    run("deleted", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &everything()).await?;
        trial.ready("shop").await?;
        let before = trial.children("shop").await?;
        ensure!(
            kinds().iter().all(|kind| before.keys().any(|(found, _)| *found == kind.kind)),
            "{:?}",
            before.keys()
        );
        for ((kind, name), object) in &before {
            let kinds = kinds();
            let kind = kinds.iter().find(|found| found.kind == *kind).context("a kind")?;
            trial.of_kind(kind).delete(name, &DeleteParams::background()).await?;
            until(&format!("{} {name} to be back", kind.kind), LIMIT, async || {
                let now = trial.of_kind(kind).get_opt(name).await?;
                Ok(now.is_some_and(|now| now.metadata.uid != object.metadata.uid))
            })
            .await
            .with_context(|| trial.space.operator_log())?;
        }
        trial.ready("shop").await?;
        let counted = metric(operator.admin_port(), "millrace_operator_repairs_total")?;
        let expected = u32::try_from(before.len()).map(f64::from)?;
        ensure!(counted >= expected, "{counted} repairs are counted of {expected}");
        let told = trial.events("shop", "Repaired").await?;
        ensure!(told.iter().any(|note| note.contains("it was deleted")), "{told:?}");
        operator.drain()
    });
}

#[test]
fn every_field_that_is_changed_by_hand_is_as_it_was_again() {
    run("changed", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &everything()).await?;
        let pipeline = trial.ready("shop").await?;
        let mut changed = 0;
        for ((kind, name), desired) in wanted(trial, &pipeline)? {
            // one Deployment stands for all: they are built and compared alike
            if kind == "Deployment" && name != "shop-fraud" {
                continue;
            }
            let kinds = kinds();
            let kind = kinds.iter().find(|found| found.kind == kind).context("a kind")?;
            changed += change_every_field(trial, kind, &name, &desired).await?;
        }
        println!("{changed} fields changed and repaired");
        ensure!(changed > 100, "only {changed} fields could be changed");
        operator.drain()
    });
}

/// Changes one field after the other. Returns how many the server let us change.
async fn change_every_field(
    trial: &Trial<'_>,
    kind: &ApiResource,
    name: &str,
    desired: &Value,
) -> Result<usize> {
    let api = trial.of_kind(kind);
    let mut changed = 0;
    for (path, value) in leaves(desired) {
        let live = api.get(name).await?;
        let mut other = to_value(&live)?;
        let Some(place) = other.pointer_mut(&path) else { continue };
        *place = different(&value);
        let other: DynamicObject = serde_json::from_value(other)?;
        // what the server refuses nobody can change by hand
        if api.replace(name, &PostParams::default(), &other).await.is_err() {
            continue;
        }
        changed += 1;
        until(&format!("{} {name} {path} to be {value} again", kind.kind), LIMIT, async || {
            let now = to_value(api.get(name).await?)?;
            let now = now.pointer(&path).cloned();
            ensure!(now.as_ref() == Some(&value), "it is {now:?}");
            Ok(true)
        })
        .await
        .with_context(|| trial.space.operator_log())?;
    }
    Ok(changed)
}

/// Every value that is neither list nor object, with its path. Who the owner is decides whether the object lives at all:
/// that is tried apart.
fn leaves(value: &Value) -> Vec<(String, Value)> {
    let below = |name: String, value: &Value| -> Vec<_> {
        leaves(value).into_iter().map(|(path, leaf)| (format!("/{name}{path}"), leaf)).collect()
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| {
                !["apiVersion", "kind", "name", "namespace", "ownerReferences"].contains(&name.as_str())
            })
            .flat_map(|(name, value)| below(name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(list) => {
            list.iter().enumerate().flat_map(|(index, value)| below(index.to_string(), value)).collect()
        }
        leaf => vec![(String::new(), leaf.clone())],
    }
}

fn different(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
        Value::String(text) if text.ends_with("Mi") || text.ends_with('m') => json!(format!("1{text}")),
        Value::String(text) => json!(format!("{text}x")),
        other => other.clone(),
    }
}

#[test]
fn a_child_that_lost_its_owner_and_labels_is_taken_back_and_what_others_added_stays() {
    run("lost", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        let uid = trial.create("shop", &json!({})).await?.uid();
        trial.ready("shop").await?;
        let deployments = trial.space.api::<Deployment>();
        let hand = PatchParams::default();
        let more = json!({
            "metadata": {"annotations": {"somebody.example/else": "1"}, "labels": {"team": "shop"}},
            "spec": {"minReadySeconds": 3},
        });
        deployments.patch("shop-views", &hand, &Patch::Merge(more)).await?;
        for loss in [
            json!({"metadata": {"ownerReferences": []}}),
            json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}),
            json!({"metadata": {"annotations": {"millrace.dev/applied": null}}}),
        ] {
            deployments.patch("shop-views", &hand, &Patch::Merge(&loss)).await?;
            until(&format!("{loss} to be made good"), LIMIT, async || {
                let now = deployments.get("shop-views").await?;
                let owned = now.owner_references().iter().any(|owner| Some(&owner.uid) == uid.as_ref());
                let labelled = now.labels().contains_key("app.kubernetes.io/managed-by");
                Ok(owned && labelled && now.annotations().contains_key("millrace.dev/applied"))
            })
            .await
            .with_context(|| trial.space.operator_log())?;
        }
        let views = deployments.get("shop-views").await?;
        ensure!(views.annotations().get("somebody.example/else").is_some_and(|value| value == "1"));
        ensure!(views.labels().get("team").is_some_and(|value| value == "shop"));
        ensure!(views.spec.and_then(|spec| spec.min_ready_seconds) == Some(3));
        operator.drain()
    });
}

#[test]
fn an_object_of_somebody_else_is_left_alone_and_named() {
    run("foreign", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let service =
            "apiVersion: v1\nkind: Service\nmetadata: {name: shop-dashboard}\nspec: {ports: [{port: 7}]}";
        trial.space.create_yaml(service).await?;
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({})).await?;
        let stuck = trial.until_condition("shop", "Stalled", "True", Some("NameTaken")).await?;
        let (_, _, message, _) = condition(&stuck, "Ready").context("a condition")?;
        ensure!(message.contains("Service shop-dashboard"), "{message}");
        let kinds = kinds();
        let services = trial.of_kind(&kinds[1]);
        ensure!(services.get("shop-dashboard").await?.data["spec"]["ports"][0]["port"] == 7);
        services.delete("shop-dashboard", &DeleteParams::default()).await?;
        trial.ready("shop").await?;
        operator.drain()
    });
}

#[test]
fn a_pipeline_that_is_made_anew_waits_for_what_its_namesake_left() {
    run("anew", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let mut operator = trial.operator().start()?;
        trial.create("shop", &json!({})).await?;
        trial.ready("shop").await?;
        // one child takes its time
        let kinds = kinds();
        let services = trial.of_kind(&kinds[1]);
        let hold = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        let hand = PatchParams::default();
        services.patch("shop-dashboard", &hand, &hold(json!(["test.example/held"]))).await?;
        trial.delete("shop").await?;
        let second = trial.create("shop", &json!({})).await?;
        let waits = trial.until_condition("shop", "Reconciling", "True", Some("Leftover")).await?;
        let (_, _, message, _) = condition(&waits, "Ready").context("a condition")?;
        ensure!(message.contains("Service shop-dashboard"), "{message}");
        services.patch("shop-dashboard", &hand, &hold(json!(null))).await?;
        trial.ready("shop").await?;
        let children = trial.children("shop").await?;
        let owned = children.values().all(|child| {
            let owners = child.owner_references();
            owners.iter().any(|owner| Some(&owner.uid) == second.metadata.uid.as_ref())
        });
        ensure!(owned && children.len() > 8, "{:?}", children.keys());
        // nobody has to do anything about it
        let stalled = trial.events("shop", "Stalled").await?;
        ensure!(stalled.is_empty(), "{stalled:?}");
        operator.drain()
    });
}
