//! `millrace topics`: creates and checks topics without Kubernetes.

use clap::Subcommand;
use runtime::KafkaArgs;
use runtime::config::{LogArgs, PipelineArgs};
use runtime::topics::{self, Change, TopicPlan, TopicState, TopicsError};

use super::{begin, blocking};
use crate::failure::Failure;

/// Create the topics of a pipeline, or show what is there
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Apply(Apply),
    Describe(Describe),
}

/// Create what is missing and grow what is too small; take nothing away
///
/// Topics that exist keep their settings (internal ones get those they need) and never shrink. Before orders
/// grow, the state topics of all stages do. What is done is printed before it is done.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace topics apply                             3 partitions for orders, one copy each
  millrace topics apply --partitions 12             the same later: grows, state topics first
  millrace topics apply --replication 3             three copies, two of which must be written")]
struct Apply {
    /// Partitions of the orders topic: the most replicas that a stage can use.
    #[arg(long, env = "PARTITIONS", value_name = "N", default_value_t = 3, value_parser = partitions())]
    partitions: i32,

    /// Partitions of the alerts topic.
    #[arg(long, env = "ALERTS_PARTITIONS", value_name = "N", default_value_t = 3, value_parser = partitions())]
    alerts_partitions: i32,

    /// Copies of each partition of a new topic. Without: the brokers' default.
    #[arg(long, env = "REPLICATION", value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
    replication: Option<i32>,

    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Show partitions and telling settings of every topic of the pipeline
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1 when a public topic is missing.")]
struct Describe {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    log: LogArgs,
}

fn partitions() -> clap::builder::RangedI64ValueParser<i32> {
    clap::value_parser!(i32).range(1..=10_000)
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Apply(apply) => apply.run().await,
            Action::Describe(describe) => describe.run().await,
        }
    }
}

impl Apply {
    async fn run(self) -> Result<(), Failure> {
        let Self { partitions, alerts_partitions, replication, kafka, pipeline, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let plan = TopicPlan {
            orders_partitions: partitions,
            // updates are few, and their order matters to readers
            metrics_partitions: 1,
            alerts_partitions,
            dead_letter_partitions: 1,
            replication,
        };
        blocking(move || {
            let mut changes = 0;
            topics::apply(&kafka, &pipeline.topics(), &plan, |change| {
                println!("{change}");
                changes += i32::from(!matches!(change, Change::Keep { .. }));
            })?;
            println!("{}", if changes == 0 { "nothing to do" } else { "done" });
            Ok::<_, TopicsError>(())
        })
        .await
    }
}

impl Describe {
    async fn run(self) -> Result<(), Failure> {
        let Self { kafka, pipeline, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let topics = pipeline.topics();
        let states = blocking(move || topics::describe(&kafka, &topics)).await?;
        for state in &states {
            println!("{}", line(state));
        }
        let missing: Vec<_> =
            states.iter().filter(|s| s.partitions.is_none()).map(|s| s.topic.as_str()).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Failure::run(anyhow::anyhow!(
                "missing: {}; create with `millrace topics apply`",
                missing.join(", ")
            )))
        }
    }
}

fn line(state: &TopicState) -> String {
    let TopicState { topic, partitions, config } = state;
    let Some(partitions) = partitions else { return format!("{topic}: missing") };
    let config: Vec<_> = config.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{topic}: {partitions} partitions, {}", config.join(" "))
}

impl From<TopicsError> for Failure {
    fn from(error: TopicsError) -> Self {
        match error {
            TopicsError::Client(_) => Self::usage(error),
            TopicsError::Unreachable(_) | TopicsError::Refused { .. } => Self::run(error),
        }
    }
}
