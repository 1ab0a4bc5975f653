//! An operator on trial: a namespace on a real API server, a real Kafka, pipelines.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::kafka::Kafka;
use harness::kubernetes::{Space, install_crd, stand_in, until};
use harness::service::Spec;
use harness::{http, kubernetes};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use operator::api::{AnalyticsPipeline, definition_yaml};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::KafkaArgs;
use runtime::topics::{Change, Cluster, Found};
use serde_json::{Value, json};

/// However busy the machine is.
pub const LIMIT: Duration = Duration::from_mins(2);

/// A namespace with a Kafka, in which pipelines come and go.
pub struct Trial<'a> {
    pub space: &'a Space<'a>,
    pub kafka: Kafka,
    pub pipelines: Api<AnalyticsPipeline>,
}

impl<'a> Trial<'a> {
    pub async fn begin(space: &'a Space<'a>) -> Result<Self> {
        install_crd(&space.client(), &definition_yaml()?).await?;
        Ok(Self { space, kafka: Kafka::start(space.case())?, pipelines: space.api() })
    }

    /// The operator, which looks at Kafka every two seconds without cause.
    pub fn operator(&self) -> Spec {
        let program = Path::new(env!("CARGO_BIN_EXE_millrace-operator"));
        self.space.operator(program).env("RESYNC", "2s").env("POD_NAME", "on-trial")
    }

    /// A spec on the trial's Kafka with topics of its own; `more` is put over it.
    pub fn spec(&self, name: &str, more: &Value) -> Value {
        let topic = |suffix: &str| json!({"name": format!("{name}.{suffix}")});
        let mut spec = json!({
            "kafka": {"bootstrapServers": self.kafka.brokers()},
            "redis": {"url": "redis://127.0.0.1:6379"},
            "topics": {
                "orders": topic("orders"), "metrics": topic("metrics"),
                "alerts": topic("alerts"), "deadLetters": topic("dead"),
            },
        });
        merge(&mut spec, more);
        spec
    }

    /// Creates a pipeline.
    pub async fn create(&self, name: &str, more: &Value) -> Result<AnalyticsPipeline> {
        let spec = serde_json::from_value(self.spec(name, more)).context("a spec")?;
        let created =
            self.pipelines.create(&PostParams::default(), &AnalyticsPipeline::new(name, spec)).await;
        created.with_context(|| format!("creating pipeline {name}"))
    }

    /// Changes a pipeline's spec.
    pub async fn change(&self, name: &str, spec: &Value) -> Result<AnalyticsPipeline> {
        let patch = Patch::Merge(json!({ "spec": spec }));
        let changed = self.pipelines.patch(name, &PatchParams::default(), &patch).await;
        changed.with_context(|| format!("changing pipeline {name}"))
    }

    /// Deletes a pipeline; does not wait until it is gone.
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.pipelines.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Waits until the pipeline is ready at its newest generation.
    pub async fn ready(&self, name: &str) -> Result<AnalyticsPipeline> {
        self.until_condition(name, "Ready", "True", None).await
    }

    /// Waits until a condition of the newest generation has a status, and a reason if one is given.
    pub async fn until_condition(
        &self,
        name: &str,
        kind: &str,
        status: &str,
        reason: Option<&str>,
    ) -> Result<AnalyticsPipeline> {
        let what = format!("{kind}={status} {} of {name}", reason.unwrap_or_default());
        let met = async || {
            let pipeline = self.pipelines.get(name).await?;
            let generation = pipeline.metadata.generation;
            let (is, why, message, seen) = condition(&pipeline, kind).unwrap_or_default();
            let met = is == status && reason.is_none_or(|reason| reason == why) && seen == generation;
            ensure!(met, "it is {is} {why} at {seen:?} of {generation:?}: {message}");
            Ok(true)
        };
        until(&what, LIMIT, met).await.with_context(|| self.space.operator_log())?;
        Ok(self.pipelines.get(name).await?)
    }

    /// All objects that the operator made for a pipeline, by kind and name.
    pub async fn children(&self, pipeline: &str) -> Result<BTreeMap<(String, String), DynamicObject>> {
        let mut children = BTreeMap::new();
        let ours = ListParams::default().labels(&format!(
            "app.kubernetes.io/managed-by=millrace-operator,app.kubernetes.io/instance={pipeline}"
        ));
        for kind in kinds() {
            let found =
                self.of_kind(&kind).list(&ours).await.with_context(|| format!("listing {}", kind.kind))?;
            children.extend(found.into_iter().map(|object| ((kind.kind.clone(), object.name_any()), object)));
        }
        Ok(children)
    }

