//! The operator is killed after every single write. However often that happens, what it leaves in the end is what it
//! leaves when nobody kills it.

#[path = "data/trial.rs"]
mod trial;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use harness::kubernetes::{stand_in, until};
use harness::service::Service;
use kube::api::DynamicObject;
use operator::pipeline::{OperatorDefaults, Pipeline, Traces};
use runtime::KafkaArgs;
use runtime::settings;
use serde_json::{Value, json, to_value};
use trial::{LIMIT, Trial, condition, metric, run};

/// Right after the first write: whatever is written is the last thing that this process does.
const AFTER_THE_FIRST_WRITE: &str = "2";
/// More writes than any change takes.
const MOST_KILLS: usize = 120;

/// The one that nobody kills the operator over, and the other; names of one length.
const SPARED: &str = "gamma";
const KILLED: &str = "alpha";

#[test]
fn create_change_and_delete_end_the_same_with_and_without_kills() {
    run("kills", async |trial| {
        let _ready = stand_in::EverythingReady::begin(trial.space.api());
        let deletable = json!({"deletion": {"topics": "Delete", "state": "Delete"}});
        let changed = json!({
            "topics": {"orders": {"partitions": 5}, "alerts": {"config": {"retention.ms": "1000000"}}},
            "processors": {"fraud": {"thresholds": {"highValue": 7}}, "trend": {"enabled": false}},
            "networkPolicy": {"enabled": true},
            "dashboard": {"replicas": 2},
        });
        trial.create(SPARED, &deletable).await?;
        settle(trial, SPARED).await?;
        let created = snapshot(trial, SPARED).await?;
        trial.change(SPARED, &changed).await?;
        settle(trial, SPARED).await?;
        let after = snapshot(trial, SPARED).await?;

        trial.create(KILLED, &deletable).await?;
        let creation = settle_with_kills(trial, KILLED).await?;
        same(&created, &snapshot(trial, KILLED).await?)?;
        trial.change(KILLED, &changed).await?;
        let change = settle_with_kills(trial, KILLED).await?;
        same(&after, &snapshot(trial, KILLED).await?)?;
        for stage in ["revenue", "fraud"] {
            let group = format!("{}.{KILLED}.{stage}", trial.space.namespace());
            trial.make_group(&group, &format!("{KILLED}.orders"))?;
        }
        trial.delete(KILLED).await?;
        let deletion = remove_with_kills(trial, KILLED).await?;
        println!(
            "killed after each write: {creation} of creation, {change} of a change, {deletion} of deletion"
        );
        ensure!(creation > 20 && change > 10 && deletion > 12, "too few kills");
        // and the other is as it was
        same(&after, &snapshot(trial, SPARED).await?)
    });
}

/// Lets an operator do its work.
async fn settle(trial: &Trial<'_>, name: &str) -> Result<()> {
    let mut operator = trial.operator().start()?;
    trial.ready(name).await?;
    operator.drain()
}

/// Kills the operator after each write until there is nothing left to write. Returns how often.
async fn settle_with_kills(trial: &Trial<'_>, name: &str) -> Result<usize> {
    let mut operator = trial.operator().env("MILLRACE_OPERATOR_KILL_AT", AFTER_THE_FIRST_WRITE).start()?;
    for kills in 0..MOST_KILLS {
        if outlives(trial, name, &mut operator).await? {
            operator.drain()?;
            return Ok(kills);
        }
        operator.restart()?;
    }
    bail!("still writing after {MOST_KILLS} kills: {}", trial.space.operator_log())
}

/// Whether the operator finds nothing left to write; else it is dead.
async fn outlives(trial: &Trial<'_>, name: &str, operator: &mut Service) -> Result<bool> {
    let port = operator.admin_port();
    let mut quiet = None;
    until("the operator to be killed or to be done", LIMIT, async || {
        if !operator.process().is_running()? {
            quiet = Some(false);
            return Ok(true);
        }
        let looks = metric(port, "millrace_operator_reconciles_total")?;
        let pipeline = trial.pipelines.get(name).await?;
        let ready = condition(&pipeline, "Ready").context("no condition yet")?;
        ensure!(ready.0 == "True" && ready.3 == pipeline.metadata.generation, "it says {ready:?}");
        // looks of both pipelines, and of each again when what is remembered has aged
        ensure!(looks >= 6.0, "{looks} looks");
        quiet = Some(true);
        Ok(true)
    })
    .await
    .with_context(|| trial.space.operator_log())?;
    quiet.context("neither")
}

