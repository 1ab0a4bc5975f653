//! A process of Millrace under measurement.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{usage, web};

/// A running process; killed when dropped.
pub struct Service {
    child: Child,
    admin: SocketAddr,
    log: PathBuf,
}

const READY: Duration = Duration::from_mins(1);
/// What a drain may take, and a second.
const STOP: Duration = Duration::from_secs(11);
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const SHOWN_LOG_LINES: usize = 5;

impl Service {
    /// Starts a command with its output in `log` and an admin server on a free port.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let admin = free_address()?;
        let file = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        command.env("ADMIN_LISTEN", admin.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child =
            command.spawn().with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, admin, log })
    }

    /// CPU time it has used.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> Result<Duration> {
        usage::cpu(self.child.id())
    }

    /// The most memory it has held, in bytes.
    ///
    /// # Errors
    /// When it is gone.
    pub fn peak_memory(&self) -> Result<u64> {
        usage::peak_memory(self.child.id())
    }

    /// The text of its `/metrics`.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metrics(&self) -> Result<String> {
        web::get(self.admin, "/metrics").map(|(_, body)| body)
    }

    /// Whether it is still there.
    ///
    /// # Errors
    /// When it has ended; with the last lines of its log.
    pub fn check(&mut self) -> Result<()> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(SHOWN_LOG_LINES).collect();
        let lines: Vec<_> = lines.into_iter().rev().collect();
        bail!("a process ended with {status}: {}\n{}", self.log.display(), lines.join("\n"))
    }

    /// Waits until it is ready for work.
    ///
    /// # Errors
    /// When it ends, or is not ready in time; says what it waits for.
    pub fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY;
        loop {
            self.check()?;
            let answer = web::get(self.admin, "/readyz");
            if matches!(answer, Ok((200, _))) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not ready after {READY:?}: {answer:?}, see {}", self.log.display());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Stops it gracefully.
    ///
    /// # Errors
    /// When it does not drain in time, or fails in it.
    pub fn stop(mut self) -> Result<()> {
        self.check()?;
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .context("running kill")?;
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(_) => return self.check(),
                None => std::thread::sleep(LOOK_AGAIN),
            }
        }
        bail!("still draining after {STOP:?}: see {}", self.log.display())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens at.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port")?;
    Ok(listener.local_addr()?)
}
