//! The operator on a Kafka with TLS, passwords and an authorizer: the rights that `docs/guide/kafka-rights.md` lists for it
//! are enough, and a pipeline whose user lacks one says in its conditions which.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use harness::kubernetes::{self, Space, until};
use harness::secured_kafka::{Names, Operation, PASSWORD, Page, Resource, Right, SecuredKafka};
use harness::topic::Admin;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, from_value, json};

const LIMIT: Duration = Duration::from_mins(2);
const PROCESSORS: [&str; 3] = ["revenue", "fraud", "trend"];

/// What the tests of this file stand on.
struct Site<'a> {
    space: &'a Space<'a>,
    kafka: SecuredKafka,
    page: Page,
}

/// A pipeline, its user and what the user lacks.
struct Subject {
    name: String,
    lacks: Option<Right>,
}

impl Site<'_> {
    fn names(&self, name: &str) -> Names {
        Names {
            pipeline: format!("{}.{name}", self.space.namespace()),
            orders: format!("{name}-orders"),
            alerts: format!("{name}-alerts"),
            metrics: format!("{name}-metrics"),
            dead_letters: format!("{name}-dead-letters"),
        }
    }

    fn rights(&self, name: &str) -> Vec<Right> {
        self.page.of("operator", &self.names(name))
    }

    /// Makes the user with all rights of the page but one, and the pipeline.
    async fn make(&self, row: Option<usize>) -> Result<Subject> {
        let name = row.map_or_else(|| "all".to_owned(), |row| format!("without{row}"));
        let mut rights = self.rights(&name);
        let lacks = row.map(|row| rights.remove(row));
        self.kafka.add_user(&name, &rights)?;
        if lacks
            .as_ref()
            .is_some_and(|right| matches!(right.operation, Operation::Alter | Operation::AlterConfigs))
        {
            self.make_topics(&name).context("making topics that are to be changed")?;
        }
        let secret: Secret = from_value(json!({
            "metadata": {"name": name},
            "stringData": {"username": name, "password": PASSWORD},
        }))?;
        self.space.api::<Secret>().create(&PostParams::default(), &secret).await?;
        let pipeline: DynamicObject = from_value(self.pipeline(&name))?;
        self.pipelines()?.create(&PostParams::default(), &pipeline).await?;
        Ok(Subject { name, lacks })
    }

    /// Topics with too few partitions and other settings than the pipeline's.
    fn make_topics(&self, name: &str) -> Result<()> {
        let brokers = self.kafka.plain().brokers();
        let topics = self.topics(name);
        let make = move || -> Result<()> {
            let admin = Admin::new(&brokers)?;
            topics.iter().try_for_each(|topic| admin.create(topic, 1, &[]))
        };
        // it blocks, which no task may
        std::thread::spawn(make).join().map_err(|_| anyhow!("the thread that makes topics panicked"))?
    }

    fn topics(&self, name: &str) -> Vec<String> {
        let Names { pipeline, orders, alerts, metrics, dead_letters } = self.names(name);
        let states = PROCESSORS.iter().map(|processor| format!("{pipeline}.{processor}.state"));
        let settings = format!("{pipeline}.settings");
        [orders, alerts, metrics, dead_letters, settings].into_iter().chain(states).collect()
    }

    fn pipeline(&self, name: &str) -> Value {
        let Names { pipeline: _, orders, alerts, metrics, dead_letters } = self.names(name);
        let topic =
            |name: String| json!({"name": name, "partitions": 2, "config": {"retention.ms": "3600000"}});
        json!({
            "apiVersion": "millrace.dev/v1alpha1",
            "kind": "AnalyticsPipeline",
            "metadata": {"name": name},
            "spec": {
                "kafka": {
                    "bootstrapServers": self.kafka.brokers(),
                    "tls": {"caSecret": {"name": "authority", "key": "ca.crt"}},
                    "sasl": {"mechanism": "SCRAM-SHA-512", "secret": {"name": name}},
                },
                "redis": {"url": "redis://redis:6379"},
                "topics": {
                    "orders": topic(orders),
                    "alerts": topic(alerts),
                    "metrics": topic(metrics),
                    "deadLetters": topic(dead_letters),
                },
            },
        })
    }

    fn pipelines(&self) -> Result<Api<DynamicObject>> {
        let any: DynamicObject = from_value(self.pipeline("any"))?;
        self.space.api_of(&any)
    }

    async fn status(&self, name: &str) -> Result<Value> {
        Ok(self.pipelines()?.get(name).await?.data["status"].clone())
    }

    /// Waits until topics and settings are there.
    async fn wait_done(&self, name: &str) -> Result<()> {
        until(&format!("{name} to be done in Kafka"), LIMIT, async || {
            let status = self.status(name).await?;
            let topics = condition(&status, "TopicsReady").is_some_and(|found| found["status"] == "True");
            let settings =
                condition(&status, "SettingsApplied").is_some_and(|found| found["status"] == "True");
            ensure!(topics && settings, "{}", status["conditions"]);
            Ok(true)
        })
        .await
    }

    /// Waits until a condition names what the user lacks; gives the condition's message.
    async fn wait_named(&self, name: &str, right: &Right) -> Result<String> {
        let mut said = None;
        let wordings = wordings(right);
        until(&format!("a condition of {name} that names {right}"), LIMIT, async || {
            let status = self.status(name).await?;
            let messages = status["conditions"].as_array().into_iter().flatten();
            let messages = messages.filter_map(|condition| condition["message"].as_str());
            let named = |message: &&str| wordings.iter().any(|wording| message.contains(wording));
            said = messages.clone().find(named).map(ToOwned::to_owned);
            ensure!(said.is_some(), "{:?}", messages.collect::<Vec<_>>());
            Ok(true)
        })
        .await?;
        said.context("nothing was said")
    }
}

