//! A real Kafka broker of a test's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::case::{Case, free_port};
use crate::process::{Signal, kill_by_id, send};

/// A running broker; killed when dropped.
pub struct Kafka {
    data: PathBuf,
    mark: PathBuf,
    port: u16,
    inner_port: u16,
}

/// A listener beside the plain one.
pub(crate) struct Listener {
    /// As `listener.security.protocol.map` names it.
    pub protocol: &'static str,
    /// Where the broker listens.
    pub port: u16,
    /// Where clients that come this way are told to find it.
    pub advertised: String,
}

impl Kafka {
    /// Starts a broker with a fresh data directory in the case's directory.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(case: &Case) -> Result<Self> {
        let port = free_port()?;
        Self::up(
            case,
            Self { data: case.path("kafka"), mark: case.dir().to_owned(), port, inner_port: port },
            &[],
        )
    }

    /// Starts a broker with a second listener, for a proxy in front of it: whoever comes through
    /// [`Kafka::proxied_port`] is told to find the broker at `proxy_port`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_behind(case: &Case, proxy_port: u16, more: &[&str]) -> Result<Self> {
        let advertised = format!("127.0.0.1:{proxy_port}");
        let second = Listener { protocol: "PLAINTEXT", port: free_port()?, advertised };
        Self::start_twofold(case, &second, more)
    }

    /// Starts a broker with a second listener, for clients that reach this machine as `host`: they come through
    /// [`Kafka::proxied_port`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_for(case: &Case, host: &str) -> Result<Self> {
        let port = free_port()?;
        let second = Listener { protocol: "PLAINTEXT", port, advertised: format!("{host}:{port}") };
        Self::start_twofold(case, &second, &[])
    }

    /// Starts a broker with a second listener called SECOND beside the plain one.
    pub(crate) fn start_twofold(case: &Case, second: &Listener, more: &[&str]) -> Result<Self> {
        let (port, controller) = (free_port()?, free_port()?);
        let &Listener { protocol, port: inner_port, ref advertised } = second;
        let settings = [
            format!("controller.quorum.voters=1@127.0.0.1:{controller}"),
            format!(
                "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECOND://127.0.0.1:{inner_port}"
            ),
            format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECOND://{advertised}"),
            format!(
                "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECOND:{protocol}"
            ),
        ];
        let kafka = Self { data: case.path("kafka"), mark: case.dir().to_owned(), port, inner_port };
        let settings: Vec<_> = settings.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Self::up(case, kafka, &settings)
    }

    /// Starts a broker with further lines for its `server.properties`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(case: &Case, settings: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let kafka = Self { data: case.path("kafka"), mark: case.dir().to_owned(), port, inner_port: port };
        Self::up(case, kafka, settings)
    }

    fn up(case: &Case, kafka: Self, settings: &[&str]) -> Result<Self> {
        let mut command = case.command(script("kafka"));
        command.args(["up", "--port", &kafka.port.to_string(), "--data"]).arg(&kafka.data);
        for setting in settings {
            command.args(["--set", setting]);
        }
        run_script(command)?;
        Ok(kafka)
    }

    /// Where clients find it.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port where it is found.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port a proxy connects to.
    pub fn proxied_port(&self) -> u16 {
        self.inner_port
    }

    /// Its process id, as it was started last.
    ///
    /// # Errors
    /// When it was never started.
    pub fn pid(&self) -> Result<u32> {
        pid(&self.data)
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it is not running.
    pub fn kill(&self) -> Result<()> {
        kill_by_id(self.pid()?)
    }

    /// Freezes or wakes it.
    ///
    /// # Errors
    /// When it is not running.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.pid()?, signal)
    }

    /// Starts it again on the same port and data, and waits until it serves.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&self) -> Result<()> {
        let mut command = Command::new(script("kafka"));
        command.env(crate::case::MARK, &self.mark);
        command.args(["up", "--port", &self.port.to_string(), "--data"]).arg(&self.data);
        run_script(command).map(drop)
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = self.signal(Signal::Continue);
        let _ = self.kill();
    }
}

/// A script of the project's `dev` folder.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev").join(name)
}

/// Runs a script to its end and gives what it printed.
pub(crate) fn run_script(mut command: Command) -> Result<String> {
    let done = command.output().with_context(|| format!("running {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// The process id that a server's script left in its data directory.
pub(crate) fn pid(data: &Path) -> Result<u32> {
    let file = data.join("pid");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    text.trim().parse().with_context(|| format!("reading {}", file.display()))
}
