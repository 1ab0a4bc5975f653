//! A child process with a log file: started, signalled, awaited, and killed when dropped.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::wait;

/// What can be sent to a process besides `kill -9`.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// Please end: drain.
    Term,
    /// Stand still.
    Stop,
    /// Go on.
    Continue,
}

/// A child process.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both its outputs appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not be started.
    pub fn spawn(name: &str, mut command: Command, log: PathBuf) -> Result<Self> {
        let out = append(&log)?;
        let err = out.try_clone().context("sharing the log file")?;
        let child = command
            .stdout(Stdio::from(out))
            .stderr(Stdio::from(err))
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// The name it was started under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().with_context(|| format!("asking after {}", self.name))?.is_none())
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.pid(), signal).with_context(|| format!("signalling {}", self.name))
    }

    /// `kill -9`. Returns whether it was alive to be killed.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn kill(&mut self) -> Result<bool> {
        let alive = self.is_running()?;
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(alive)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it still runs after `limit`; the end of its log is in the error.
    pub fn wait_end(&mut self, limit: Duration) -> Result<ExitStatus> {
        let log = self.log.clone();
        wait::some(&format!("{} to end", self.name), limit, || Ok(self.child.try_wait()?))
            .with_context(|| tail(&log))
    }

    /// Drains it: SIGTERM, then waits.
    ///
    /// # Errors
    /// When it does not end within `limit`, or not with exit code 0.
    pub fn drain(&mut self, limit: Duration) -> Result<()> {
        self.signal(Signal::Term)?;
        let status = self.wait_end(limit)?;
        ensure!(status.success(), "{} drained with {status}\n{}", self.name, tail(&self.log));
        Ok(())
    }

    /// Everything it has logged so far, over all its starts.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).with_context(|| format!("reading {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `signal` to any process by its id.
///
/// # Errors
/// When there is no such process.
pub fn send(pid: u32, signal: Signal) -> Result<()> {
    let name = match signal {
        Signal::Term => "-TERM",
        Signal::Stop => "-STOP",
        Signal::Continue => "-CONT",
    };
    kill_command(name, pid)
}

/// `kill -9` by process id, for servers that are not our children; waits until it is gone.
///
/// # Errors
/// When there is no such process.
pub fn kill_by_id(pid: u32) -> Result<()> {
    const LIMIT: Duration = Duration::from_secs(10);
    kill_command("-KILL", pid)?;
    wait::until("a killed server to be gone", LIMIT, || Ok(kill_command("-0", pid).is_err()))
}

fn kill_command(signal: &str, pid: u32) -> Result<()> {
    let done = Command::new("kill").args([signal, &pid.to_string()]).output().context("running kill")?;
    ensure!(done.status.success(), "kill {signal} {pid}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The last lines of a log, for error messages.
pub fn tail(log: &Path) -> String {
    const LINES: usize = 30;
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    format!("end of {}:\n{}", log.display(), lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))
}
