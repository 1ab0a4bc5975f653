//! Why a stage ends, and what it recovers from by itself.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// Why a stage ends. `Display` says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The input is not what the progress says was read: nothing is skipped silently.
    #[error(
        "DataLoss in {topic} partition {partition}: {problem}; check the topic, then \
         `millrace state accept-loss {stage}` goes on with the totals as they are"
    )]
    DataLoss {
        /// The stage.
        stage: String,
        /// The orders topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// What is missing, with offsets.
        problem: String,
    },
    /// State that this version cannot read.
    #[error("state topic {topic} partition {partition}: {problem}")]
    State {
        /// The state topic.
        topic: String,
        /// Its partition.
        partition: i32,
        /// What cannot be read.
        problem: String,
    },
    /// A processor belongs to another stage.
    #[error(
        "processor {processor} of pipeline {pipeline} is claimed by stage {holder}: two stages running it would \
         count every order twice; run `millrace process` with the processors of {holder}, or stop that stage and \
         give it up with `millrace state reset {holder}`"
    )]
    Claimed {
        /// The processor.
        processor: &'static str,
        /// The pipeline.
        pipeline: String,
        /// The stage that holds it.
        holder: String,
    },
    /// Another process took over this instance's place in the group.
    #[error(
        "another process runs as instance {instance} of group {group} and took its place twice; give each replica an \
         --instance of its own (if none does: the brokers forgot this member twice in a short time; start it again)"
    )]
    Fenced {
        /// The consumer group.
        group: String,
        /// The instance.
        instance: String,
    },
    /// The consumer cannot go on.
    #[error("the consumer failed for good: {0}")]
    Consumer(String),
    /// Wrong configuration of topics.
    #[error("{0}")]
    Topic(String),
    /// A Kafka client could not be made: wrong options.
    #[error("cannot create a Kafka client (--brokers, --kafka-property)")]
    Client(#[source] KafkaError),
    /// Metrics could not be registered.
    #[error("cannot register the stage's metrics: {0}")]
    Metrics(String),
    /// The stage's thread could not be started.
    #[error("cannot start the stage's thread")]
    Thread(#[source] std::io::Error),
    /// The thread of the stage is gone.
    #[error("the stage's thread panicked")]
    Panicked,
}

/// What ends a run between two restores.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupt {
    /// A failed or doubtful call: producer and state are thrown away and restored.
    #[error("{doing} failed")]
    Doubt {
        doing: &'static str,
        #[source]
        source: KafkaError,
    },
    /// A topic does not take what was sent: as [`Interrupt::Doubt`], and the next attempt sends less at a time.
    #[error("topic {topic} does not take so much at a time")]
    TooLarge {
        topic: String,
        #[source]
        source: KafkaError,
    },
    /// The group moves on: give up what is being done and handle the rebalance.
    #[error("a rebalance is waiting")]
    Rebalance,
    /// The process shuts down.
    #[error("shutting down")]
    Shutdown,
    /// Nothing helps.
    #[error(transparent)]
    Fatal(#[from] StageError),
}

/// Everything that a doubt can be about.
pub(crate) const CALLS: [&str; 28] = [
    "asking for committed offsets",
    "asking for metadata",
    "asking for watermarks",
    "assigning",
    "assigning a reader",
    "begin_transaction",
    "commit_transaction",
    "committing offsets",
    "committing without a membership",
    "committing without a producer",
    "delivering a record",
    "finding a partition of the orders topic",
    "init_transactions",
    "listing offsets",
    "opening a reader's queue",
    "reaching the brokers",
    "reading a topic",
    "reading a topic that was just cut",
    "reading orders at the position",
    "reading orders in the queue of their partition",
    "reading the orders or the state topic (this user needs Read on both)",
    "reading the orders topic (this user needs Read on it)",
    "send_offsets_to_transaction",
    "sending a record",
    "unassigning a reader",
    "waiting for a pending offset commit",
    "waiting for acknowledgements",
    "waiting for an open transaction of the state topic",
];

impl Interrupt {
    /// For `map_err`: the call named by `doing` failed.
    pub(crate) fn doubt(doing: &'static str) -> impl FnOnce(KafkaError) -> Self {
        move |source| Self::Doubt { doing, source }
    }

    /// A doubt that is ours rather than a client's error: a deadline passed.
    pub(crate) fn timed_out(doing: &'static str) -> Self {
        Self::Doubt { doing, source: KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) }
    }
}
