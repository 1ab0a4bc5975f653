//! Views that run against librdkafka's mock cluster, and state that a stage could have written there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::state::{FORMAT, PROGRESS_KEY, Progress};
use contract::{ProcessorName, Topics};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use runtime::config::{KafkaArgs, RedisAddress};
use runtime::settings::Directory;
use runtime::{Process, Shutdown};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use views::{StoreChoice, ViewsArgs, ViewsConfig, ViewsError};

use crate::server::Server;

/// How long anything may take. Generous: machines are busy when tests run.
const PATIENCE: Duration = Duration::from_mins(1);
pub const PARTITIONS: i32 = 2;

/// A stage's state in Kafka.
pub struct State {
    kafka: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
    pub topics: Topics,
    position: i64,
}

/// A views process.
pub struct Running {
    pub process: Process,
    ended: JoinHandle<Result<(), ViewsError>>,
    _directory: watch::Sender<Arc<Directory>>,
}

impl State {
    pub fn new() -> Self {
        let kafka = MockCluster::new(1).unwrap();
        let topics = Topics::named("shop");
        kafka.create_topic(&topics.state("revenue"), PARTITIONS, 1).unwrap();
        kafka.create_topic(&topics.metrics, 1, 1).unwrap();
        let producer =
            ClientConfig::new().set("bootstrap.servers", kafka.bootstrap_servers()).create().unwrap();
        Self { kafka, producer, topics, position: 0 }
    }

    /// Where consumers find it.
    pub fn kafka(&self) -> KafkaArgs {
        KafkaArgs::to(self.kafka.bootstrap_servers())
    }

    /// One transaction: counters of `partition`, absolute.
    pub fn write(&mut self, partition: i32, counters: &[(&str, Option<i128>)]) {
        self.position += 1;
        let progress = Progress {
            format: FORMAT,
            incarnation: "i".to_owned(),
            owner: "shop.revenue.a".to_owned(),
            position: self.position,
            last: None,
            records: u32::try_from(counters.len()).unwrap(),
            checkpoints: BTreeMap::new(),
            orders: 0,
            invalid: 0,
            lost: 0,
        };
        self.send(partition, PROGRESS_KEY, Some(&serde_json::to_string(&progress).unwrap()));
        for (key, value) in counters {
            let value = value.map(|v| v.to_string());
            self.send(partition, &format!("revenue/{key}"), value.as_deref());
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Revenue and orders of `partition`.
    pub fn totals(&mut self, partition: i32, revenue: i128, orders: i128) {
        self.write(partition, &[("revenue:total", Some(revenue)), ("orders:total", Some(orders))]);
    }

    /// What another version of the stage wrote.
    pub fn foreign(&self, partition: i32) {
        self.send(partition, PROGRESS_KEY, Some(r#"{"format":9,"shape":"new"}"#));
        self.send(partition, "revenue/revenue:total", Some("0x1f"));
        self.producer.flush(PATIENCE).unwrap();
    }

    fn send(&self, partition: i32, key: &str, value: Option<&str>) {
        let topic = self.topics.state("revenue");
        let mut record = BaseRecord::to(&topic).key(key).partition(partition);
        if let Some(value) = value {
            record = record.payload(value);
        }
        self.producer.send(record).map_err(|(e, _)| e).unwrap();
    }

    /// Starts views over it.
    pub fn views(&self, server: &Server, prefix: &str) -> Running {
        self.views_at(&server.url(), prefix)
    }

    /// Starts views over it that are told this URL.
    pub fn views_at(&self, url: &str, prefix: &str) -> Running {
        let claim = contract::settings::Claim::from_json(br#"{"stage":"revenue"}"#).unwrap();
        let claims = [(ProcessorName::Revenue, claim)].into();
        let (sender, directory) =
            watch::channel(Arc::new(Directory { loaded: true, claims, ..Directory::default() }));
        let redis = RedisAddress { url: url.to_owned(), key_prefix: prefix.to_owned() };
        let config = ViewsConfig {
            args: ViewsArgs { interval: Some(Duration::from_millis(20)) },
            kafka: self.kafka(),
            store: StoreChoice::Redis(redis),
            topics: self.topics.clone(),
            views: vec![Box::new(revenue::RevenueView::default())],
            directory,
        };
        let process = Process::new(Shutdown::new());
        let ended = tokio::spawn(views::run(config, process.clone()));
        Running { process, ended, _directory: sender }
    }
}

impl Running {
    /// Why the need is missing, if it is.
    pub fn missing(&self, need: &str) -> Option<String> {
        self.process.health.missing().into_iter().find(|m| m.need == need).map(|m| m.why)
    }

    /// The value of a metric of this process, over all its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let families = self.process.registry.gather();
        let family = families.iter().find(|f| f.name() == format!("millrace_{name}"));
        let metrics = family.map(prometheus::proto::MetricFamily::get_metric).unwrap_or_default();
        metrics.iter().map(|m| m.get_counter().get_value() + m.get_gauge().get_value()).sum()
    }

    /// Drains it.
    pub async fn stop(self) {
        self.process.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap().unwrap();
    }

    /// The message it ends with on its own, causes included.
    pub async fn failure(self) -> String {
        let error = tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap().unwrap_err();
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            message = format!("{message}: {error}");
            source = error.source();
        }
        message
    }
}

/// Waits until `check` gives something.
pub async fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