/// The same for a deletion, whose keys a pod of the test deletes.
async fn remove_with_kills(trial: &Trial<'_>, name: &str) -> Result<usize> {
    let mut operator = trial.operator().env("MILLRACE_OPERATOR_KILL_AT", AFTER_THE_FIRST_WRITE).start()?;
    let mut purged = false;
    for kills in 0..MOST_KILLS {
        let mut gone = false;
        until("the operator to be killed or the pipeline to be gone", LIMIT, async || {
            if !purged && trial.is_purging(name).await? {
                trial.purge(name, 0).await?;
                purged = true;
            }
            gone = trial.pipelines.get_opt(name).await?.is_none();
            Ok(gone || !operator.process().is_running()?)
        })
        .await
        .with_context(|| trial.space.operator_log())?;
        if gone {
            operator.kill()?;
            ensure!(purged, "the keys were never deleted");
            ensure!(trial.topics_of(name)?.is_empty(), "topics are left");
            until("its objects to be gone", LIMIT, async || Ok(trial.children(name).await?.is_empty()))
                .await?;
            return Ok(kills);
        }
        operator.restart()?;
    }
    bail!("still there after {MOST_KILLS} kills: {}", trial.space.operator_log())
}

/// Everything that the operator left, but for what differs between any two pipelines.
async fn snapshot(trial: &Trial<'_>, name: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for ((kind, child), object) in trial.children(name).await? {
        found.insert(format!("{kind} {child}"), comparable(&object)?);
    }
    for (topic, state) in trial.topics_of(name)? {
        found.insert(format!("topic {topic}"), json!(format!("{state:?}")));
    }
    let resource = trial.pipelines.get(name).await?;
    let defaults = OperatorDefaults {
        image: "a:1".parse()?,
        namespace: "default".to_owned(),
        traces: Traces::default(),
    };
    let Ok(pipeline) = Pipeline::validate(&resource, &defaults) else { bail!("what was taken is not valid") };
    let directory = settings::read(&KafkaArgs::to(trial.kafka.brokers()), &pipeline.topics)?;
    found.insert("settings".to_owned(), json!(format!("{:?} {:?}", directory.settings, directory.owner)));
    let mut status = to_value(&resource.status)?;
    for condition in status["conditions"].as_array_mut().context("conditions")? {
        condition["lastTransitionTime"] = Value::Null;
    }
    found.insert("status".to_owned(), status);
    let renamed = |text: String| text.replace(name, "NAME");
    let renamed_all = found
        .into_iter()
        .map(|(what, value)| Ok((renamed(what), serde_json::from_str(&renamed(value.to_string()))?)));
    renamed_all.collect()
}

fn comparable(object: &DynamicObject) -> Result<Value> {
    let mut value = to_value(object)?;
    let metadata = value["metadata"].as_object_mut().context("metadata")?;
    metadata.retain(|name, _| ["labels", "annotations", "generation"].contains(&name.as_str()));
    if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.retain(|name, _| {
            name != "millrace.dev/applied" && !name.starts_with("deployment.kubernetes.io/")
        });
    }
    if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|name, _| !name.starts_with("clusterIP"));
    }
    value.as_object_mut().context("an object")?.remove("status");
    Ok(value)
}

fn same(expected: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) -> Result<()> {
    let names: Vec<_> = expected.keys().collect();
    ensure!(names == found.keys().collect::<Vec<_>>(), "expected {names:?}\nfound {:?}", found.keys());
    for (name, expected) in expected {
        let found = &found[name];
        ensure!(found == expected, "{name} is not the same\nexpected {expected:#}\nfound {found:#}");
    }
    Ok(())
}
