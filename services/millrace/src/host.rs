//! Runs services as parts of one process: admin server, signals, the drain and its deadline.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::anyhow;
use runtime::config::AdminArgs;
use runtime::traces::{Exporter, Service};
use runtime::{Process, Shutdown, admin, http};
use tokio::task::JoinSet;

use crate::failure::Failure;

/// How long parts may take to stop after they were told to.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// One service that runs in this process.
pub struct Part {
    name: &'static str,
    work: Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>,
}

impl Part {
    /// `work` runs until it is done, fails, or drains because the process was told to stop.
    pub fn new(name: &'static str, work: impl Future<Output = Result<(), Failure>> + Send + 'static) -> Self {
        Self { name, work: Box::pin(work) }
    }
}

/// Runs what `parts` makes until a signal comes or one of the parts ends; then the others drain too.
///
/// # Errors
/// When the admin port is taken, when traces are switched on but cannot be sent, when a part fails, or when one does not stop in time.
pub async fn host(
    service: Service<'_>,
    args: &AdminArgs,
    parts: impl FnOnce(&Process) -> Vec<Part>,
) -> Result<(), Failure> {
    let exporter = Exporter::from_env(service).map_err(Failure::usage)?;
    let listener =
        http::listen(args.admin_listen, "--admin-listen / ADMIN_LISTEN").await.map_err(Failure::usage)?;
    let mut process = Process::new(runtime::shutdown::on_signal().map_err(Failure::run)?);
    process.tracer = exporter.as_ref().map(Exporter::tracer);
    // answers until the drain is over
    let admin_shutdown = Shutdown::new();
    let admin = tokio::spawn(admin::serve(listener, (&process).into(), admin_shutdown.clone()));
    let mut crew = Crew::start(parts(&process));
    let outcome = crew.work(&process).await;
    if let Some(exporter) = exporter {
        let _ = tokio::task::spawn_blocking(|| exporter.end()).await;
    }
    admin_shutdown.cancel();
    let _ = tokio::time::timeout(Duration::from_secs(1), admin).await;
    outcome
}

/// Parts that run.
struct Crew {
    running: JoinSet<(&'static str, Result<(), Failure>)>,
    names: BTreeSet<&'static str>,
}

impl Crew {
    fn start(parts: Vec<Part>) -> Self {
        let mut running = JoinSet::new();
        let names = parts.iter().map(|part| part.name).collect();
        for Part { name, work } in parts {
            running.spawn(async move { (name, work.await) });
        }
        Self { running, names }
    }

    async fn work(&mut self, process: &Process) -> Result<(), Failure> {
        let first = tokio::select! {
            biased;
            ended = self.next(process) => ended.unwrap_or(Ok(())),
            () = process.shutdown.cancelled() => Ok(()),
        };
        process.shutdown.cancel();
        let drained = tokio::time::timeout(DRAIN_DEADLINE, self.drain(process)).await;
        first.and(drained.unwrap_or_else(|_| Err(self.late())))
    }

    /// Waits for all parts and keeps the first failure.
    async fn drain(&mut self, process: &Process) -> Result<(), Failure> {
        let mut outcome = Ok(());
        while let Some(ended) = self.next(process).await {
            outcome = outcome.and(ended);
        }
        outcome
    }

    /// The outcome of the next part that ends; `None` when none runs any more.
    async fn next(&mut self, process: &Process) -> Option<Result<(), Failure>> {
        let outcome = match self.running.join_next().await? {
            Ok((name, outcome)) => {
                self.names.remove(name);
                tracing::info!(part = name, "stopped");
                outcome
            }
            Err(panicked) => Err(Failure::run(panicked)),
        };
        if let Err(failure) = &outcome {
            process.health.fail(failure.to_string());
        }
        Some(outcome)
    }

    fn late(&self) -> Failure {
        let names: Vec<_> = self.names.iter().copied().collect();
        Failure::run(anyhow!("not stopped within {} s: {}", DRAIN_DEADLINE.as_secs(), names.join(", ")))
    }
}

#[cfg(test)]
mod tests;