    /// Objects of one kind.
    pub fn of_kind(&self, kind: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.space.client(), self.space.namespace(), kind)
    }

    /// Notes of events of one reason about a pipeline.
    pub async fn events(&self, pipeline: &str, reason: &str) -> Result<Vec<String>> {
        let events = self.space.api::<Event>().list(&ListParams::default()).await?.into_iter();
        let about = events.filter(|event| {
            event.reason.as_deref() == Some(reason)
                && event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(pipeline)
        });
        Ok(about.filter_map(|event| event.note).collect())
    }

    /// What Kafka has of these topics.
    pub fn topics<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<BTreeMap<String, Found>> {
        let cluster = Cluster::open(&KafkaArgs::to(self.kafka.brokers()))?;
        Ok(cluster.look(names)?.topics)
    }

    /// Whether the pod is to be made that deletes the keys.
    pub async fn is_purging(&self, name: &str) -> Result<bool> {
        Ok(self.space.api::<Deployment>().get_opt(&format!("{name}-purge")).await?.is_some())
    }

    /// Plays the pod that deletes the keys, once its Deployment is there.
    pub async fn purge(&self, name: &str, exit_code: i32) -> Result<()> {
        let (deployments, pods) = (self.space.api::<Deployment>(), self.space.api::<Pod>());
        until("the workload that deletes keys", LIMIT, async || self.is_purging(name).await)
            .await
            .with_context(|| self.space.operator_log())?;
        let made = deployments.get(&format!("{name}-purge")).await?;
        let template =
            made.spec.as_ref().and_then(|spec| spec.template.spec.as_ref()).context("a template")?;
        let args = template.containers[0].args.clone().unwrap_or_default();
        ensure!(
            args.first().is_some_and(|arg| arg == "views") && args.contains(&"--purge".to_owned()),
            "{args:?}"
        );
        let pod = format!("{name}-purge-0");
        stand_in::pod(&pods, &made, &pod, "127.0.0.1").await?;
        let ended = json!({"status": {"containerStatuses": [{
            "name": "millrace", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": exit_code}},
        }]}});
        pods.patch_status(&pod, &PatchParams::default(), &Patch::Merge(ended)).await?;
        Ok(())
    }

    /// Makes a topic, as somebody else would.
    pub fn make_topic(&self, topic: &str) -> Result<()> {
        let create = Change::Create {
            topic: topic.to_owned(),
            partitions: 1,
            replication: Some(1),
            config: Vec::new(),
        };
        Ok(Cluster::open(&KafkaArgs::to(self.kafka.brokers()))?.carry_out(&create)?)
    }

    /// Leaves a group behind, as a stage that ran would.
    pub fn make_group(&self, group: &str, topic: &str) -> Result<()> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.kafka.brokers()).set("group.id", group);
        let member: BaseConsumer = config.create()?;
        let mut position = TopicPartitionList::new();
        position.add_partition_offset(topic, 0, Offset::Offset(0))?;
        Ok(member.commit(&position, CommitMode::Sync)?)
    }

    /// Whether Kafka knows a group.
    pub fn has_group(&self, group: &str) -> Result<bool> {
        let mut config = ClientConfig::new();
        let asker: BaseConsumer =
            config.set("bootstrap.servers", self.kafka.brokers()).set("group.id", "asker").create()?;
        let found = asker.fetch_group_list(None, Duration::from_secs(10))?;
        Ok(found.groups().iter().any(|found| found.name() == group))
    }

    /// The topics of a pipeline, its internal ones too, as far as they exist.
    pub fn topics_of(&self, pipeline: &str) -> Result<BTreeMap<String, Found>> {
        let internal = format!("{}.{pipeline}", self.space.namespace());
        let public = ["orders", "metrics", "alerts", "dead"].map(|topic| format!("{pipeline}.{topic}"));
        let kept = ["settings", "revenue.state", "fraud.state", "trend.state"]
            .map(|topic| format!("{internal}.{topic}"));
        self.topics(public.iter().chain(&kept).map(String::as_str))
    }
}

/// What a spec says more for a pipeline that has children of every kind.
pub fn everything() -> Value {
    json!({
        "networkPolicy": {"enabled": true},
        "simulator": {"enabled": true},
        "dashboard": {"ingress": {"host": "live.shop.example"}},
        "processors": {"fraud": {"scaling": {"replicas": 2}}},
    })
}

/// The kinds of objects that the operator makes.
pub fn kinds() -> [ApiResource; 6] {
    [
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<NetworkPolicy>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<Ingress>(&()),
    ]
}

/// Status, reason, message and observed generation of a condition.
pub fn condition(pipeline: &AnalyticsPipeline, kind: &str) -> Option<(String, String, String, Option<i64>)> {
    let conditions = &pipeline.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?.clone();
    Some((found.status, found.reason, found.message, found.observed_generation))
}

/// The sum of a metric of the operator over all its labels.
pub fn metric(port: u16, name: &str) -> Result<f64> {
    let page = http::get(port, "/metrics")?.body;
    let lines = page.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    Ok(lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum())
}

/// Puts `over` over `under`, field by field.
pub fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}

/// Runs a trial.
pub fn run(name: &str, body: impl AsyncFnOnce(&Trial<'_>) -> Result<()>) {
    kubernetes::run(name, async |space| body(&Trial::begin(space).await?).await);
}

/// Runs a trial that does nothing but wait, beside the others.
pub fn run_beside(name: &str, body: impl AsyncFnOnce(&Trial<'_>) -> Result<()>) {
    kubernetes::run_beside(name, async |space| body(&Trial::begin(space).await?).await);
}
