//! Reaching Kafka: what is wrong when it cannot be reached, and waiting until it can.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use crate::config::KafkaArgs;
use crate::{Need, Shutdown};

const ASK_TIMEOUT: Duration = Duration::from_secs(1);
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// More events than a client makes in one failed question.
const EVENTS_SERVED: usize = 64;

/// A client context that remembers the last error the client reported, which says more than the error of
/// the call that failed. Clones share the memory.
#[derive(Clone, Debug, Default)]
pub struct Context {
    last: Arc<Mutex<Option<Trouble>>>,
}

#[derive(Clone, Debug)]
struct Trouble {
    code: RDKafkaErrorCode,
    reason: String,
}

/// Asks the cluster what it has. Blocks up to a second a question: not for async code.
pub struct Probe {
    consumer: BaseConsumer<Context>,
    context: Context,
    brokers: String,
}

/// The cluster did not answer; says which option names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No broker answered.
    #[error("cannot reach {brokers} (--brokers / KAFKA_BROKERS): {reason}")]
    NoAnswer {
        /// The configured addresses.
        brokers: String,
        /// What the client said last.
        reason: String,
    },
    /// A broker answered and refused the credentials or the TLS handshake.
    #[error(
        "{brokers} refused the connection (--tls…, --sasl-…, --kafka-property / KAFKA_PROPERTIES): {reason}"
    )]
    Refused {
        /// The configured addresses.
        brokers: String,
        /// What the client said last.
        reason: String,
    },
}

/// Waiting ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The process was told to stop.
    #[error("told to stop while waiting for Kafka")]
    Stopped,
    /// No client can be made.
    #[error("cannot make a Kafka client (--kafka-property / KAFKA_PROPERTIES)")]
    Client(#[from] KafkaError),
}

impl Probe {
    /// Makes the client; connects to nothing yet. `create_topics`: whether asking for a topic that does not
    /// exist may make the broker create it, where the broker is set so.
    ///
    /// # Errors
    /// When librdkafka refuses the configuration.
    pub fn new(kafka: &KafkaArgs, client_id: &str, create_topics: bool) -> KafkaResult<Self> {
        let context = Context::default();
        let consumer = kafka
            .consumer(client_id)
            .set("allow.auto.create.topics", create_topics.to_string())
            .create_with_context(context.clone())?;
        Ok(Self { consumer, context, brokers: kafka.brokers.clone() })
    }

    /// How many partitions `topic` has; `None` when it does not exist (or this user may not see it).
    ///
    /// # Errors
    /// When no broker answers within a second.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>, Unreachable> {
        let metadata =
            self.consumer.fetch_metadata(Some(topic), ASK_TIMEOUT).map_err(|e| self.unreachable(&e))?;
        let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
        Ok(found.map(|t| count(t.partitions().len())).filter(|n| *n > 0))
    }

    /// How many copies each partition of `topic` has; `None` when it does not exist.
    ///
    /// # Errors
    /// When no broker answers within a second.
    pub(crate) fn copies(&self, topic: &str) -> Result<Option<i32>, Unreachable> {
        let metadata = self.metadata(Some(topic), ASK_TIMEOUT)?;
        let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
        let copies = found.and_then(|t| t.partitions().iter().map(|p| p.replicas().len()).min());
        Ok(copies.map(count).filter(|n| *n > 0))
    }

    /// All topics this user may see, with their partition counts.
    ///
    /// # Errors
    /// When no broker answers within a second.
    pub fn topics(&self) -> Result<Vec<(String, i32)>, Unreachable> {
        let metadata = self.consumer.fetch_metadata(None, ASK_TIMEOUT).map_err(|e| self.unreachable(&e))?;
        let present = metadata.topics().iter().filter(|t| t.error().is_none());
        Ok(present.map(|t| (t.name().to_owned(), count(t.partitions().len()))).collect())
    }

    /// What the cluster says of `topic`, or of all topics this user may see.
    ///
    /// # Errors
    /// When no broker answers within `timeout`.
    pub(crate) fn metadata(&self, topic: Option<&str>, timeout: Duration) -> Result<Metadata, Unreachable> {
        self.consumer.fetch_metadata(topic, timeout).map_err(|e| self.unreachable(&e))
    }

    /// The names of all consumer groups this user may see.
    ///
    /// # Errors
    /// When no broker answers within `timeout`.
    pub(crate) fn groups(&self, timeout: Duration) -> Result<Vec<String>, Unreachable> {
        let groups = self.consumer.fetch_group_list(None, timeout).map_err(|e| self.unreachable(&e))?;
        Ok(groups.groups().iter().map(|group| group.name().to_owned()).collect())
    }

    /// Whether any broker answers.
    ///
    /// # Errors
    /// When none does within a second.
    pub fn reach(&self) -> Result<(), Unreachable> {
        self.consumer
            .client()
            .fetch_cluster_id(ASK_TIMEOUT)
            .map(drop)
            .ok_or_else(|| self.unreachable(&KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut)))
    }

    fn unreachable(&self, error: &KafkaError) -> Unreachable {
        for _ in 0..EVENTS_SERVED {
            // hands one event, most often a log line or an error, to the context
            self.consumer.poll(Duration::ZERO);
        }
        let brokers = self.brokers.clone();
        match self.context.take() {
            Some(Trouble { code, reason }) if is_refusal(code, &reason) => {
                Unreachable::Refused { brokers, reason }
            }
            Some(Trouble { reason, .. }) => Unreachable::NoAnswer { brokers, reason },
            None => Unreachable::NoAnswer { brokers, reason: error.to_string() },
        }
    }
}