/// How a condition may name a right. What Kafka implies with the missing one may be missed first: without Alter a topic may
/// not be seen, without `AlterConfigs` its configuration.
fn wordings(right: &Right) -> Vec<String> {
    let on = match right.resource {
        Resource::Topic => "topic",
        Resource::Group => "group",
        Resource::TransactionalId => "transactional id",
    };
    let operations = match right.operation {
        Operation::Alter => vec![Operation::Alter, Operation::Describe],
        Operation::AlterConfigs => vec![Operation::AlterConfigs, Operation::DescribeConfigs],
        operation => vec![operation],
    };
    let word = |operation| format!("not allowed to; grant it {operation:?} on {on} {}", right.name);
    operations.into_iter().map(word).collect()
}

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)
}

#[test]
fn documented_rights_are_enough_and_each_that_is_missing_is_named() {
    kubernetes::run("kafka-rights", async |space| {
        let crd = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/helm/millrace/files/crd.yaml");
        kubernetes::install_crd(&space.client(), &std::fs::read_to_string(crd)?).await?;
        let site = Site { space, kafka: SecuredKafka::start(space.case())?, page: Page::read()? };
        let authority: Secret = from_value(json!({
            "metadata": {"name": "authority"},
            "stringData": {"ca.crt": std::fs::read_to_string(site.kafka.authority())?},
        }))?;
        space.api::<Secret>().create(&PostParams::default(), &authority).await?;
        let program = Path::new(env!("CARGO_BIN_EXE_millrace-operator"));
        let _operator = space.operator(program).env("RESYNC", "2s").start()?;

        let all = site.make(None).await?;
        let rows = site.rights(&all.name).len();
        ensure!(rows > 10, "the page has only {rows} rights of the operator");
        let mut subjects = Vec::new();
        for row in 0..rows {
            subjects.push(site.make(Some(row)).await?);
        }
        site.wait_done(&all.name).await.with_context(|| space.operator_log())?;
        named_and_mended(&site, &subjects).await
    });
}

/// Every pipeline says what its user lacks, and with that right everything is done.
async fn named_and_mended(site: &Site<'_>, subjects: &[Subject]) -> Result<()> {
    let mut failures = Vec::new();
    for Subject { name, lacks } in subjects {
        let Some(right) = lacks else { continue };
        match site.wait_named(name, right).await {
            Ok(said) => println!("without {right}: {said}"),
            Err(failure) => failures.push(format!("without {right}: {failure:#}")),
        }
        site.kafka.allow(name, right)?;
    }
    for Subject { name, .. } in subjects {
        if let Err(failure) = site.wait_done(name).await {
            failures.push(format!("{name} with all rights: {failure:#}"));
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
