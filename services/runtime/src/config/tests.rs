use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

use super::*;

mod credentials;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    redis: RedisArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    admin: AdminArgs,
    #[command(flatten)]
    log: LogArgs,
    #[arg(long, value_parser = duration, default_value = "50ms")]
    interval: Duration,
}

fn parse(args: &[&str]) -> Result<Command, clap::Error> {
    Command::try_parse_from(std::iter::once("millrace").chain(args.iter().copied()))
}

/// The message for an option whose value is refused.
fn refusal(option: &str, value: &str) -> String {
    let error = parse(&[&format!("{option}={value}")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ValueValidation);
    error.to_string()
}

#[test]
fn defaults_are_those_of_a_course_project_on_one_machine() {
    let command = parse(&[]).unwrap();
    assert_eq!(command.kafka.brokers, "localhost:9092");
    assert_eq!(command.redis.redis_url, "redis://localhost:6379");
    assert_eq!(command.redis.key_prefix, "");
    assert_eq!(command.pipeline.topics(), contract::Topics::named("shop"));
    assert_eq!(command.admin.admin_listen.to_string(), "0.0.0.0:9464");
    assert_eq!(command.interval, Duration::from_millis(50));
}

#[test]
fn a_refused_value_names_its_option() {
    for (option, value) in [
        ("--brokers", "localhost"),
        ("--brokers", "localhost:9092,"),
        ("--brokers", "localhost:0"),
        ("--kafka-property", "security.protocol"),
        ("--redis-url", "localhost:6379"),
        ("--pipeline", "a b"),
        ("--orders-topic", ""),
        ("--metrics-topic", "a/b"),
        ("--alerts-topic", ".."),
        ("--admin-listen", "localhost"),
        ("--log", "millrace=loud"),
        ("--interval", "fast"),
        ("--tls-ca", "/does/not/exist"),
        ("--tls-cert", "/does/not/exist"),
        ("--tls-key", "/does/not/exist"),
        ("--sasl-username", ""),
        ("--sasl-password", ""),
        ("--redis-password", ""),
        ("--interval", "-5s"),
    ] {
        assert!(refusal(option, value).contains(option), "{option} {value}");
    }
}

#[test]
fn properties_come_one_per_option_or_one_per_line() {
    let command =
        parse(&["--kafka-property", "a=1", "--kafka-property", "\n# tuning\n b = x=y,z \n\nc=\n"]).unwrap();
    let config = command.kafka.client("test");
    assert_eq!(config.get("a"), Some("1"));
    assert_eq!(config.get("b"), Some("x=y,z"));
    assert_eq!(config.get("c"), Some(""));
}

#[test]
fn the_users_properties_win_over_defaults() {
    let mut kafka = KafkaArgs::to("localhost:9092");
    kafka.kafka_property = vec!["retry.backoff.ms=77\nfetch.message.max.bytes=1048576".parse().unwrap()];
    assert_eq!(kafka.client("test").get("retry.backoff.ms"), Some("77"));
    assert_eq!(kafka.consumer("test").get("fetch.message.max.bytes"), Some("1048576"));
}

#[test]
fn a_property_that_librdkafka_refuses_is_named_without_its_value() {
    let refused = |property: &str| {
        let mut kafka = KafkaArgs::to("localhost:9092");
        kafka.kafka_property = vec![property.parse().unwrap()];
        kafka.check().unwrap_err().to_string()
    };
    let unknown = refused("sasl.pasword=hunter2");
    assert!(unknown.contains("sasl.pasword") && unknown.contains("--kafka-property"), "{unknown}");
    assert!(!unknown.contains("hunter2"), "{unknown}");

    let wrong = refused("security.protocol=tls");
    assert!(wrong.contains("security.protocol") && !wrong.contains("=tls"), "{wrong}");

    KafkaArgs::to("localhost:9092").check().unwrap();
}

#[test]
fn a_refused_secret_is_not_repeated() {
    for (option, value) in
        [("--redis-url", "u:hunter2@host"), ("--kafka-property", "sasl.password=hunter2\nsasl")]
    {
        let refused = refusal(option, value);
        assert!(refused.contains(option) && !refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let command =
        parse(&["--redis-url", "redis://u:hunter2@host", "--kafka-property", "sasl.password=hunter2"])
            .unwrap();
    assert!(!format!("{command:?}").contains("hunter2"));
}
