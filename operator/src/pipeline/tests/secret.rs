//! Secrets are read only where they are needed, and never shown.

use runtime::config::SaslMechanism;

use super::*;

#[test]
fn the_secrets_that_are_needed_are_known_by_name() {
    let pipeline = pipeline("full");
    assert_eq!(pipeline.secret_names(), ["kafka-ca", "kafka-client", "kafka-user", "redis-auth"]);
    assert_eq!(pipeline.missing_entries(&secrets()), []);
}

#[test]
fn what_is_missing_is_named() {
    let mut some = all_secrets();
    some.remove(0);
    some[1] = secret("kafka-user", &["username", "passwort"]);
    some[2] = secret("redis-auth", &["username"]);
    let missing = pipeline("full").missing_entries(&Secrets::from_iter(some));
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        missing,
        [
            "there is no Secret kafka-ca",
            "the Secret kafka-user has no key password, or nothing readable under it",
            "the Secret redis-auth has no key password, or nothing readable under it",
        ]
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
    assert_eq!(missing.to_string(), "there is no Secret kafka-user");
}

#[test]
fn secrets_are_not_printed() {
    let printed = format!("{:?}", secrets());
    assert!(printed.contains("redis-auth") && !printed.contains(MARK), "{printed}");
}
