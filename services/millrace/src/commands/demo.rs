//! `millrace demo`: everything in one process, against librdkafka's mock cluster and a store in memory.

mod progress;
mod reader;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use contract::topics::stage_name;
use contract::{ProcessorName, Topics};
use dashboard::{DashboardArgs, DashboardConfig, Store};
use engine::{StageArgs, StageConfig, StartAt};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use runtime::config::{AdminArgs, LogArgs};
use runtime::traces::Service;
use runtime::{KafkaArgs, Process, SettingsTail};
use simulator::{Rate, SimulatorArgs, SimulatorConfig};
use views::store::MemoryStore;
use views::{StoreChoice, ViewsArgs, ViewsConfig};

use super::{begin, dashboard as dashboard_command, process, simulate, views as views_command};
use crate::catalogue;
use crate::failure::Failure;
use crate::host::{Part, host};
use reader::StoreReader;

/// Partitions of the orders topic.
const PARTITIONS: i32 = 3;
/// The mock cluster keeps 100,000 records or 5 MiB a partition and gets slower as they fill.
const RATE_MAX: f64 = 200.0;

/// Run everything in this process, with nothing installed; data is gone when it stops
///
/// Simulator, processors, views and dashboard run against a stand-in for Kafka and keep results in memory:
/// the same code as in the real thing, with two adapters swapped. The stand-in has no real transactions, so
/// that the promise of exact results does not hold here after a fault.
#[derive(Debug, clap::Args)]
#[command(mut_arg("log", |arg| arg.default_value("warn")))]
#[command(after_help = "\
Examples:
  millrace demo                                   then open http://localhost:3001
  millrace demo --rate 100 --listen 127.0.0.1:8080")]
pub struct Args {
    /// Orders per second, at most 200.
    #[arg(long, env = "SIMULATOR_RATE", value_name = "ORDERS/S", default_value = "20", value_parser = rate)]
    rate: Rate,

    #[command(flatten)]
    dashboard: DashboardArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
}

fn rate(text: &str) -> Result<Rate, String> {
    let rate: Rate = text.parse().map_err(|e: simulator::RateError| e.to_string())?;
    if rate.get() <= RATE_MAX {
        Ok(rate)
    } else {
        Err(format!("the demo's stand-in for Kafka bears at most {RATE_MAX} orders per second"))
    }
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        let Self { rate, dashboard, admin, log } = self;
        println!("{}", progress::banner(dashboard.listen.port()));
        let topics = Topics::named("demo");
        // kept to the end: the cluster goes with it
        let cluster = cluster(&topics).map_err(Failure::run)?;
        let kafka = KafkaArgs::to(cluster.bootstrap_servers());
        begin(&log, &kafka, &topics)?;
        let demo = Demo { kafka, topics, store: MemoryStore::default() };
        let outcome =
            host(Service { name: "millrace-demo", pipeline: &demo.topics.pipeline }, &admin, |process| {
                tokio::spawn(progress::show(
                    process.health.clone(),
                    demo.store.clone(),
                    process.shutdown.clone(),
                ));
                demo.parts(rate, dashboard, process)
            })
            .await;
        println!("Stopped; the demo's data is gone. `make up` runs the real thing.");
        outcome
    }
}

/// What the parts share.
struct Demo {
    kafka: KafkaArgs,
    topics: Topics,
    store: MemoryStore,
}

impl Demo {
    fn parts(&self, rate: Rate, args: DashboardArgs, process: &Process) -> Vec<Part> {
        let Self { kafka, topics, store } = self;
        let settings = SettingsTail::start(kafka, topics, process);
        let stage = StageConfig {
            kafka: kafka.clone(),
            topics: topics.clone(),
            args: StageArgs {
                commit_interval: None,
                transaction_timeout: None,
                start: StartAt::Earliest,
                instance: Some("demo".to_owned()),
            },
            processors: ProcessorName::ALL.map(catalogue::processor).into(),
            has_admin_api: false,
            settings: settings.clone(),
        };
        let views = ViewsConfig {
            args: ViewsArgs::default(),
            kafka: kafka.clone(),
            store: StoreChoice::Memory(store.clone()),
            topics: topics.clone(),
            views: catalogue::views(),
            directory: settings,
        };
        let reader = Store::Reader(Arc::new(StoreReader(store.clone())));
        let dashboard = DashboardConfig { args, kafka: kafka.clone(), topics: topics.clone(), store: reader };
        let simulator = SimulatorConfig {
            args: SimulatorArgs { rate, ..SimulatorArgs::default() },
            kafka: kafka.clone(),
            topics: topics.clone(),
            settings: None,
        };
        vec![
            process::part(stage, Duration::ZERO, process),
            views_command::part(views, process),
            dashboard_command::part(dashboard, process),
            simulate::part(simulator, process),
            Part::new("watch", watch::faults(process.clone())),
        ]
    }
}

/// A mock cluster with all topics; it has no admin API by which they could be created later.
fn cluster(topics: &Topics) -> Result<MockCluster<'static, DefaultProducerContext>, KafkaError> {
    let cluster = MockCluster::new(1)?;
    cluster.create_topic(&topics.orders, PARTITIONS, 1)?;
    cluster.create_topic(&topics.state(&stage_name(&ProcessorName::ALL)), PARTITIONS, 1)?;
    for topic in [&topics.metrics, &topics.alerts, &topics.dead_letters, &topics.settings()] {
        cluster.create_topic(topic, 1, 1)?;
    }
    Ok(cluster)
}
