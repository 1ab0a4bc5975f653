//! How to reach Kafka.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, schema};

/// How to reach Kafka, and how stages use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSpec {
    /// Brokers to start from, `host:port`, several separated by commas. At most 1,000 characters.
    #[schemars(length(min = 1, max = 1_000), extend("x-kubernetes-validations" = schema::brokers()))]
    pub bootstrap_servers: String,

    /// Encrypts connections. Without: plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,

    /// Says who we are. Without: nobody in particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<SaslSpec>,

    /// How often a stage commits while orders flow. Shorter: results are seen sooner; longer: less work for the
    /// brokers. Default: 50ms; 1ms to 10s.
    #[serde(default = "KafkaSpec::default_commit_interval")]
    #[schemars(extend("x-kubernetes-validations" = schema::duration("commitInterval", "1ms", "10s")))]
    pub commit_interval: Duration,

    /// After this long the brokers give up a transaction whose owner is gone. Until then readers of its results may
    /// wait. Default: 10s; 1s to 15m (the brokers' own limit is 15m unless configured).
    #[serde(default = "KafkaSpec::default_transaction_timeout")]
    #[schemars(extend("x-kubernetes-validations" = schema::duration("transactionTimeout", "1s", "15m")))]
    pub transaction_timeout: Duration,
}

/// How connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsSpec {
    /// The authority that signed the brokers' certificates. Without: the public ones that the image holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret: Option<SecretKey>,

    /// A certificate to show to the brokers (mutual TLS). Without: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cert_secret: Option<CertificateSecret>,
}

/// How we say who we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaslSpec {
    /// How the password is proved. `PLAIN` sends it: use it with TLS only.
    pub mechanism: SaslMechanism,

    /// The Secret with keys `username` and `password`.
    pub secret: SecretName,
}

/// Ways to prove a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SaslMechanism {
    /// Sends the password.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Challenge and response over SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Challenge and response over SHA-512.
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

/// A Secret of the pipeline's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretName {
    /// The Secret's name, in the namespace of this resource. At most 253 characters.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::object_name("name")))]
    pub name: String,
}

/// A Secret of type `kubernetes.io/tls`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSecret {
    /// The Secret's name, in the namespace of this resource; its keys are `tls.crt` and `tls.key`. At most 253
    /// characters.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::object_name("name")))]
    pub name: String,
}

/// One entry of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// The Secret's name, in the namespace of this resource. At most 253 characters.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::object_name("name")))]
    pub name: String,

    /// The entry with the certificate, PEM. Default: `ca.crt`. At most 253 characters.
    #[serde(default = "SecretKey::default_key")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::secret_entry()))]
    pub key: String,
}

impl KafkaSpec {
    const fn default_commit_interval() -> Duration {
        Duration::from_millis(50)
    }
    const fn default_transaction_timeout() -> Duration {
        Duration::from_millis(10_000)
    }
}

impl SecretKey {
    fn default_key() -> String {
        "ca.crt".to_owned()
    }
}
