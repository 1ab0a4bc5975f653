//! The process around `run`: log, runtime, signals, exit code.

use std::process::ExitCode;

use runtime::{Process, shutdown, telemetry};

use crate::chain::chain;
use crate::config::RunArgs;
use crate::run::{RunError, run};

/// Most of the time nothing happens, and what happens waits for others.
const THREADS: usize = 2;

/// Why the process failed.
#[derive(Debug, thiserror::Error)]
enum HostError {
    #[error("cannot start logging")]
    Log(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot start threads")]
    Threads(#[source] std::io::Error),
    #[error("cannot follow signals")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs the operator. Exit code 0: told to stop and drained; 1: failed.
pub(crate) fn host(args: RunArgs) -> ExitCode {
    match hosted(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %chain(&error), "ended");
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn hosted(args: RunArgs) -> Result<(), HostError> {
    telemetry::init(&args.log).map_err(|error| HostError::Log(error.into()))?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(THREADS).enable_all().build().map_err(HostError::Threads)?;
    let ended = runtime.block_on(async {
        let shutdown = shutdown::on_signal().map_err(HostError::Signals)?;
        run(args, Process::new(shutdown)).await.map_err(HostError::from)
    });
    // a thread that waits for a Kafka that does not answer must not keep the process
    runtime.shutdown_background();
    ended
}
