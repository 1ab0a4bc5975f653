//! How to reach Kafka, and librdkafka's settings that all clients start from.

use std::str::FromStr;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;

use super::secret::Unechoed;
use super::security::SecurityArgs;
use crate::kafka::Context;

/// How to reach Kafka.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Kafka")]
pub struct KafkaArgs {
    /// Brokers to start from, separated by commas.
    #[arg(long, env = "KAFKA_BROKERS", value_name = "HOST:PORT", default_value = "localhost:9092")]
    #[arg(value_parser = brokers)]
    pub brokers: String,

    /// A librdkafka property (security, tuning); may be repeated. The environment variable holds one per line.
    #[arg(long, env = "KAFKA_PROPERTIES", value_name = "NAME=VALUE", hide_env_values = true)]
    #[arg(value_parser = Unechoed(KafkaProperties::from_str))]
    pub kafka_property: Vec<KafkaProperties>,

    /// Encryption and login.
    #[command(flatten)]
    pub security: SecurityArgs,
}

/// Properties as one option or one environment variable gives them: `name=value`, one per line; blank
/// lines and lines that begin with `#` say nothing. Newlines separate because values may hold commas.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KafkaProperties(Vec<(String, String)>);

/// What librdkafka does not accept.
#[derive(Debug, thiserror::Error)]
pub enum InvalidProperties {
    /// One property.
    #[error("{name}: {problem} (--kafka-property / KAFKA_PROPERTIES)")]
    Property {
        /// Which one.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Some that do not fit together, or a file that does not hold what it should.
    #[error("librdkafka cannot be set up (--tls…, --sasl-…, --kafka-property / KAFKA_PROPERTIES): {problem}")]
    Together {
        /// What librdkafka says.
        problem: String,
    },
}

impl KafkaArgs {
    /// For clients of `brokers` without further properties.
    pub fn to(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), kafka_property: Vec::new(), security: SecurityArgs::default() }
    }

    /// What every client starts from: addresses, back-offs that fit millisecond commits, and the user's
    /// properties. What a client's correctness rests on is set by its owner after this.
    pub fn client(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", client_id)
            .set("retry.backoff.ms", "10")
            .set("retry.backoff.max.ms", "200")
            .set("reconnect.backoff.max.ms", "2000")
            // a partition that was added is seen within this
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("log.connection.close", "false");
        self.security.apply(&mut config);
        self.add_properties(&mut config);
        config
    }

    /// A consumer that reads only committed records, never commits on its own and keeps little in memory.
    /// It needs a `group.id` from its owner even when it never joins a group; it has the client id here.
    pub fn consumer(&self, client_id: &str) -> ClientConfig {
        let mut config = self.client(client_id);
        config
            .set("group.id", client_id)
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed")
            // one fetch holds partitions x this, so it sets peak memory; smaller is also faster
            .set("fetch.message.max.bytes", "262144")
            .set("queued.max.messages.kbytes", "8192")
            .set("fetch.queue.backoff.ms", "10");
        self.add_properties(&mut config);
        config
    }

    /// Asks librdkafka whether it takes the user's properties, without connecting.
    ///
    /// # Errors
    /// When it refuses one; the message names the property and the option.
    pub fn check(&self) -> Result<(), InvalidProperties> {
        match self
            .client("millrace-check")
            .create_with_context::<_, BaseConsumer<Context>>(Context::default())
        {
            Ok(_) => Ok(()),
            Err(KafkaError::ClientConfig(_, description, name, value)) => {
                let _ = value; // may be a password
                Err(InvalidProperties::Property { name, problem: without_value(&description) })
            }
            Err(KafkaError::ClientCreation(problem)) => Err(InvalidProperties::Together { problem }),
            Err(other) => Err(InvalidProperties::Together { problem: other.to_string() }),
        }
    }

    fn add_properties(&self, config: &mut ClientConfig) {
        for (name, value) in self.kafka_property.iter().flat_map(|p| &p.0) {
            config.set(name, value);
        }
    }
}

/// librdkafka's descriptions may repeat the value after a colon-free quote; the first clause is enough.
fn without_value(description: &str) -> &'static str {
    if description.starts_with("No such configuration property") {
        "librdkafka knows no such property"
    } else {
        "librdkafka does not accept this value"
    }
}

/// Properties whose values may hold anything, line ends too (certificates).
impl FromIterator<(String, String)> for KafkaProperties {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(properties: I) -> Self {
        Self(properties.into_iter().collect())
    }
}

impl FromStr for KafkaProperties {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(property)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn property(line: &str) -> Result<(String, String), String> {
    match line.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("must be NAME=VALUE, for example security.protocol=SASL_SSL".to_owned()),
    }
}

fn brokers(text: &str) -> Result<String, String> {
    let fits = |part: &str| {
        let (host, port) = part.trim().rsplit_once(':')?;
        (!host.is_empty() && port.parse::<u16>().is_ok_and(|p| p > 0)).then_some(())
    };
    if text.split(',').all(|part| fits(part).is_some()) {
        Ok(text.to_owned())
    } else {
        Err("must be host:port, several separated by commas, for example localhost:9092".to_owned())
    }
}

impl std::fmt::Debug for KafkaProperties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // values may be passwords
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}
