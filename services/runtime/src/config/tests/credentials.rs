//! Encryption, users and passwords.

use rdkafka::ClientConfig;
use url::Url;

use super::{Command, KafkaProperties, parse};

/// The security properties that a command line makes.
fn properties(args: &[&str]) -> Vec<(&'static str, Option<String>)> {
    let config: ClientConfig = parse(args).unwrap().kafka.client("test");
    let names = [
        "security.protocol",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
    ];
    names.into_iter().map(|name| (name, config.get(name).map(str::to_owned))).collect()
}

fn some(expected: &[(&'static str, &str)]) -> Vec<(&'static str, Option<String>)> {
    let mut all = properties(&[]);
    for (name, value) in &mut all {
        *value = expected.iter().find(|(known, _)| known == name).map(|(_, value)| (*value).to_owned());
    }
    all
}

#[test]
fn without_options_nothing_is_said_about_security() {
    assert_eq!(properties(&[]), some(&[]));
    assert_eq!(properties(&["--sasl-mechanism", "PLAIN"]), some(&[]), "without a user there is no login");
}

#[test]
fn the_protocol_follows_from_what_is_given() {
    let login = ["--sasl-username", "shop", "--sasl-password", "p@ss=w,rd"];
    let user = [("sasl.username", "shop"), ("sasl.password", "p@ss=w,rd")];
    assert_eq!(properties(&["--tls"]), some(&[("security.protocol", "SSL")]));
    assert_eq!(
        properties(&login),
        some(
            &[&user[..], &[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "SCRAM-SHA-512")]]
                .concat()
        )
    );
    let plain = [&login[..], &["--tls", "--sasl-mechanism", "PLAIN"]].concat();
    assert_eq!(
        properties(&plain),
        some(&[&user[..], &[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")]].concat())
    );
}

#[test]
fn a_certificate_turns_encryption_on() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert_eq!(
        properties(&["--tls-ca", file]),
        some(&[("security.protocol", "SSL"), ("ssl.ca.location", file)])
    );
    assert_eq!(
        properties(&["--tls-cert", file, "--tls-key", file]),
        some(
            &[("security.protocol", "SSL"), ("ssl.certificate.location", file), ("ssl.key.location", file),]
        )
    );
}

#[test]
fn a_file_that_holds_no_certificate_is_told_before_anything_is_connected() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let refused = parse(&["--tls-ca", file]).unwrap().kafka.check().unwrap_err().to_string();
    assert!(refused.contains("--tls") && refused.contains("ssl.ca.location"), "{refused}");
}

#[test]
fn halves_are_refused() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for (half, other) in [
        (["--sasl-username", "shop"], "--sasl-password"),
        (["--sasl-password", "hunter2"], "--sasl-username"),
        (["--tls-cert", file], "--tls-key"),
        (["--tls-key", file], "--tls-cert"),
        (["--redis-username", "shop"], "--redis-password"),
    ] {
        let refused = parse(&half).unwrap_err().to_string();
        assert!(refused.contains(other) && !refused.contains("hunter2"), "{refused}");
    }
}

#[test]
fn librdkafka_takes_every_mechanism_that_there_is() {
    let refused = parse(&["--sasl-mechanism", "GSSAPI"]).unwrap_err().to_string();
    assert!(refused.contains("--sasl-mechanism") && refused.contains("SCRAM-SHA-256"), "{refused}");
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let login = ["--sasl-username", "u", "--sasl-password", "p", "--sasl-mechanism", mechanism];
        parse(&login).unwrap().kafka.check().unwrap();
    }
}

#[test]
fn the_users_properties_win_over_the_options() {
    let config = parse(&["--tls", "--kafka-property", "security.protocol=PLAINTEXT"]).unwrap().kafka;
    assert_eq!(config.client("test").get("security.protocol"), Some("PLAINTEXT"));
}

#[test]
fn values_of_many_lines_can_be_given_in_code() {
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    let mut kafka = parse(&[]).unwrap().kafka;
    kafka.kafka_property = vec![KafkaProperties::from_iter([("ssl.ca.pem".to_owned(), pem.clone())])];
    assert_eq!(kafka.client("test").get("ssl.ca.pem"), Some(pem.as_str()));
}

#[test]
fn passwords_are_not_printed() {
    let command: Command =
        parse(&["--sasl-username=u", "--sasl-password=hunter2", "--redis-password=hunter3"]).unwrap();
    assert!(!format!("{command:?}").contains("hunter"));
    assert!(!format!("{:?}", command.redis.address().unwrap()).contains("hunter"));
}

/// The address that these options make, or why they make none.
fn address(url: &str, user: Option<&str>, password: Option<&str>) -> Result<String, String> {
    let mut args = vec![format!("--redis-url={url}")];
    args.extend(user.map(|user| format!("--redis-username={user}")));
    args.extend(password.map(|password| format!("--redis-password={password}")));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    parse(&args).unwrap().redis.address().map(|address| address.url).map_err(|error| error.to_string())
}

#[test]
fn user_and_password_of_redis_go_into_the_url() {
    for (url, user, password, expected) in [
        ("redis://redis:6379", None, None, "redis://redis:6379"),
        ("redis://u:p@redis", None, None, "redis://u:p@redis"),
        ("redis://redis:6379", None, Some("secret"), "redis://:secret@redis:6379"),
        ("rediss://redis:6380/2", Some("shop"), Some("secret"), "rediss://shop:secret@redis:6380/2"),
        ("redis://[::1]:6379?protocol=resp3", None, Some("s"), "redis://:s@[::1]:6379?protocol=resp3"),
    ] {
        assert_eq!(address(url, user, password).as_deref(), Ok(expected));
    }
}

#[test]
fn whatever_a_password_holds_the_host_stays() {
    for password in ["p@other:1", "a/b?c#d", "%40", "100%", " ", "đồng", "[::1]", "\\", "line\nend"] {
        let url =
            Url::parse(&address("redis://redis:6379/1", Some("a:b@c%"), Some(password)).unwrap()).unwrap();
        assert_eq!((url.host_str(), url.port(), url.path()), (Some("redis"), Some(6379), "/1"), "{password}");
    }
}

#[test]
fn a_password_is_given_in_one_place_and_only_with_a_host() {
    for (url, problem) in [
        ("redis://u:hunter2@redis", "give them in one place"),
        ("redis://u@redis", "give them in one place"),
        ("redis+unix:///run/redis.sock", "with a host"),
        ("unix:///run/redis.sock", "with a host"),
        ("redis://", "with a host"),
        ("redis://a b", "with a host"),
    ] {
        let refused = address(url, None, Some("hunter3")).unwrap_err();
        assert!(refused.contains(problem) && !refused.contains("hunter"), "{url}: {refused}");
    }
}
