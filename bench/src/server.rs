//! A real server, started by the scripts in `dev/`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{progress, usage};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev");

/// A running server; stopped when dropped. Its data stay.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    pid: u32,
    script: PathBuf,
    data: PathBuf,
}

impl Server {
    /// Starts `dev/<name>` with its data under `data`, or takes the one that runs there.
    ///
    /// # Errors
    /// When it cannot be started; the script has said why.
    pub fn up(name: &str, data: &Path) -> Result<Self> {
        progress::step(&format!("starting {name}"));
        let (script, data) = (Path::new(SCRIPTS).join(name), data.join(name));
        let mut up = Command::new(&script);
        up.args(["up", "--port", "0", "--data"]).arg(&data).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = up.output().with_context(|| format!("running {}", script.display()))?;
        ensure!(output.status.success(), "{name} did not start");
        let address =
            String::from_utf8_lossy(&output.stdout).trim().parse().context("the server's address")?;
        let pid = fs::read_to_string(data.join("pid")).context("the server's pid")?;
        let pid = pid.trim().parse().context("the server's pid")?;
        Ok(Self { address, pid, script, data })
    }

    /// CPU time it has used since its start.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu(self.pid)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let down = Command::new(&self.script).args(["down", "--data"]).arg(&self.data).status();
        if !down.is_ok_and(|status| status.success()) {
            progress::step(&format!("could not stop the server in {}", self.data.display()));
        }
    }
}
