//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{dashboard, demo, process, settings, simulate, state, topics, views};
use crate::failure::Failure;
use crate::reference;

const EXAMPLES: &str = "\
Examples:
  millrace demo                     everything in this process, nothing to install
  millrace topics apply             create the topics on the Kafka at localhost:9092
  millrace simulate --rate 100      be the shop: 100 orders a second
  millrace process revenue fraud    count revenue and raise alerts, exactly once
  millrace views                    write the results to Redis
  millrace dashboard                show them on http://localhost:3001

Every option is also an environment variable. OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 and the other
standard variables of OpenTelemetry send traces of orders to a receiver of OTLP over HTTP. Exit codes: 0 done or drained, 1 failed while running,
2 wrong usage or configuration.";

/// Turns a stream of shop orders into live revenue, fraud alerts and trends, exactly once.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Simulate(simulate::Args),
    Process(process::Args),
    Views(views::Args),
    Dashboard(dashboard::Args),
    Demo(demo::Args),
    Topics(topics::Args),
    Settings(settings::Args),
    State(state::Args),
    /// Print the services' part of the reference of metrics, Markdown
    #[command(hide = true)]
    Metrics,
}

impl Command {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Simulate(args) => args.run().await,
            Self::Process(args) => args.run().await,
            Self::Views(args) => args.run().await,
            Self::Dashboard(args) => args.run().await,
            Self::Demo(args) => args.run().await,
            Self::Topics(args) => args.run().await,
            Self::Settings(args) => args.run().await,
            Self::State(args) => args.run().await,
            Self::Metrics => reference::print(),
        }
    }
}

#[cfg(test)]
mod tests;
