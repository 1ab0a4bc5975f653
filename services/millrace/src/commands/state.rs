//! `millrace state`: looks at what a stage has written down, and the two changes that a person decides on.

use std::str::FromStr;

use anyhow::anyhow;
use clap::Subcommand;
use contract::ProcessorName;
use contract::topics::stage_name;
use engine::state::{AdminError, PartitionState, StageAdmin};
use runtime::KafkaArgs;
use runtime::config::{LogArgs, PipelineArgs};

use super::{begin, blocking};
use crate::catalogue;
use crate::failure::Failure;

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

/// Print progress, lag and checkpoints of every partition, one JSON object a line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  millrace state show revenue-fraud")]
struct Show {
    #[command(flatten)]
    target: Target,
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
            Action::Show(Show { target }) => {
                target
                    .with_admin(|admin| {
                        for partition in admin.show()? {
                            println!("{}", line(&partition));
                        }
                        Ok(())
                    })
                    .await
            }
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

impl Target {
    async fn with_admin(
        self,
        act: impl FnOnce(&StageAdmin) -> Result<(), AdminError> + Send + 'static,
    ) -> Result<(), Failure> {
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
            AdminError::Kafka { .. } | AdminError::Running { .. } => Self::run(error),
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
