use std::time::Duration;

use contract::ProcessorName;
use contract::settings::{FraudSettings, SimulatorSettings};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{MARK, all_secrets, pipeline, resource, secret, secrets, validate};

mod secret;

/// What is wrong when the field at `path` of the small resource is `value`.
fn violations(path: &str, value: Value) -> Vec<String> {
    let mut json = serde_json::to_value(resource("minimal")).unwrap();
    let mut place = &mut json;
    for step in path.split('.') {
        place = place.as_object_mut().unwrap().entry(step).or_insert_with(|| json!({}));
    }
    *place = value;
    let found = validate(&serde_json::from_value(json).unwrap()).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_left_out_has_its_default() {
    let pipeline = pipeline("minimal");
    assert_eq!(pipeline.identity.pipeline(), "prod.shop");
    assert_eq!(pipeline.topics, contract::Topics::named("prod.shop"));
    assert_eq!(pipeline.settings, contract::Settings::default());
    assert_eq!(pipeline.redis.key_prefix, "{prod.shop}:");
    assert_eq!(pipeline.image.name, "registry.example/millrace:0.1.0");
    assert_eq!(pipeline.kafka.transaction_timeout, Duration::from_secs(10));
    assert_eq!(pipeline.network_policy, None);
    let processors: Vec<_> = pipeline.processors.iter().map(|p| (p.name, p.scaling)).collect();
    assert_eq!(processors, ProcessorName::ALL.map(|name| (name, Scaling::Fixed { replicas: 1 })));
    let components: Vec<_> = pipeline.components().iter().map(ToString::to_string).collect();
    assert_eq!(components, ["revenue", "fraud", "trend", "views", "dashboard"]);
    assert_eq!(pipeline.secret_names(), Vec::<String>::new());
}

#[test]
fn what_is_said_holds() {
    let pipeline = pipeline("full");
    assert_eq!(pipeline.settings.fraud, FraudSettings { high_value: 1000, orders_per_minute: 5 });
    assert_eq!((pipeline.settings.commit_interval_ms, pipeline.settings.view_interval_ms), (20, 50));
    assert_eq!(pipeline.settings.trend_top_k, 3);
    assert_eq!(
        pipeline.settings.simulator,
        SimulatorSettings { orders_per_second: 10, suspicious_percent: 5 }
    );
    assert_eq!(pipeline.topics.dead_letters, "shop-orders.dead-letter");
    assert_eq!(pipeline.kafka.brokers.ports, [9093, 9094].into());
    assert_eq!(pipeline.redis.port, 6380);
    assert_eq!(pipeline.image.name, "registry.example:5000/millrace:1.2.3");
    let scaling: Vec<_> = pipeline.processors.iter().map(|processor| processor.scaling).collect();
    let max_lag = Duration::from_secs(10);
    assert_eq!(
        scaling,
        [Scaling::Fixed { replicas: 2 }, Scaling::Auto { min: 2, max: 8, max_lag }, Scaling::External]
    );
    assert_eq!(pipeline.network_policy, Some(OperatorNamespace("millrace-system".to_owned())));
}

/// Each value is refused at its path, once, with a message that begins as expected and repeats no password.
fn refused<const N: usize>(cases: [(&str, Value, &str); N]) {
    for (path, value, expected) in cases {
        let found = violations(path, value);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{path}: {found:#?} for {expected}");
        assert!(!found[0].contains(MARK), "{found:?}");
    }
}

#[test]
fn names_and_addresses_that_are_wrong_are_told_with_their_field() {
    refused([
        ("metadata.name", json!("9shop"), "metadata.name: \"9shop\" cannot be the beginning of a Service's"),
        ("metadata.name", json!("a.b"), "metadata.name: \"a.b\" cannot"),
        ("metadata.name", json!("x".repeat(54)), "metadata.name: the name has 54 characters"),
        ("metadata.uid", Value::Null, "metadata.uid: is missing"),
        ("spec.kafka.bootstrapServers", json!("kafka"), "spec.kafka.bootstrapServers: must be host:port"),
        ("spec.kafka.bootstrapServers", json!("kafka:9092,"), "spec.kafka.bootstrapServers: must be"),
        ("spec.kafka.bootstrapServers", json!("kafka:0"), "spec.kafka.bootstrapServers: must be"),
        ("spec.kafka.tls", json!({"caSecret": {"name": "A"}}), "spec.kafka.tls.caSecret.name: \"A\" is no"),
        (
            "spec.kafka.tls",
            json!({"caSecret": {"name": "a", "key": "../x"}}),
            "spec.kafka.tls.caSecret.key: \"../x\" is no",
        ),
        ("spec.redis.url", json!("http://redis:6379"), "spec.redis.url: must be redis://host:port"),
        ("spec.redis.url", json!("redis://"), "spec.redis.url: must be redis://host:port"),
        ("spec.redis.url", json!("redis:6379"), "spec.redis.url: must be redis://host:port"),
        ("spec.redis.url", json!("redis://u:hunter2@redis"), "spec.redis.url: must hold no user"),
        ("spec.redis.url", json!("redis://redis/one"), "spec.redis.url: \"one\" is no number"),
        ("spec.redis.url", json!("redis://redis?password=hunter2"), "spec.redis.url: must end after"),
        ("spec.redis.keyPrefix", json!("a\n"), "spec.redis.keyPrefix: must have at most 200 bytes"),
        ("spec.topics.alerts.name", json!("orders"), "spec.topics.alerts.name: the orders topic and the"),
        (
            "spec.topics.orders.name",
            json!("prod.shop.settings"),
            "spec.topics.orders.name: the orders topic and the settings topic of the pipeline are both",
        ),
        ("spec.topics.orders.name", json!("a b"), "spec.topics.orders.name: the orders topic is \"a b\""),
        ("spec.topics.orders.name", json!("o".repeat(201)), "spec.topics.orders.name: has 201 characters"),
        ("spec.dashboard.ingress", json!({"host": "A.b"}), "spec.dashboard.ingress.host: \"A.b\" is no name"),
        ("spec.image.tag", json!("a b"), "spec.image: \"registry.example/millrace:a b\" names no image"),
        ("spec.image.tag", json!("1@sha256:00"), "spec.image: \"registry.example/millrace:1@sha256:00\""),
        ("spec.image.repository", json!("a:1"), "spec.image: \"a:1:0.1.0\" names no image"),
    ]);
}

#[test]
fn numbers_that_are_wrong_are_told_with_their_field() {
    refused([
        ("spec.kafka.commitInterval", json!("11s"), "spec.kafka.commitInterval: commitIntervalMs is 11000"),
        ("spec.kafka.transactionTimeout", json!("16m"), "spec.kafka.transactionTimeout: is 16m; it must be"),
        ("spec.topics.metrics.partitions", json!(0), "spec.topics.metrics.partitions: is 0; it must be"),
        ("spec.topics.alerts.replicationFactor", json!(10), "spec.topics.alerts.replicationFactor: is 10"),
        (
            "spec.processors.fraud.scaling.replicas",
            json!(4),
            "spec.processors.fraud.scaling.replicas: is 4; it must be from 1 to 3, the partitions of",
        ),
        (
            "spec.processors.trend.scaling",
            json!({"mode": "Auto", "min": 3, "max": 2}),
            "spec.processors.trend.scaling.min: is 3; it must be from 1 to 2",
        ),
        (
            "spec.processors.trend.scaling",
            json!({"mode": "Auto", "max": 4}),
            "spec.processors.trend.scaling.max: is 4",
        ),
        (
            "spec.processors.trend.scaling",
            json!({"mode": "Auto", "maxLag": "0s"}),
            "spec.processors.trend.scaling.maxLag: is 0s; it must be from 1s to 3600s",
        ),
        ("spec.processors.trend.topK", json!(101), "spec.processors.trend.topK: trendTopK is 101"),
        (
            "spec.processors.fraud.thresholds.ordersPerMinute",
            json!(0),
            "spec.processors.fraud.thresholds.ordersPerMinute: fraud.ordersPerMinute is 0",
        ),
        (
            "spec.views.resources",
            json!({"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}),
            "spec.views.resources.requests.memory: 2Gi is more than the limit 1Gi",
        ),
        ("spec.dashboard.replicas", json!(21), "spec.dashboard.replicas: is 21; it must be from 0 to 20"),
    ]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut resource = resource("minimal");
    resource.spec.kafka.bootstrap_servers = "kafka".to_owned();
    resource.spec.redis.url = "redis".to_owned();
    resource.spec.topics.orders.partitions = 0;
    resource.metadata.namespace = None;
    let found: Vec<_> =
        validate(&resource).unwrap_err().into_iter().map(|violation| violation.path).collect();
    for path in [
        "metadata.namespace",
        "spec.kafka.bootstrapServers",
        "spec.redis.url",
        "spec.topics.orders.partitions",
        "spec.processors.revenue.scaling.replicas",
    ] {
        assert!(found.iter().any(|found| found == path), "{path} is not in {found:?}");
    }
}

#[test]
fn what_is_off_is_not_there() {
    let mut resource = resource("full");
    resource.spec.processors.revenue.enabled = false;
    resource.spec.dashboard.replicas = 0;
    resource.spec.simulator.enabled = false;
    let components = validate(&resource).unwrap().components();
    let components: Vec<_> = components.iter().map(ToString::to_string).collect();
    assert_eq!(components, ["fraud", "trend", "views"]);
}

#[test]
fn defaults_of_resources_give_way_to_what_is_said() {
    let pipeline = pipeline("full");
    let amounts = |amount: &Amount| (amount.request.as_str().to_owned(), amount.limit.as_str().to_owned());
    let said = |request: &str, limit: &str| (request.to_owned(), limit.to_owned());
    let [revenue, fraud, trend] = &pipeline.processors[..] else { panic!("three processors") };
    assert_eq!(amounts(&revenue.allotment.memory), said("1Gi", "1Gi"), "the limit rises to the request");
    assert_eq!(amounts(&revenue.allotment.cpu), said("250m", "2"));
    assert_eq!(amounts(&fraud.allotment.memory), said("200Mi", "200Mi"), "the request falls to the limit");
    assert_eq!(amounts(&trend.allotment.memory), said("256Mi", "512Mi"));
}

#[test]
fn images_are_named_by_repository_and_version() {
    let spec = |repository: Option<&str>, tag: Option<&str>| crate::api::ImageSpec {
        repository: repository.map(str::to_owned),
        tag: tag.map(str::to_owned),
        ..crate::api::ImageSpec::default()
    };
    for (default, repository, tag, expected) in [
        ("millrace:1", None, None, "millrace:1"),
        ("host:5000/a/millrace:1", None, Some("2"), "host:5000/a/millrace:2"),
        ("host:5000/millrace:1", Some("other/millrace"), None, "other/millrace:1"),
        ("millrace@sha256:0a1b", None, None, "millrace@sha256:0a1b"),
        ("millrace:1@sha256:0a1b", None, Some("2"), "millrace:2"),
    ] {
        let default: ImageName = default.parse().unwrap();
        assert_eq!(default.with(&spec(repository, tag)).unwrap().name, expected);
    }
    for wrong in
        ["", "millrace", ":1", "a b:1", "millrace:", "Millrace:1", "a//b:1", "a@b", "a:1@b c", "a:1:2"]
    {
        assert!(wrong.parse::<ImageName>().is_err(), "{wrong}");
    }
}