fn count(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(i32::MAX)
}

fn is_refusal(code: RDKafkaErrorCode, reason: &str) -> bool {
    use RDKafkaErrorCode as Code;
    // a listener without TLS just hangs up, which counts as a failure of transport
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL)
        || reason.contains("SSL handshake failed")
}

/// Waits until a broker answers; `need` says meanwhile why none does.
///
/// # Errors
/// When told to stop, or when no client can be made.
pub async fn wait_for_broker(kafka: &KafkaArgs, need: &Need, shutdown: &Shutdown) -> Result<(), WaitError> {
    wait(kafka, need, shutdown, Probe::reach_once).await
}

/// Waits until `topic` exists, and says how many partitions it has. Where the broker creates topics on its
/// own, asking creates it. `option` is what names the topic on the command line, for the message in `need`.
///
/// # Errors
/// When told to stop, or when no client can be made.
pub async fn wait_for_topic(
    kafka: &KafkaArgs,
    topic: &str,
    option: &'static str,
    need: &Need,
    shutdown: &Shutdown,
) -> Result<i32, WaitError> {
    let topic = topic.to_owned();
    wait(kafka, need, shutdown, move |probe| {
        probe.partitions(&topic).map_err(|e| e.to_string())?.ok_or_else(|| {
            format!(
                "topic {topic} does not exist (or this user may not see it) and the broker does not create it: \
                 create it with `millrace topics apply`, or name another with {option}"
            )
        })
    })
    .await
}

async fn wait<T: Send + 'static>(
    kafka: &KafkaArgs,
    need: &Need,
    shutdown: &Shutdown,
    ask: impl Fn(&Probe) -> Result<T, String> + Clone + Send + 'static,
) -> Result<T, WaitError> {
    let probe = Arc::new(Probe::new(kafka, "millrace-probe", true)?);
    loop {
        let (asked, ask) = (Arc::clone(&probe), ask.clone());
        let answer = tokio::task::spawn_blocking(move || ask(&asked));
        let answer = tokio::select! {
            () = shutdown.cancelled() => return Err(WaitError::Stopped),
            answer = answer => answer.unwrap_or_else(|panicked| Err(panicked.to_string())),
        };
        match answer {
            Ok(found) => {
                need.met();
                return Ok(found);
            }
            Err(why) => need.missing(why),
        }
        tokio::select! {
            () = shutdown.cancelled() => return Err(WaitError::Stopped),
            () = tokio::time::sleep(RETRY_PAUSE) => {}
        }
    }
}

impl Probe {
    fn reach_once(&self) -> Result<(), String> {
        self.reach().map_err(|e| e.to_string())
    }
}

impl Context {
    fn take(&self) -> Option<Trouble> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Context {
    /// What matters of it is told through [`Unreachable`].
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // "all brokers are down" follows the reason why and says less
        if code != RDKafkaErrorCode::AllBrokersDown || last.is_none() {
            *last = Some(Trouble { code, reason: reason.to_owned() });
        }
    }
}

impl ConsumerContext for Context {}
