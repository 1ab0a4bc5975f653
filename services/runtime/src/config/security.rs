//! How connections to Kafka are encrypted, and who we are there.

use std::path::PathBuf;

use rdkafka::ClientConfig;

use super::secret::{Secret, Unechoed};

/// Encryption of the connections to the brokers, and who we are there. What these options say can be said with
/// librdkafka's own properties too (`--kafka-property`), and those win; but here a password is a value of its own.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kafka")]
pub struct SecurityArgs {
    /// Encrypt the connections to the brokers; any authority that this machine trusts may vouch for them.
    #[arg(long, env = "KAFKA_TLS")]
    pub tls: bool,

    /// PEM file of the authorities that may vouch for the brokers, and no others. Turns --tls on.
    #[arg(long, env = "KAFKA_TLS_CA", value_name = "FILE", value_parser = readable)]
    pub tls_ca: Option<PathBuf>,

    /// PEM file of the certificate to show to the brokers. Turns --tls on.
    #[arg(long, env = "KAFKA_TLS_CERT", value_name = "FILE", value_parser = readable, requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// PEM file of the certificate's private key.
    #[arg(long, env = "KAFKA_TLS_KEY", value_name = "FILE", value_parser = readable, requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Log in to the brokers as this user.
    #[arg(long, env = "KAFKA_SASL_USERNAME", value_name = "NAME", requires = "sasl_password")]
    #[arg(value_parser = Unechoed(not_empty))]
    pub sasl_username: Option<String>,

    /// The user's password. Better given by the environment variable: other processes can read command lines.
    #[arg(long, env = "KAFKA_SASL_PASSWORD", value_name = "PASSWORD", requires = "sasl_username")]
    #[arg(hide_env_values = true, value_parser = Unechoed(Secret::parse))]
    pub sasl_password: Option<Secret>,

    /// How to log in.
    #[arg(long, env = "KAFKA_SASL_MECHANISM", value_name = "MECHANISM", value_enum, default_value_t)]
    pub sasl_mechanism: SaslMechanism,
}

/// How a user logs in to Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SaslMechanism {
    /// The password itself; only over TLS.
    #[value(name = "PLAIN")]
    Plain,
    /// Proof of knowing the password (RFC 7677).
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    /// The same with the longer hash.
    #[default]
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    /// What Kafka calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl SecurityArgs {
    /// Adds what is said to `config`; nothing if nothing is said.
    pub(super) fn apply(&self, config: &mut ClientConfig) {
        let Self { tls, tls_ca, tls_cert, tls_key, sasl_username, sasl_password, sasl_mechanism } = self;
        let tls = *tls || tls_ca.is_some() || tls_cert.is_some();
        let protocol = match (tls, sasl_username.is_some()) {
            (false, false) => return,
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (true, true) => "SASL_SSL",
        };
        config.set("security.protocol", protocol);
        for (property, file) in [
            ("ssl.ca.location", tls_ca),
            ("ssl.certificate.location", tls_cert),
            ("ssl.key.location", tls_key),
        ] {
            if let Some(file) = file {
                config.set(property, file.to_string_lossy());
            }
        }
        if let (Some(user), Some(password)) = (sasl_username, sasl_password) {
            config
                .set("sasl.mechanism", sasl_mechanism.as_str())
                .set("sasl.username", user)
                .set("sasl.password", password.expose());
        }
    }
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn readable(path: &str) -> Result<PathBuf, String> {
    // librdkafka would say so too, but not which option it was
    std::fs::File::open(path).map(|_| PathBuf::from(path)).map_err(|error| error.to_string())
}
