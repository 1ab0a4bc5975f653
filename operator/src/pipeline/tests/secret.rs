//! Secrets are read only where they are needed, and never shown.

use k8s_openapi::api::core::v1::Secret;
use runtime::config::SaslMechanism;

use super::*;

#[test]
fn the_secrets_that_are_needed_are_known_by_name() {
    let pipeline = pipeline("full");
    assert_eq!(pipeline.secret_names(), ["kafka-ca", "kafka-client", "kafka-user", "redis-auth"]);
    assert!(pipeline.kafka.client(&secrets()).is_ok() && pipeline.redis.check(&secrets()).is_ok());
}

#[test]
fn what_is_missing_is_named_with_its_field_and_the_way_out() {
    let without = |at: usize, with: Option<Secret>| {
        let mut some = all_secrets();
        some.remove(at);
        some.extend(with);
        let (pipeline, some) = (pipeline("full"), Secrets::from_iter(some));
        let missing = pipeline.kafka.client(&some).map(drop).and_then(|()| pipeline.redis.check(&some));
        missing.unwrap_err().to_string()
    };
    let create =
        |key: &str| format!("create it in the pipeline's namespace, with the key {key}, or name another");
    assert_eq!(
        without(0, None),
        format!("there is no Secret kafka-ca (spec.kafka.tls.caSecret): {}", create("authority.pem"))
    );
    assert_eq!(
        without(1, None),
        format!("there is no Secret kafka-client (spec.kafka.tls.clientCertSecret): {}", create("tls.crt"))
    );
    assert_eq!(
        without(2, Some(secret("kafka-user", &["username", "passwort"]))),
        "the Secret kafka-user (spec.kafka.sasl.secret) has no key password, or nothing readable under it: add it"
    );
    assert_eq!(
        without(3, None),
        format!("there is no Secret redis-auth (spec.redis.secret): {}", create("password"))
    );
}

#[test]
fn the_operator_reaches_kafka_with_what_the_secrets_hold() {
    let kafka = pipeline("full").kafka.client(&secrets()).unwrap();
    assert_eq!(kafka.security.sasl_mechanism, SaslMechanism::ScramSha256);
    let config = kafka.client("test");
    for (property, expected) in [
        ("bootstrap.servers", "b-0.kafka:9093,b-1.kafka:9094"),
        ("security.protocol", "SASL_SSL"),
        ("sasl.username", "hunter2-kafka-user-username"),
        ("sasl.password", "hunter2-kafka-user-password"),
        ("ssl.ca.pem", "hunter2-kafka-ca-authority.pem"),
        ("ssl.certificate.pem", "hunter2-kafka-client-tls.crt"),
        ("ssl.key.pem", "hunter2-kafka-client-tls.key"),
    ] {
        assert_eq!(config.get(property), Some(expected), "{property}");
    }
    assert!(!format!("{kafka:?}").contains("hunter2-kafka-user-password"), "{kafka:?}");
    let plain = pipeline("minimal").kafka.client(&Secrets::default()).unwrap().client("test");
    assert_eq!(plain.get("security.protocol"), None);
}

#[test]
fn without_its_secret_it_does_not_try() {
    let missing = pipeline("full").kafka.client(&Secrets::default()).unwrap_err();
    assert!(
        missing.to_string().starts_with("there is no Secret kafka-user (spec.kafka.sasl.secret)"),
        "{missing}"
    );
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", secrets());
    assert!(printed.contains("redis-auth") && !printed.contains(MARK), "{printed}");
}
