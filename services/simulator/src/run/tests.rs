//! The simulator against librdkafka's mock cluster: real client code, no server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::{Rate, Shop, SimulatorArgs, SimulatorConfig, SimulatorError, run};
use contract::settings::SimulatorSettings;
use contract::{Order, OrderParser, Timestamp, Topics};
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::mocking::MockCluster;
use rdkafka::{Offset, TopicPartitionList};
use runtime::config::KafkaArgs;
use runtime::{Directory, Process, Shutdown};
use tokio::sync::watch;

const PARTITIONS: i32 = 12;
const ACCEPTED: &str = "millrace_simulator_orders_accepted_total";
const DELIVERED: &str = "millrace_simulator_orders_delivered_total";

fn cluster() -> MockCluster<'static, rdkafka::producer::DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", PARTITIONS, 1).unwrap();
    cluster
}

fn config(brokers: &str, args: SimulatorArgs) -> SimulatorConfig {
    SimulatorConfig { args, kafka: KafkaArgs::to(brokers), topics: Topics::named("shop"), settings: None }
}

fn args(rate: f64, count: Option<u64>, seed: u64) -> SimulatorArgs {
    SimulatorArgs {
        rate: Rate::per_second(rate).unwrap(),
        count,
        seed: Some(seed),
        users: 50,
        source: "mobile".to_owned(),
        ..SimulatorArgs::default()
    }
}

