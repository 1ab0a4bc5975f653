//! What people on call look at: metrics, dashboards, alert rules and runbooks, on a real Prometheus and a real run.

mod alerts;
mod dashboards;
mod farewell;
mod grafana;
mod live;
mod reference;
mod runbooks;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use harness::prometheus::tool;

/// A path below the top of the checkout.
fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs promtool in the folder of tests' data; what it said, and whether it found nothing wrong.
fn promtool(args: &[&str], input: Option<&Path>) -> Result<(bool, String)> {
    let mut command = Command::new(tool("promtool")?);
    command.args(args).current_dir(checkout("tests/data"));
    if let Some(file) = input {
        command.stdin(std::fs::File::open(file)?);
    }
    let done = command.output().context("running promtool")?;
    let said = [done.stdout, done.stderr].concat();
    Ok((done.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
