//! A real Prometheus of a test's own, and promtool.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::case::{Case, free_port};
use crate::http;
use crate::kafka::{run_script, script};
use crate::process::Process;
use crate::wait;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A process to scrape.
pub struct Target {
    /// The port of its admin server.
    pub port: u16,
    /// Whether it is part of a pipeline; the operator is not.
    pub in_pipeline: bool,
}

/// A running server; killed when dropped.
pub struct Prometheus {
    port: u16,
    _process: Process,
}

/// One sample of an answer: its labels and its value.
pub type Sample = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts a server that scrapes `targets` every second, with the rules of a file.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(case: &Case, targets: &[Target], rules: &Path) -> Result<Self> {
        let (port, config) = (free_port()?, case.path("prometheus.yaml"));
        fs::write(&config, configuration(targets, rules))?;
        let mut command = case.command(tool("prometheus")?);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", case.path("prometheus").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let process = Process::spawn("prometheus", command, case.path("prometheus.log"))?;
        wait::until("Prometheus to be ready", START_LIMIT, || {
            Ok(http::get(port, "/-/ready").is_ok_and(|answer| answer.status == 200))
        })?;
        Ok(Self { port, _process: process })
    }

    /// What an expression gives now.
    ///
    /// # Errors
    /// When it is malformed, or the answer is no vector and no number.
    pub fn query(&self, expression: &str) -> Result<Vec<Sample>> {
        let data = self.ask(&format!("/api/v1/query?query={}", encoded(expression)))?;
        let samples = match data["resultType"].as_str() {
            Some("vector") => data["result"].as_array().context("a vector")?.iter().map(sample).collect(),
            Some("scalar") => vec![number(&data["result"]).map(|value| (BTreeMap::new(), value))],
            other => vec![Err(anyhow::anyhow!("a result of type {other:?}"))],
        };
        samples.into_iter().collect()
    }

    /// The names of all metrics that it has seen.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = self.ask("/api/v1/label/__name__/values")?;
        serde_json::from_value(names).context("names")
    }

    /// State and health of each rule of alerts.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn alerts(&self) -> Result<Vec<Value>> {
        let rules = self.ask("/api/v1/rules?type=alert")?;
        let groups = rules["groups"].as_array().context("groups")?;
        Ok(groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect())
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let answer = http::get(self.port, path)?;
        ensure!(answer.status == 200, "{path} is answered with {} {}", answer.status, answer.body);
        let mut body: Value = serde_json::from_str(&answer.body).with_context(|| path.to_owned())?;
        Ok(body["data"].take())
    }
}

/// `prometheus` or `promtool`.
///
/// # Errors
/// When it is not there and cannot be fetched.
pub fn tool(name: &str) -> Result<PathBuf> {
    let folder = run_script(Command::new(script("prometheus")))?;
    Ok(PathBuf::from(folder).join(name))
}

fn configuration(targets: &[Target], rules: &Path) -> String {
    let mut text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n\
         - job_name: millrace\n  honor_labels: true\n  static_configs:\n",
        rules.display()
    );
    for Target { port, in_pipeline } in targets {
        let labels = if *in_pipeline { "{namespace: shop, pipeline: shop}" } else { "{namespace: millrace}" };
        // writing to a `String` cannot fail
        let _ = writeln!(text, "  - {{targets: ['127.0.0.1:{port}'], labels: {labels}}}");
    }
    text
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02X}");
        all
    })
}

fn sample(value: &Value) -> Result<Sample> {
    let labels = serde_json::from_value(value["metric"].clone()).context("labels")?;
    Ok((labels, number(&value["value"])?))
}

/// The second of a pair of time and number.
fn number(pair: &Value) -> Result<f64> {
    let text = pair[1].as_str().with_context(|| format!("a number in {pair}"))?;
    text.parse().with_context(|| format!("a number: {text}"))
}