/// What stands in the topic, read by a client of its own until `count` records came or nothing more comes.
fn read(brokers: &str, count: usize, mut each: impl FnMut(&BorrowedMessage<'_>)) -> usize {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "reader").create().unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset("orders", partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let mut seen = 0;
    while let Some(message) = consumer.poll(Duration::from_secs(if seen < count { 20 } else { 1 })) {
        each(&message.unwrap());
        seen += 1;
    }
    seen
}

/// All of an order but its id and time.
fn content(order: &Order<'_>) -> String {
    let Order { user_id, product, quantity, unit_price, total, city, is_suspicious, .. } = order;
    format!("{user_id} {product} {quantity} {unit_price:?} {total} {city} {is_suspicious}")
}

/// What the next `count` orders of `shop` hold, by order id.
fn contents(mut shop: Shop, count: usize) -> HashMap<String, String> {
    let mut contents = HashMap::new();
    for _ in 0..count {
        let order = shop.next_order(Timestamp(1_790_000_000_000)).unwrap();
        contents.insert(order.order_id.to_owned(), content(&order));
    }
    contents
}

/// The value of a counter; 0 before it is registered.
fn counter(process: &Process, name: &str) -> usize {
    let families = process.registry.gather();
    let value = families
        .iter()
        .find(|family| family.name() == name)
        .map(|f| f.get_metric()[0].get_counter().get_value());
    value.map_or(0, |value| format!("{value}").parse().unwrap())
}

/// Java's default partitioner: murmur2 of the key, written anew from its definition (Austin Appleby, 2008;
/// seed 0x9747b28c as in `org.apache.kafka.common.utils.Utils`).
fn java_partition(key: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ u32::try_from(key.len()).unwrap();
    let (words, rest) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^= hash >> 15;
    (hash & 0x7fff_ffff).cast_signed() % PARTITIONS
}

/// Values of Kafka's own unit test (`UtilsTest.testMurmur2`), so that the function above is not its own judge.
#[test]
fn the_tests_murmur2_is_javas() {
    let known: [(&str, i32); 6] = [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];
    for (key, hash) in known {
        assert_eq!(java_partition(key.as_bytes()), (hash & 0x7fff_ffff) % PARTITIONS, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_valid_orders_arrive_as_were_asked_for() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let process = Process::new(Shutdown::new());
    run(config(&brokers, args(5_000.0, Some(2_000), 42)), process.clone()).await.unwrap();

    let mut expected = contents(Shop::new(42, 50, 5), 2_000);
    let mut parser = OrderParser::default();
    let seen = read(&brokers, 2_000, |message| {
        let written = Timestamp(message.timestamp().to_millis().unwrap());
        let order = parser.parse(message.payload().unwrap(), written).unwrap();
        let Order { order_id, user_id, .. } = order;
        assert_eq!(expected.remove(order_id), Some(content(&order)), "{order_id}");
        assert_eq!(order.timestamp, written);
        assert_eq!(message.key(), Some(user_id.as_bytes()));
        assert_eq!(message.partition(), java_partition(user_id.as_bytes()), "{user_id}");
        let header = message.headers().unwrap().get(0);
        assert_eq!((header.key, header.value), ("source", Some(&b"mobile"[..])));
    });
    assert_eq!((seen, expected.len()), (2_000, 0));
    assert!(process.health.missing().is_empty());
    assert_eq!(counter(&process, DELIVERED), 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_accepted_is_delivered_when_told_to_stop() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    // Slow enough that orders are still under way when the run is stopped.
    cluster.broker_round_trip_time(-1, Duration::from_millis(300)).unwrap();
    let shutdown = Shutdown::new();
    let process = Process::new(shutdown.clone());
    let running = tokio::spawn(run(config(&brokers, args(2_000.0, None, 1)), process.clone()));
    while counter(&process, ACCEPTED) < counter(&process, DELIVERED) + 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    shutdown.cancel();
    running.await.unwrap().unwrap();

    cluster.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    let accepted = counter(&process, ACCEPTED);
    assert_eq!(counter(&process, DELIVERED), accepted);
    assert_eq!(read(&brokers, accepted, |_| ()), accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_goes_by_settings_that_change() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let directory = |orders_per_second, suspicious_percent| {
        let mut directory = Directory { loaded: true, ..Directory::default() };
        directory.settings.simulator = SimulatorSettings { orders_per_second, suspicious_percent };
        Arc::new(directory)
    };
    let (sender, settings) = watch::channel(Arc::new(Directory::default()));
    let config = SimulatorConfig { settings: Some(settings), ..config(&brokers, args(1.0, Some(2_000), 42)) };
    let process = Process::new(Shutdown::new());
    let running = tokio::spawn(run(config, process.clone()));
    // Nothing is sent before the settings are read; then one order, and a pause of at least half a second.
    sender.send(directory(1, 100)).unwrap();
    while counter(&process, ACCEPTED) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sender.send(directory(5_000, 0)).unwrap();
    running.await.unwrap().unwrap();

    let mut parser = OrderParser::default();
    let mut suspicious = Vec::new();
    read(&brokers, 2_000, |message| {
        let written = Timestamp(message.timestamp().to_millis().unwrap());
        let order = parser.parse(message.payload().unwrap(), written).unwrap();
        if order.is_suspicious {
            suspicious.push(order.order_id.to_owned());
        }
    });
    assert!(suspicious.contains(&"order-2a-0".to_owned()), "{suspicious:?}");
    assert!(suspicious.len() < 100, "{} suspicious orders after the change", suspicious.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_holds_orders_back_and_loses_none() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let mut config = config(&brokers, args(20_000.0, Some(3_000), 9));
    config.kafka.kafka_property = vec!["queue.buffering.max.messages=100".parse().unwrap()];
    let process = Process::new(Shutdown::new());
    run(config, process.clone()).await.unwrap();

    assert_eq!(read(&brokers, 3_000, |_| ()), 3_000);
    assert!(counter(&process, "millrace_simulator_queue_full_total") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_cannot_be_delivered_are_told() {
    let cluster = cluster();
    let mut config = config(&cluster.bootstrap_servers(), args(1_000.0, Some(50), 3));
    config.kafka.kafka_property = vec!["message.timeout.ms=1000".parse().unwrap()];
    cluster.broker_round_trip_time(-1, Duration::from_millis(100)).unwrap();
    let process = Process::new(Shutdown::new());
    let running = tokio::spawn(run(config, process.clone()));
    while counter(&process, ACCEPTED) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    cluster.broker_down(-1).unwrap();
    match running.await.unwrap() {
        Err(SimulatorError::Undelivered(counts)) => {
            assert!(counts.failed > 0, "{counts:?}");
            assert_eq!(counts.delivered + counts.failed, 50, "{counts:?}");
        }
        other => panic!("expected undelivered orders, got {other:?}"),
    }
}

#[tokio::test]
async fn an_unreachable_broker_is_waited_for_by_name() {
    let shutdown = Shutdown::new();
    let process = Process::new(shutdown.clone());
    let running = tokio::spawn(run(config("127.0.0.1:1", args(1.0, None, 3)), process.clone()));
    let why = loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        match process.health.missing().first() {
            Some(missing) if missing.why != "starting" => break missing.clone(),
            _ => {}
        }
    };
    assert_eq!(why.need, "kafka");
    assert!(why.why.contains("127.0.0.1:1") && why.why.contains("--brokers"), "{}", why.why);
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
