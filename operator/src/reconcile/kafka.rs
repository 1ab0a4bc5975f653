//! The Kafka half of apply: looks at the cluster, takes the steps that are missing, publishes the settings.

use std::time::Instant;

use contract::settings::Owner;
use contract::{ProcessorName, Settings, Topics};
use runtime::KafkaArgs;
use runtime::kafka::Unreachable;
use runtime::settings::{self, Directory, PublishError};
use runtime::topics::{Change, Cluster, Look, TopicsError};

use super::facts::{Finding, Problem, TopicsFound};
use super::topics::{self, Internal, Trouble};
use crate::api::{TopicStatus, TopicsSpec};
use crate::chain::chain;
use crate::events::Happening;
use crate::faults;
use crate::metrics::Metrics;

/// What Kafka is to hold for a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wish {
    pub specs: TopicsSpec,
    pub topics: Topics,
    pub settings: Settings,
    /// The processors that run, each as a stage of its own.
    pub processors: Vec<ProcessorName>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub kafka: Finding<()>,
    pub topics: Finding<TopicsFound>,
    /// The public topics as they were seen last.
    pub shown: Vec<TopicStatus>,
    /// The generation of the settings that holds.
    pub settings: Finding<u64>,
    /// What happened, in the order in which it did.
    pub happenings: Vec<Happening>,
    /// The kind of the error that ended the work early.
    pub error: Option<&'static str>,
}

/// Why the work ended early.
#[derive(Debug, thiserror::Error)]
enum KafkaError {
    #[error(transparent)]
    Topics(#[from] TopicsError),
    #[error(transparent)]
    Settings(PublishError),
}

impl From<PublishError> for KafkaError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Topic(error) => Self::Topics(error),
            error => Self::Settings(error),
        }
    }
}

impl Wish {
    fn internal(&self) -> Internal {
        let states = self.processors.iter().map(|name| self.topics.state(name.as_str()));
        Internal { settings: self.topics.settings(), states: states.collect() }
    }
}

/// Does it all. Blocks.
pub(crate) fn fulfil(kafka: &KafkaArgs, wish: &Wish, metrics: &Metrics) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(error) = work(kafka, wish, metrics, &mut outcome) {
        outcome.error = Some(error.kind());
        let problem = error.problem();
        match &error {
            KafkaError::Topics(TopicsError::Refused { .. }) => {
                outcome.kafka = Finding::Fine(());
                outcome.topics = Finding::Wrong(problem);
            }
            KafkaError::Topics(_) => outcome.kafka = Finding::Wrong(problem),
            KafkaError::Settings(_) => outcome.settings = Finding::Wrong(problem),
        }
    }
    outcome
}

fn work(kafka: &KafkaArgs, wish: &Wish, metrics: &Metrics, outcome: &mut Outcome) -> Result<(), KafkaError> {
    let begun = Instant::now();
    let internal = wish.internal();
    let cluster = Cluster::open(kafka)?;
    let look = || cluster.look(topics::names(&wish.specs, &internal));
    let mut seen = look()?;
    outcome.kafka = Finding::Fine(());
    outcome.shown = topics::status(&wish.specs, &seen);
    let changes = topics::changes(&wish.specs, &internal, &seen);
    for change in &changes {
        carry_out(&cluster, change, metrics)?;
        outcome.happenings.extend(Happening::topic_changed(change));
    }
    if !changes.is_empty() {
        seen = look()?;
        outcome.shown = topics::status(&wish.specs, &seen);
    }
    outcome.topics = judge(&wish.specs, &seen, &outcome.shown);
    tracing::debug!(took = ?begun.elapsed(), changes = changes.len(), "topics");
    if seen.topics.contains_key(&internal.settings) {
        outcome.settings = Finding::Fine(publish(kafka, wish, metrics, outcome)?);
    }
    Ok(())
}

fn carry_out(cluster: &Cluster, change: &Change, metrics: &Metrics) -> Result<(), TopicsError> {
    faults::pass("topic");
    metrics.record_write("topic");
    let done = cluster.carry_out(change);
    faults::pass("topic");
    done
}

