//! Changing the settings topic, one writer at a time.

use std::time::{Duration, Instant};

use contract::settings::{Owner, SETTINGS_KEY, SettingsError, SettingsRecord};
use contract::{Settings, Topics};
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::Directory;
use super::log::{PARTITION, Polled, SettingsLog};
use crate::config::KafkaArgs;
use crate::kafka::Probe;
use crate::topics::{SETTINGS_CONFIG, TopicsError, ensure_internal};

/// How long the whole change may take.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// Why the settings topic was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The settings are not valid.
    #[error("the settings are not valid")]
    Invalid(#[from] SettingsError),
    /// The operator set them and would set them back.
    #[error(
        "the settings of this pipeline belong to the operator, which would set them back: change the \
         AnalyticsPipeline resource instead, or force it"
    )]
    OwnedByOperator,
    /// Something there cannot be read: what to write cannot be decided.
    #[error(
        "the record {key:?} of topic {topic} cannot be read, so nothing was written: {problem}. Run the version of \
         millrace that wrote it, or a newer one; if none did, {}",
        way_out(key)
    )]
    Unreadable {
        /// The settings topic.
        topic: String,
        /// The record's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The topic cannot be created or seen.
    #[error(transparent)]
    Topic(#[from] TopicsError),
    /// Somebody else changed the topic at the same time; nothing was written.
    #[error("somebody else changes the settings at the same moment; nothing was written, try again")]
    Overtaken,
    /// A call to Kafka failed.
    #[error("cannot {action} the settings topic{}", lacking(right.as_deref()))]
    Kafka {
        /// What was tried.
        action: &'static str,
        /// The right that this user lacks, if that is why: `Write on transactional id prod.shop.settings`.
        right: Option<String>,
        /// The failure.
        #[source]
        source: KafkaError,
    },
    /// Kafka took too long.
    #[error("the settings topic was not read to its end within {} s", DEADLINE.as_secs())]
    Late,
}

impl PublishError {
    fn kafka(action: &'static str, topics: &Topics, source: KafkaError) -> Self {
        let name = topics.settings();
        let operation = if action == "read" { "Read" } else { "Write" };
        let right = match source.rdkafka_error_code() {
            Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => {
                Some(format!("Write on transactional id {name}"))
            }
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Some(format!("{operation} on topic {name}")),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Some(format!("Describe on group {name}")),
            _ => None,
        };
        Self::Kafka { action, right, source }
    }
}

fn way_out(key: &str) -> &'static str {
    if key == SETTINGS_KEY {
        "replace it with `millrace settings set --force`"
    } else {
        "write a tombstone under this key (a record without a value) and start the stage that runs the processor"
    }
}

fn lacking(right: Option<&str>) -> String {
    right.map(|right| format!(": this user is not allowed to; grant it {right}")).unwrap_or_default()
}

/// A record to write: its key, and its value or a tombstone.
pub type Entry = (String, Option<Vec<u8>>);

/// Makes `settings` the newest ones and returns them with their generation: the last one plus 1, or the
/// last one itself when the content is the same. Blocks.
///
/// # Errors
/// When the settings are invalid, when the operator owns them and `force` is not given, when Kafka fails.
pub fn publish(
    kafka: &KafkaArgs,
    topics: &Topics,
    owner: Owner,
    settings: &Settings,
    force: bool,
) -> Result<Settings, PublishError> {
    settings.validate()?;
    let mut published = settings.clone();
    transact_on(
        |key| key == SETTINGS_KEY && !force,
        kafka,
        topics,
        |now| {
            if now.owner == Some(Owner::Operator) && owner != Owner::Operator && !force {
                return Err(PublishError::OwnedByOperator);
            }
            published.generation = now.settings.generation;
            let same = now.settings.same_content(settings) && now.owner == Some(owner);
            if same && !now.unreadable.contains_key(SETTINGS_KEY) {
                return Ok(Vec::new());
            }
            if !now.settings.same_content(settings) {
                published.generation += 1;
            }
            let record = SettingsRecord { owner, settings: published.clone() };
            Ok(vec![(SETTINGS_KEY.to_owned(), Some(record.to_json().into_bytes()))])
        },
    )?;
    Ok(published)
}

