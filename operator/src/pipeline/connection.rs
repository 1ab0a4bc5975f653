//! How to reach Kafka and Redis.

use std::collections::BTreeSet;
use std::time::Duration;

use runtime::config::{KafkaArgs, KafkaProperties, SaslMechanism, Secret, SecurityArgs};
use url::Url;

use super::secrets::{Entry, MissingEntry, Secrets};
use crate::api::{self, SecretKey, TlsSpec};

/// How to reach Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to start from.
    pub brokers: Brokers,
    /// How connections are encrypted, if they are.
    pub tls: Option<TlsSpec>,
    /// Who we are there.
    pub login: Option<Login>,
    /// After this long the brokers give up a transaction whose owner is gone.
    pub transaction_timeout: Duration,
}

/// Brokers to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brokers {
    /// `host:port`, separated by commas.
    pub addresses: String,
    /// The ports among them.
    pub ports: BTreeSet<u16>,
}

/// A user of Kafka, by the Secret that says who.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// How to log in.
    pub mechanism: SaslMechanism,
    /// The Secret with keys `username` and `password`.
    pub secret: String,
}

/// How to reach Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// The URL, without user and password.
    pub url: String,
    /// The port in it, or Redis' own.
    pub port: u16,
    /// The Secret with keys `password` and, perhaps, `username`.
    pub secret: Option<String>,
    /// Put before every key.
    pub key_prefix: String,
}

/// Entries of the Secrets by which a user is known.
pub(crate) const USERNAME: &str = "username";
/// See [`USERNAME`].
pub(crate) const PASSWORD: &str = "password";
/// Entries of a Secret of type `kubernetes.io/tls`.
pub(crate) const TLS_CERT: &str = "tls.crt";
/// See [`TLS_CERT`].
pub(crate) const TLS_KEY: &str = "tls.key";

const REDIS_PORT: u16 = 6379;

impl Kafka {
    /// How the operator itself reaches Kafka: with what the Secrets hold.
    ///
    /// # Errors
    /// Names the first Secret or entry that is missing.
    pub fn client(&self, secrets: &Secrets) -> Result<KafkaArgs, MissingEntry> {
        let Self { brokers, tls, login, transaction_timeout: _ } = self;
        let mut kafka = KafkaArgs::to(&brokers.addresses);
        kafka.security = SecurityArgs { tls: tls.is_some(), ..SecurityArgs::default() };
        if let Some(Login { mechanism, secret }) = login {
            kafka.security.sasl_mechanism = *mechanism;
            kafka.security.sasl_username = Some(secrets.text(login_entry(secret, USERNAME))?.to_owned());
            kafka.security.sasl_password = Some(Secret::new(secrets.text(login_entry(secret, PASSWORD))?));
        }
        let mut properties = Vec::new();
        for (property, entry) in tls.iter().flat_map(certificates) {
            properties.push((property.to_owned(), secrets.text(entry)?.to_owned()));
        }
        kafka.kafka_property = vec![KafkaProperties::from_iter(properties)];
        Ok(kafka)
    }

    /// The Secrets that are needed, each once.
    pub(crate) fn secrets(&self) -> BTreeSet<&str> {
        self.entries().into_iter().map(|entry| entry.secret).collect()
    }

    /// The entries of Secrets that are needed.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let login = self
            .login
            .iter()
            .flat_map(|login| [login_entry(&login.secret, USERNAME), login_entry(&login.secret, PASSWORD)]);
        let tls = self.tls.iter().flat_map(certificates).map(|(_, entry)| entry);
        login.chain(tls).collect()
    }
}

impl Redis {
    /// The entries of Secrets that are needed.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let entry = |secret| Entry { field: "spec.redis.secret", secret, key: PASSWORD };
        self.secret.iter().map(|secret| entry(secret)).collect()
    }

    /// What is missing of them. Only views and the dashboard wait for it.
    ///
    /// # Errors
    /// Names it.
    pub(crate) fn check(&self, secrets: &Secrets) -> Result<(), MissingEntry> {
        self.entries().into_iter().try_for_each(|entry| secrets.text(entry).map(drop))
    }
}

fn login_entry<'a>(secret: &'a str, key: &'a str) -> Entry<'a> {
    Entry { field: "spec.kafka.sasl.secret", secret, key }
}

/// What librdkafka calls each certificate, and where it is.
fn certificates(tls: &TlsSpec) -> Vec<(&'static str, Entry<'_>)> {
    let TlsSpec { ca_secret, client_cert_secret } = tls;
    let authority = ca_secret.iter().map(|SecretKey { name, key }| {
        ("ssl.ca.pem", Entry { field: "spec.kafka.tls.caSecret", secret: name, key })
    });
    let own = client_cert_secret.iter().flat_map(|secret| {
        let entry = |key| Entry { field: "spec.kafka.tls.clientCertSecret", secret: &secret.name, key };
        [("ssl.certificate.pem", entry(TLS_CERT)), ("ssl.key.pem", entry(TLS_KEY))]
    });
    authority.chain(own).collect()
}

impl std::str::FromStr for Brokers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let addresses: Vec<_> = text.split(',').map(str::trim).collect();
        let ports = addresses.iter().map(|address| port(address)).collect::<Option<_>>();
        match ports {
            Some(ports) => Ok(Self { addresses: addresses.join(","), ports }),
            None => Err("must be host:port, several separated by commas, for example kafka:9092".to_owned()),
        }
    }
}

fn port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    let host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    port.parse().ok().filter(|port| host && *port > 0)
}

/// The URL as it is to be used, and its port.
pub(super) fn redis_url(text: &str) -> Result<(String, u16), String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write for example redis://redis:6379"))?;
    if !matches!(url.scheme(), "redis" | "rediss") || url.host_str().is_none_or(str::is_empty) {
        return Err("must be redis://host:port, or rediss://host:port for TLS".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user and no password: put them into a Secret and name it in \
                    spec.redis.secret.name"
            .to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must end after the port or the database's number".to_owned());
    }
    let database = url.path().trim_matches('/');
    if !database.is_empty() && database.parse::<u32>().is_err() {
        return Err(format!("{database:?} is no number of a database"));
    }
    Ok((text.to_owned(), url.port().unwrap_or(REDIS_PORT)))
}

impl From<&api::SaslSpec> for Login {
    fn from(spec: &api::SaslSpec) -> Self {
        let mechanism = match spec.mechanism {
            api::SaslMechanism::Plain => SaslMechanism::Plain,
            api::SaslMechanism::ScramSha256 => SaslMechanism::ScramSha256,
            api::SaslMechanism::ScramSha512 => SaslMechanism::ScramSha512,
        };
        Self { mechanism, secret: spec.secret.name.clone() }
    }
}
