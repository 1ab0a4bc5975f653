//! The commands of `millrace`. The only crate that knows which processors, views and services there are.

mod catalogue;
mod cli;
mod commands;
mod failure;
mod host;
mod reference;

use std::process::ExitCode;

pub use cli::Cli;
use failure::Failure;

/// Runs a command to its end and says why if it failed.
///
/// Exit codes: 0 done or drained, 1 failed at run time, 2 wrong usage or configuration.
pub fn run(cli: Cli) -> ExitCode {
    match try_run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn try_run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::run)?;
    let outcome = runtime.block_on(cli.command.run());
    // a thread that hangs in a call to a dead broker must not keep the process
    runtime.shutdown_background();
    outcome
}
