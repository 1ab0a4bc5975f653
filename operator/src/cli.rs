//! The command line of the operator.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::api::{self, DefinitionError};
use crate::config::RunArgs;
use crate::host;
use crate::reference;

/// Makes running pipelines of `AnalyticsPipeline` resources.
#[derive(Debug, clap::Parser)]
#[command(name = "millrace-operator", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(Box<RunArgs>),
    /// Print the resource definition, YAML
    Crd,
    /// Print the reference of the resource, Markdown
    Reference,
    /// Print the operator's part of the reference of metrics, Markdown
    Metrics,
}

/// Why a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    #[error("two metrics have one name")]
    Metrics(#[from] prometheus::Error),
    #[error("cannot write to standard output")]
    Print(#[source] io::Error),
}

/// Does what the command line says. Exit code 1: it failed.
pub fn run(cli: Cli) -> ExitCode {
    let Cli { command } = cli;
    let outcome = match command {
        Command::Run(args) => return host::host(*args),
        Command::Crd => api::definition_yaml().map_err(CliError::from).and_then(|text| print(&text)),
        Command::Reference => print(&reference::reference()),
        Command::Metrics => reference::metrics().map_err(CliError::from).and_then(|text| print(&text)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {:#}", anyhow::Error::new(failure));
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<(), CliError> {
    io::stdout().write_all(text.as_bytes()).map_err(CliError::Print)
}
