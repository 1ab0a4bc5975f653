//! A running `millrace` process with its admin server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::case::{MARK, free_port};
use crate::http;
use crate::process::{Process, Signal};
use crate::wait;

/// How long a drain may take.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(15);

/// How to start a process, so that it can be started again the same way.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name in logs and messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without `--admin-listen`.
    pub args: Vec<String>,
    /// Its environment, on top of the test's.
    pub env: BTreeMap<String, String>,
    /// Its log file.
    pub log: PathBuf,
    /// The case's directory: marks the process.
    pub mark: PathBuf,
}

impl Spec {
    /// The same with one more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The same with further arguments.
    #[must_use]
    pub fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.args.extend(args.map(str::to_owned));
        self
    }

    /// The command, with `--admin-listen` when a port is given; else any free port serves, as others run beside it.
    pub fn command(&self, admin_port: Option<u16>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env(MARK, &self.mark).env("NO_COLOR", "1");
        command.env("ADMIN_LISTEN", "127.0.0.1:0").envs(&self.env);
        if let Some(port) = admin_port {
            command.arg("--admin-listen").arg(format!("127.0.0.1:{port}"));
        }
        command.stdin(std::process::Stdio::null());
        command
    }

    /// Starts it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(self) -> Result<Service> {
        self.start_on(free_port()?)
    }

    /// Starts it with its admin server on `port`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_on(self, port: u16) -> Result<Service> {
        let process = Process::spawn(&self.name, self.command(Some(port)), self.log.clone())?;
        Ok(Service { spec: self, process, port, starts: 1 })
    }
}

/// A running process.
pub struct Service {
    spec: Spec,
    process: Process,
    port: u16,
    starts: u32,
}

impl Service {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The port of its admin server.
    pub fn admin_port(&self) -> u16 {
        self.port
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Starts it again, the same way, after it ended.
    ///
    /// # Errors
    /// When it is still running.
    pub fn restart(&mut self) -> Result<()> {
        let spec = self.spec.clone();
        self.restart_as(spec)
    }

    /// Starts it again under a changed specification, after it ended.
    ///
    /// # Errors
    /// When it is still running.
    pub fn restart_as(&mut self, spec: Spec) -> Result<()> {
        ensure!(!self.process.is_running()?, "{} is still running", self.name());
        self.spec = spec;
        self.process =
            Process::spawn(&self.spec.name, self.spec.command(Some(self.port)), self.spec.log.clone())?;
        self.starts += 1;
        Ok(())
    }

    /// How it is started.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// `kill -9`; whether it was alive.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn kill(&mut self) -> Result<bool> {
        self.process.kill()
    }

    /// Freezes or wakes it.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// SIGTERM, and waits for exit code 0.
    ///
    /// # Errors
    /// When it does not drain in time.
    pub fn drain(&mut self) -> Result<()> {
        self.process.drain(DRAIN_LIMIT)
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// When it does not within `limit`, or the process ended; the end of its log is in the error.
    pub fn wait_ready(&mut self, limit: Duration) -> Result<()> {
        let (port, name) = (self.port, self.spec.name.clone());
        let log = self.spec.log.clone();
        let process = &mut self.process;
        wait::some(&format!("{name} to be ready or ended"), limit, || {
            if !process.is_running()? {
                return Ok(Some(false));
            }
            let answer = http::get(port, "/readyz")?;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(Some(true))
        })
        .and_then(|ready| {
            ensure!(ready, "{name} ended");
            Ok(())
        })
        .with_context(|| crate::process::tail(&log))
    }

    /// The sections of `/status`.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self) -> Result<Value> {
        let status: Value =
            serde_json::from_str(&http::get(self.port, "/status")?.body).context("reading /status")?;
        status.get("sections").cloned().with_context(|| format!("no sections in {status}"))
    }

    /// The partitions a stage's replica is working on, as it says itself.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn partitions(&self) -> Result<Vec<PartitionStatus>> {
        let status = self.status()?;
        let partitions = status["stage"]["partitions"].clone();
        if partitions.is_null() {
            return Ok(Vec::new());
        }
        serde_json::from_value(partitions).with_context(|| format!("partitions of {status}"))
    }

    /// Valid orders that a stage's replica has folded since it was started.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn orders_folded(&self) -> Result<f64> {
        self.metrics()?.sum("millrace_orders_total", &[]).context("no millrace_orders_total")
    }

    /// What `/metrics` shows.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<Metrics> {
        Ok(Metrics::parse(&http::get(self.port, "/metrics")?.body))
    }
}

/// What a replica says of one partition.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct PartitionStatus {
    /// Its number.
    pub partition: i32,
    /// The next offset to read.
    pub position: i64,
    /// Checkpoint position by processor.
    pub checkpoints: BTreeMap<String, i64>,
}

/// The samples of a metrics page.
#[derive(Debug, Default)]
pub struct Metrics {
    samples: Vec<(String, f64)>,
}

impl Metrics {
    fn parse(text: &str) -> Self {
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self { samples: text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect() }
    }

    /// The sum of all samples of `name` whose labels contain each of `labels` (`label="value"`).
    /// `None` when there is no such sample.
    pub fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        self.samples
            .iter()
            .filter(|(sample, _)| {
                let (own, rest) = sample.split_once('{').unwrap_or((sample, ""));
                own == name && labels.iter().all(|label| rest.contains(label))
            })
            .map(|(_, value)| *value)
            .reduce(|a, b| a + b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_label() {
        let page = "# HELP a b\n# TYPE a counter\na{x=\"1\",y=\"2\"} 3\na{x=\"1\",y=\"3\"} 4.5\nab 7\n";
        let metrics = Metrics::parse(page);
        assert_eq!(metrics.sum("a", &["x=\"1\""]), Some(7.5));
        assert_eq!(metrics.sum("a", &["x=\"1\"", "y=\"3\""]), Some(4.5));
        assert_eq!(metrics.sum("ab", &[]), Some(7.0));
        assert_eq!(metrics.sum("missing", &[]), None);
    }
}
