use std::time::Duration;

use contract::Topics;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use tokio::sync::watch;

use super::*;
use crate::config::KafkaArgs;
use crate::{Process, Shutdown};

const PATIENCE: Duration = Duration::from_secs(30);

struct Pipeline {
    /// Kept, because the cluster ends with it.
    _cluster: MockCluster<'static, DefaultProducerContext>,
    kafka: KafkaArgs,
    topics: Topics,
}

impl Pipeline {
    fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        let topics = Topics::named("shop");
        cluster.create_topic(&topics.settings(), 1, 1).unwrap();
        Self { kafka: KafkaArgs::to(cluster.bootstrap_servers()), topics, _cluster: cluster }
    }

    fn publish(&self, owner: Owner, settings: &Settings, force: bool) -> Result<Settings, PublishError> {
        publish(&self.kafka, &self.topics, owner, settings, force)
    }
}

/// What a stranger writes.
fn put_record(kafka: &KafkaArgs, topic: &str, (key, value): &Entry) {
    let producer: BaseProducer = kafka.client("stranger").create().unwrap();
    let record = BaseRecord::to(topic).key(key);
    let record = match value {
        Some(value) => record.payload(value),
        None => record,
    };
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

fn with_high_value(high_value: u64) -> Settings {
    let mut settings = Settings::default();
    settings.fraud.high_value = high_value;
    settings
}

async fn until(
    directory: &mut watch::Receiver<std::sync::Arc<Directory>>,
    reached: impl Fn(&Directory) -> bool,
) {
    tokio::time::timeout(PATIENCE, directory.wait_for(|d| reached(d)))
        .await
        .expect("in time")
        .expect("still tailing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_those_who_follow() {
    let pipeline = Pipeline::start();
    let process = Process::new(Shutdown::new());
    let mut directory = SettingsTail::start(&pipeline.kafka, &pipeline.topics, &process);

    until(&mut directory, |d| d.loaded).await;
    assert_eq!(directory.borrow().settings, Settings::default());
    assert_eq!(directory.borrow().owner, None);
    assert_eq!(process.health.missing(), []);

    let published = pipeline.publish(Owner::Cli, &with_high_value(7), false).unwrap();
    assert_eq!(published.generation, 1);
    until(&mut directory, |d| d.settings == published && d.owner == Some(Owner::Cli)).await;
    assert_eq!(process.status.to_json()["settings"], serde_json::json!({"generation": 1}));
    process.shutdown.cancel();
    // the thread lets go of the sender
    tokio::time::timeout(PATIENCE, async { while directory.changed().await.is_ok() {} }).await.unwrap();
}

#[test]
fn only_different_content_gets_a_new_generation() {
    let pipeline = Pipeline::start();
    let generation = |value| pipeline.publish(Owner::Cli, &with_high_value(value), false).unwrap().generation;
    assert_eq!(generation(1), 1);
    assert_eq!(generation(1), 1);
    assert_eq!(generation(2), 2);
    assert_eq!(generation(1), 3);
}

#[test]
fn the_operators_settings_are_changed_by_force_only() {
    let pipeline = Pipeline::start();
    pipeline.publish(Owner::Operator, &with_high_value(1), false).unwrap();
    let refused = pipeline.publish(Owner::Cli, &with_high_value(2), false);
    assert!(matches!(refused, Err(PublishError::OwnedByOperator)), "{refused:?}");
    assert_eq!(pipeline.publish(Owner::Cli, &with_high_value(2), true).unwrap().generation, 2);
}

#[test]
fn invalid_settings_are_not_published() {
    let pipeline = Pipeline::start();
    let refused =
        pipeline.publish(Owner::Cli, &Settings { commit_interval_ms: 0, ..Settings::default() }, false);
    assert!(matches!(refused, Err(PublishError::Invalid(_))), "{refused:?}");
    assert_eq!(pipeline.publish(Owner::Cli, &with_high_value(1), false).unwrap().generation, 1);
}

#[test]
fn records_make_up_the_directory() {
    let mut directory = Directory::default();
    let claim = claim_key(ProcessorName::Fraud);
    directory.apply(claim.as_bytes(), Some(br#"{"stage":"revenue-fraud"}"#)).unwrap();
    assert_eq!(directory.claims[&ProcessorName::Fraud].stage, "revenue-fraud");

    let record = SettingsRecord { owner: Owner::Operator, settings: with_high_value(5) };
    let record = serde_json::to_vec(&record).unwrap();
    directory.apply(SETTINGS_KEY.as_bytes(), Some(&record)).unwrap();
    assert_eq!(directory.settings.fraud.high_value, 5);
    assert_eq!(directory.owner, Some(Owner::Operator));

    directory.apply(claim.as_bytes(), None).unwrap();
    directory.apply(SETTINGS_KEY.as_bytes(), None).unwrap();
    assert_eq!(directory, Directory::default());
}

#[test]
fn a_bad_record_changes_nothing_but_is_kept_in_mind() {
    let claim = claim_key(ProcessorName::Fraud);
    let good = SettingsRecord { owner: Owner::Cli, settings: with_high_value(5) }.to_json();
    for (key, value, good) in [
        (claim.as_str(), &b"{}"[..], r#"{"stage":"fraud"}"#),
        (SETTINGS_KEY, b"not json", &good),
        (SETTINGS_KEY, br#"{"owner":"cli","settings":{"commitIntervalMs":0}}"#, &good),
        (SETTINGS_KEY, br#"{"owner":"nobody","settings":{}}"#, &good),
    ] {
        for last in [None, Some(good.as_bytes())] {
            let mut directory = Directory::default();
            assert!(directory.apply(key.as_bytes(), Some(value)).is_err(), "{key}");
            let Directory { unreadable, .. } = &directory;
            assert_eq!(unreadable.keys().collect::<Vec<_>>(), [key]);
            let others = Directory { unreadable: unreadable.clone(), ..Directory::default() };
            assert_eq!(directory, others);
            directory.apply(key.as_bytes(), last).unwrap();
            assert!(directory.unreadable.is_empty(), "{key} was replaced by {last:?}");
        }
    }
    let mut directory = Directory::default();
    assert!(directory.apply(b"else", Some(b"{}")).is_err());
    assert_eq!(directory, Directory::default(), "a key that a newer version may have");
}

/// Nobody decides without knowing what is there; a person may replace settings, and make a claim void.
#[test]
fn nothing_is_written_beside_a_record_that_cannot_be_read() {
    let pipeline = Pipeline::start();
    let claim = claim_key(ProcessorName::Fraud);
    let put = |key: &str, value: Option<&[u8]>| {
        let entry = (key.to_owned(), value.map(<[u8]>::to_vec));
        let topic = pipeline.topics.settings();
        put_record(&pipeline.kafka, &topic, &entry);
    };
    let refused = |outcome: Result<(), PublishError>, key: &str, way_out: &str| {
        let error = outcome.unwrap_err().to_string();
        for part in ["shop.settings", key, way_out] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    };
    let set = |force| pipeline.publish(Owner::Cli, &with_high_value(1), force);
    let claimed = |stage: &str| {
        let value = format!(r#"{{"stage":"{stage}"}}"#).into_bytes();
        transact(&pipeline.kafka, &pipeline.topics, |_| {
            Ok::<_, PublishError>(vec![(claim.clone(), Some(value))])
        })
    };
    put(SETTINGS_KEY, Some(b"{}"));
    refused(claimed("fraud"), SETTINGS_KEY, "settings set --force");
    refused(set(false).map(drop), SETTINGS_KEY, "settings set --force");
    assert_eq!(set(true).unwrap().generation, 1);

    put(&claim, Some(b"{}"));
    refused(claimed("fraud"), &claim, "tombstone");
    set(false).unwrap();
    put(&claim, None);
    claimed("fraud").unwrap();
    let directory = read(&pipeline.kafka, &pipeline.topics).unwrap();
    assert_eq!(directory.claims[&ProcessorName::Fraud].stage, "fraud");
    assert_eq!(directory.settings.fraud.high_value, 1);
}