fn judge(specs: &TopicsSpec, seen: &Look, shown: &[TopicStatus]) -> Finding<TopicsFound> {
    let unseen = shown.iter().find(|topic| topic.partitions == 0);
    match (topics::troubles(specs, seen).first(), unseen) {
        (Some(trouble), _) => Finding::Wrong(trouble.problem()),
        (None, Some(topic)) => Finding::Wrong(Problem {
            reason: "Creating",
            message: format!("topic {} is being created", topic.name),
            stuck: false,
        }),
        (None, None) => {
            let drifting = shown.iter().filter(|topic| !topic.drift.is_empty()).count();
            Finding::Fine(TopicsFound { count: shown.len(), drifting })
        }
    }
}

/// Returns the generation that holds.
fn publish(
    kafka: &KafkaArgs,
    wish: &Wish,
    metrics: &Metrics,
    outcome: &mut Outcome,
) -> Result<u64, KafkaError> {
    let Directory { loaded: _, settings: now, owner, claims, unreadable: _ } =
        settings::read(kafka, &wish.topics)?;
    for processor in &wish.processors {
        let stage = claims.get(processor).map(|claim| claim.stage.as_str());
        if let Some(stage) = stage.filter(|stage| *stage != processor.as_str()) {
            outcome.topics = Finding::Wrong(claimed(*processor, stage));
        }
    }
    if owner == Some(Owner::Operator) && now.same_content(&wish.settings) {
        return Ok(now.generation);
    }
    faults::pass("settings");
    metrics.record_write("settings");
    let published = settings::publish(kafka, &wish.topics, Owner::Operator, &wish.settings, false);
    faults::pass("settings");
    let generation = published?.generation;
    outcome.happenings.push(Happening::settings_published(generation));
    Ok(generation)
}

fn claimed(processor: ProcessorName, stage: &str) -> Problem {
    Problem {
        reason: "ClaimedElsewhere",
        message: format!(
            "the processor {processor} belongs to the stage {stage}, which was started without the operator; stop it \
             and run `millrace state reset {stage}` (it counts anew), or give this pipeline another name"
        ),
        stuck: true,
    }
}

impl Trouble {
    fn problem(&self) -> Problem {
        let (reason, message) = match self {
            Self::Missing { topic, partitions } => (
                "TopicMissing",
                format!(
                    "topic {topic} does not exist and its management is External: create it with {partitions} \
                     partitions, or let the operator do it (management: Managed)"
                ),
            ),
            Self::Compacted { topic } => (
                "OrdersCompacted",
                format!(
                    "topic {topic} is compacted, which throws away all but the last order of each user: set its \
                     cleanup.policy to delete"
                ),
            ),
        };
        Problem { reason, message, stuck: true }
    }
}

impl KafkaError {
    fn problem(&self) -> Problem {
        let (reason, message, stuck) = match self {
            Self::Topics(TopicsError::Unreachable(Unreachable::NoAnswer { brokers, reason })) => {
                let message = format!("cannot reach {brokers} (spec.kafka.bootstrapServers): {reason}");
                ("Unreachable", message, false)
            }
            Self::Topics(TopicsError::Unreachable(Unreachable::Refused { brokers, reason })) => {
                let message = format!("{brokers} refused us (spec.kafka.tls, spec.kafka.sasl): {reason}");
                ("ConnectionRefused", message, true)
            }
            Self::Topics(TopicsError::Client(error)) => {
                ("InvalidConnection", format!("spec.kafka cannot be used: {error}"), true)
            }
            Self::Topics(TopicsError::Refused { right: Some(_), .. })
            | Self::Settings(PublishError::Kafka { right: Some(_), .. }) => {
                ("RightMissing", chain(self), true)
            }
            Self::Topics(TopicsError::Refused { right: None, .. }) => ("Refused", chain(self), false),
            Self::Settings(_) => ("NotPublished", chain(self), false),
        };
        Problem { reason, message, stuck }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Topics(TopicsError::Unreachable(_)) => "KafkaUnreachable",
            Self::Topics(TopicsError::Client(_)) => "KafkaClient",
            Self::Topics(TopicsError::Refused { .. }) => "KafkaRefused",
            Self::Settings(_) => "Settings",
        }
    }
}
