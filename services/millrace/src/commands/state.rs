//! `millrace state`: looks at what a stage has written down, and the two changes that a person decides on.

mod screen;

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use clap::Subcommand;
use contract::topics::stage_name;
use contract::{ProcessorName, Timestamp};
use engine::state::{AdminError, PartitionState, StageAdmin};
use runtime::KafkaArgs;
use runtime::config::{LogArgs, PipelineArgs};

use super::{begin, blocking};
use crate::catalogue;
use crate::failure::Failure;
use screen::Screen;

/// Show a stage's progress, move it past lost input, or make it forget everything
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(Show),
    AcceptLoss(AcceptLoss),
    Reset(Reset),
}

/// Print how far a stage is: who runs it, what waits, and what keeps it from going on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  millrace state show revenue-fraud                  on one screen
  millrace state show revenue-fraud --output json    everything, one JSON object a partition and line

Exit code 1 when the stage cannot go on because orders are gone.")]
struct Show {
    #[command(flatten)]
    target: Target,

    /// How to print it.
    #[arg(long, short, env = "OUTPUT", value_enum, default_value_t)]
    output: Output,
}

/// For whom to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Let a stage that stopped with `DataLoss` go on with its totals as they are
///
/// Orders that the topic no longer holds stay uncounted; how many offsets were given up is printed and kept in
/// the progress record. All replicas of the stage must be stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  millrace state accept-loss revenue-fraud --confirm shop")]
struct AcceptLoss {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// Make a stage forget everything: at its next start it counts the orders topic from its beginning
///
/// Its processors are free for any stage afterwards. The topic itself stays. All replicas of the stage must be
/// stopped. Alerts of orders that the topic still holds are raised again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  millrace state reset revenue --confirm shop")]
struct Reset {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    confirmation: Confirmation,
}

#[derive(Debug, clap::Args)]
struct Target {
    /// The stage: the names of its processors, joined by dashes.
    stage: Stage,

    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(flatten)]
    log: LogArgs,
}

#[derive(Debug, clap::Args)]
struct Confirmation {
    /// The pipeline's name once more: this cannot be undone.
    #[arg(long, value_name = "PIPELINE")]
    confirm: String,
}

/// Processors in canonical order.
#[derive(Clone, Debug)]
struct Stage(Vec<ProcessorName>);

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Result<Vec<_>, _> = text.split('-').map(str::parse).collect();
        let names = names.map_err(|e: contract::processor::UnknownProcessor| e.to_string())?;
        let canonical = stage_name(&names);
        if canonical == text {
            Ok(Self(names))
        } else {
            Err(format!("a stage of these is named {canonical}"))
        }
    }
}

impl Args {
    pub async fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Show(Show { target, output }) => show(target, output).await,
            Action::AcceptLoss(AcceptLoss { target, confirmation }) => {
                confirmation.check(&target.pipeline)?;
                target
                    .with_admin(|admin| {
                        for (partition, lost) in admin.accept_loss()? {
                            println!("partition {partition}: {lost} offsets given up");
                        }
                        Ok(())
                    })
                    .await
            }
            Action::Reset(Reset { target, confirmation }) => {
                confirmation.check(&target.pipeline)?;
                target
                    .with_admin(|admin| {
                        println!("{} state records removed", admin.reset()?);
                        Ok(())
                    })
                    .await
            }
        }
    }
}

async fn show(target: Target, output: Output) -> Result<(), Failure> {
    let Stage(names) = &target.stage;
    let (stage, pipeline) = (stage_name(names), target.pipeline.pipeline.clone());
    let (partitions, replicas) = target.with_admin(|admin| Ok((admin.show()?, admin.replicas()?))).await?;
    match output {
        Output::Json => partitions.iter().for_each(|partition| println!("{}", line(partition))),
        Output::Text => print!(
            "{}",
            Screen { stage: &stage, pipeline: &pipeline, partitions: &partitions, replicas: &replicas }
                .text(now())
        ),
    }
    let lost = partitions.iter().find_map(|p| Some(format!("partition {}: {}", p.partition, p.loss()?)));
    lost.map_or(Ok(()), |lost| Err(Failure::run(anyhow!("stage {stage} cannot go on: {lost}"))))
}

/// The time, by this machine's clock.
fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

impl Target {
    async fn with_admin<T: Send + 'static>(
        self,
        act: impl FnOnce(&StageAdmin) -> Result<T, AdminError> + Send + 'static,
    ) -> Result<T, Failure> {
        let Self { stage: Stage(names), kafka, pipeline, log } = self;
        begin(&log, &kafka, &pipeline.topics())?;
        let processors = names.into_iter().map(catalogue::processor).collect();
        blocking(move || act(&StageAdmin::new(kafka, pipeline.topics(), processors)?)).await
    }
}

impl Confirmation {
    fn check(&self, pipeline: &PipelineArgs) -> Result<(), Failure> {
        let name = &pipeline.pipeline;
        if self.confirm == *name {
            Ok(())
        } else {
            Err(Failure::usage(anyhow!(
                "--confirm {} is not the pipeline's name, which is {name} (--pipeline / MILLRACE_PIPELINE)",
                self.confirm
            )))
        }
    }
}

fn line(partition: &PartitionState) -> String {
    serde_json::to_string(partition).unwrap_or_default()
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NoTopic(_) => Self::usage(error),
            AdminError::Stage(error) => error.into(),
            AdminError::Claims(error) => error.into(),
            AdminError::Kafka { .. } | AdminError::Running { .. } | AdminError::Started { .. } => {
                Self::run(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_named_by_its_processors_in_canonical_order() {
        let Stage(names) = "revenue-fraud".parse().unwrap();
        assert_eq!(names, [ProcessorName::Revenue, ProcessorName::Fraud]);
        let error = "fraud-revenue".parse::<Stage>().unwrap_err();
        assert!(error.contains("revenue-fraud"), "{error}");
        let error = "sales".parse::<Stage>().unwrap_err();
        assert!(error.contains("sales") && error.contains("trend"), "{error}");
    }
}