/// Reads the whole settings topic and writes what `decide` makes of it, in one transaction whose id all
/// writers of the pipeline share: of two at the same time one fails and nothing is written on outdated
/// knowledge. Blocks.
///
/// # Errors
/// What `decide` returns, when a record of the topic cannot be read, or when Kafka fails; then nothing was written.
pub fn transact<E: From<PublishError>>(
    kafka: &KafkaArgs,
    topics: &Topics,
    decide: impl FnOnce(&Directory) -> Result<Vec<Entry>, E>,
) -> Result<(), E> {
    transact_on(|_| true, kafka, topics, decide)
}

/// As [`transact`]; `matters` says of a key whether its record has to be readable.
fn transact_on<E: From<PublishError>>(
    matters: impl Fn(&str) -> bool,
    kafka: &KafkaArgs,
    topics: &Topics,
    decide: impl FnOnce(&Directory) -> Result<Vec<Entry>, E>,
) -> Result<(), E> {
    let deadline = Instant::now() + DEADLINE;
    ensure_internal(kafka, &topics.settings(), 1, &topics.orders, SETTINGS_CONFIG)
        .map_err(PublishError::from)?;
    // ends the transaction of whoever was before, so that the end read next is the end
    let writer = Writer::open(kafka, topics)?;
    let directory = read_to_end(kafka, topics, deadline)?;
    check_readable(&directory, matters, topics)?;
    let entries = decide(&directory)?;
    if !entries.is_empty() {
        writer.write(topics, &entries)?;
    }
    Ok(())
}

fn check_readable(
    directory: &Directory,
    matters: impl Fn(&str) -> bool,
    topics: &Topics,
) -> Result<(), PublishError> {
    match directory.unreadable.iter().find(|(key, _)| matters(key)) {
        None => Ok(()),
        Some((key, problem)) => Err(PublishError::Unreadable {
            topic: topics.settings(),
            key: key.clone(),
            problem: problem.clone(),
        }),
    }
}

/// Reads the whole settings topic once; a topic that does not exist says nothing. Blocks.
///
/// # Errors
/// When Kafka fails.
pub fn read(kafka: &KafkaArgs, topics: &Topics) -> Result<Directory, PublishError> {
    let probe = Probe::new(kafka, "millrace-settings", false).map_err(TopicsError::Client)?;
    match probe.partitions(&topics.settings()).map_err(TopicsError::from)? {
        None => Ok(Directory { loaded: true, ..Directory::default() }),
        Some(_) => read_to_end(kafka, topics, Instant::now() + DEADLINE),
    }
}

fn read_to_end(kafka: &KafkaArgs, topics: &Topics, deadline: Instant) -> Result<Directory, PublishError> {
    let failed = |source| PublishError::kafka("read", topics, source);
    let log = SettingsLog::open(kafka, topics).map_err(failed)?;
    let mut directory = Directory::default();
    while Instant::now() < deadline {
        if let Polled::End = log.poll(&mut directory, POLL).map_err(failed)? {
            directory.loaded = true;
            return Ok(directory);
        }
    }
    Err(PublishError::Late)
}

/// The one transactional writer of a pipeline's settings topic.
struct Writer {
    producer: BaseProducer<Context>,
}

impl Writer {
    fn open(kafka: &KafkaArgs, topics: &Topics) -> Result<Self, PublishError> {
        let failed = |source| PublishError::kafka("prepare to write", topics, source);
        let producer: BaseProducer<Context> = kafka
            .client("millrace-settings")
            .set("transactional.id", topics.settings())
            .set("linger.ms", "0")
            .create_with_context(Context)
            .map_err(failed)?;
        producer.init_transactions(DEADLINE).map_err(failed)?;
        Ok(Self { producer })
    }

    /// All entries or none.
    fn write(&self, topics: &Topics, entries: &[Entry]) -> Result<(), PublishError> {
        self.try_write(&topics.settings(), entries).map_err(|source| match source.rdkafka_error_code() {
            Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced) => PublishError::Overtaken,
            _ => PublishError::kafka("write", topics, source),
        })
    }

    fn try_write(&self, topic: &str, entries: &[Entry]) -> Result<(), KafkaError> {
        self.producer.begin_transaction()?;
        for (key, value) in entries {
            let record = BaseRecord::<str, [u8]>::to(topic).partition(PARTITION).key(key);
            let record = match value {
                Some(value) => record.payload(value),
                None => record,
            };
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        // an undelivered record fails the commit
        self.producer.commit_transaction(DEADLINE)
    }
}

/// Delivery reports are not needed: a record that is not delivered fails the transaction.
struct Context;

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}
