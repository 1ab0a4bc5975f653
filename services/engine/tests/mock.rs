//! A whole stage in this process, against librdkafka's mock cluster. The mock has no real isolation: what this
//! proves is the wiring, not exactness.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::order::OrderFields;
use contract::stage_status::{PartitionStatus, SECTION, StageStatus};
use contract::{Order, ProcessorKind, Timestamp, Topics};
use engine::state::StageAdmin;
use engine::{StageArgs, StageConfig, StartAt};
use fraud::FraudKind;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use revenue::RevenueKind;
use runtime::config::KafkaArgs;
use runtime::settings::SettingsTail;
use runtime::{Process, Shutdown};

const PARTITIONS: i32 = 3;
const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn cluster(topics: &Topics, stage: &str) -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    for (topic, partitions) in [
        (topics.orders.as_str(), PARTITIONS),
        (&topics.alerts, 1),
        (&topics.dead_letters, 1),
        (&topics.settings(), 1),
        (&topics.state(stage), PARTITIONS),
    ] {
        cluster.create_topic(topic, partitions, 1).unwrap();
    }
    cluster
}

fn order(number: u64, total: u64) -> Vec<u8> {
    let id = format!("order-{number}");
    let fields = OrderFields {
        order_id: &id,
        user_id: "user-1",
        product: "Laptop",
        quantity: 1,
        unit_price: None,
        total,
        city: "HCM",
        timestamp: Timestamp(NOW.0 + i64::try_from(number).unwrap() * 60_000),
        is_suspicious: false,
    };
    let mut json = Vec::new();
    Order::checked(fields, fields.timestamp).unwrap().write_json(&mut json);
    json
}

fn produce(brokers: &str, topic: &str, values: &[Vec<u8>]) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    for (number, value) in values.iter().enumerate() {
        let partition = i32::try_from(number).unwrap() % PARTITIONS;
        let record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(10)).unwrap();
}

/// Reads values until there are `count`.
fn consume(brokers: &str, topic: &str, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", format!("test-{topic}"))
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut values = Vec::new();
    while values.len() < count {
        assert!(Instant::now() < deadline, "only {} of {count} records in {topic}", values.len());
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            values.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap());
        }
    }
    values
}

fn start(
    kafka: &KafkaArgs,
    topics: &Topics,
    processors: &[Arc<dyn ProcessorKind>],
) -> (Process, tokio::task::JoinHandle<Result<(), engine::StageError>>) {
    let process = Process::new(Shutdown::new());
    let settings = SettingsTail::start(kafka, topics, &process);
    let args = StageArgs {
        commit_interval: None,
        transaction_timeout: None,
        start: StartAt::Earliest,
        instance: Some("a".to_owned()),
    };
    let config = StageConfig {
        kafka: kafka.clone(),
        topics: topics.clone(),
        args,
        processors: processors.to_vec(),
        has_admin_api: false,
        settings,
    };
    (process.clone(), tokio::spawn(engine::run(config, process)))
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_become_alerts_and_a_drained_stage_is_checkpointed_at_its_position() {
    let topics = Topics::named("test");
    let processors: [Arc<dyn ProcessorKind>; 2] =
        [Arc::new(RevenueKind::default()), Arc::new(FraudKind::default())];
    let cluster = cluster(&topics, "revenue-fraud");
    let brokers = cluster.bootstrap_servers();
    let kafka = KafkaArgs::to(brokers.clone());
    let mut values: Vec<_> = (0..29).map(|n| order(n, if n % 10 == 0 { 60_000_000 } else { 5 })).collect();
    values.push(b"no order".to_vec());
    produce(&brokers, &topics.orders, &values);

    let (process, stage) = start(&kafka, &topics, &processors);
    let (of_alerts, of_letters) = (topics.alerts.clone(), topics.dead_letters.clone());
    let alerts = tokio::task::spawn_blocking({
        let brokers = brokers.clone();
        move || consume(&brokers, &of_alerts, 3)
    })
    .await
    .unwrap();
    assert!(alerts.iter().all(|alert| alert.contains(r#""type":"HIGH_VALUE""#)), "{alerts:?}");
    let letters = tokio::task::spawn_blocking(move || consume(&brokers, &of_letters, 1)).await.unwrap();
    assert_eq!(letters, ["no order"]);

    process.shutdown.cancel();
    stage.await.unwrap().unwrap();
    let shown = tokio::task::spawn_blocking(move || {
        StageAdmin::new(kafka, topics, processors.to_vec()).unwrap().show().unwrap()
    })
    .await
    .unwrap();
    assert_eq!(shown.len(), 3);
    for partition in shown {
        let progress = partition.progress.unwrap();
        assert_eq!(progress.position, 10, "partition {}", partition.partition);
        assert_eq!(partition.lag, 0);
        for (processor, checkpoint) in &progress.checkpoints {
            assert_eq!(checkpoint.position, 10, "{processor} of partition {}", partition.partition);
        }
    }
}

/// Looks at the stage's section of `/status` until it is as it should be.
async fn status_when(process: &Process, as_it_should_be: impl Fn(&StageStatus) -> bool) -> StageStatus {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let shown = process.status.to_json()[SECTION].clone();
        let status: StageStatus = serde_json::from_value(shown.clone()).unwrap_or_default();
        if as_it_should_be(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{shown}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn each(status: &StageStatus, holds: impl Fn(&PartitionStatus) -> bool) -> bool {
    status.partitions.len() == usize::try_from(PARTITIONS).unwrap() && status.partitions.iter().all(holds)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_says_what_arrives_what_waits_and_how_busy_it_is() {
    let topics = Topics::named("load");
    let processors: [Arc<dyn ProcessorKind>; 1] = [Arc::new(RevenueKind::default())];
    let cluster = cluster(&topics, "revenue");
    let brokers = cluster.bootstrap_servers();
    let values: Vec<_> = (0..30).map(|n| order(n, 5)).collect();
    produce(&brokers, &topics.orders, &values);
    let (process, stage) = start(&KafkaArgs::to(brokers.clone()), &topics, &processors);

    // What is there before the start is lag and no arrival.
    let read = status_when(&process, |status| {
        each(status, |p| p.position == 10 && p.end == Some(10) && p.arrival_rate == Some(0.0))
    })
    .await;
    assert_eq!((read.name.as_str(), read.instance.as_str()), ("revenue", "a"));
    assert_eq!((read.lag, read.oldest_unread_seconds), (Some(0), Some(0.0)));
    let (busy, folding) = (read.busy_share.unwrap(), read.folding_share.unwrap());
    assert!(0.0 <= folding && folding <= busy && busy <= 1.0, "{folding} of {busy}");
    assert!(read.window_seconds >= 2.0 && read.settings_generation == Some(0), "{read:?}");

    produce(&brokers, &topics.orders, &values);
    status_when(&process, |status| {
        let flows = |p: &PartitionStatus| p.arrival_rate > Some(0.0) && p.processing_rate > Some(0.0);
        each(status, |p| p.end == Some(20) && flows(p)) && status.folding_share > Some(0.0)
    })
    .await;
    process.shutdown.cancel();
    stage.await.unwrap().unwrap();
}
