//! One test case: its scratch directory, its ports, and the promise that nothing it started outlives it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};

/// Environment variable that every process of a case inherits; its value is the case's directory.
pub const MARK: &str = "MILLRACE_TEST_CASE";

/// Kills every process that carries the case's mark once the test process is gone, however it went.
const WATCHER: &str = r#"
while kill -0 "$1" 2>/dev/null; do sleep 1; done
for p in /proc/[0-9]*; do
  pid=${p#/proc/}
  [ "$pid" = "$$" ] || ! grep -qzx "$3=$2" "$p/environ" 2>/dev/null || kill -9 "$pid" 2>/dev/null
done
"#;

/// Cases of one test binary run one after the other: each has servers of its own, and memory is finite. Only
/// [`run_beside`] does not wait for its turn.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Cases started so far: each gets a directory of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running test case.
pub struct Case {
    dir: PathBuf,
    watcher: Child,
}

/// Runs one test case in a fresh directory. The directory (logs, server data) is removed when `body`
/// succeeds and kept, with its path printed, when it does not.
///
/// # Panics
/// When `body` fails: that is how a test fails.
pub fn run(name: &str, body: impl FnOnce(&Case) -> Result<()>) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    run_beside(name, body);
}

/// Runs one test case like [`run`], but beside the others: for one that does nothing but wait for a long time.
///
/// # Panics
/// When `body` fails: that is how a test fails.
#[expect(clippy::panic, reason = "a failed case must fail the test that runs it")]
pub fn run_beside(name: &str, body: impl FnOnce(&Case) -> Result<()>) {
    let started = Instant::now();
    let outcome = Case::start(name).and_then(|case| {
        let dir = case.dir.clone();
        body(&case).with_context(|| format!("logs and data are kept in {}", dir.display()))?;
        drop(case);
        fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))
    });
    println!("{name}: {:.1?}", started.elapsed());
    if let Err(failure) = outcome {
        let causes: Vec<_> = failure.chain().map(ToString::to_string).collect();
        panic!("{name} failed: {}", causes.join("\n  because "));
    }
}

impl Case {
    fn start(name: &str) -> Result<Self> {
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("millrace-{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
        let watcher = watch(WATCHER, &dir)?;
        Ok(Self { dir, watcher })
    }

    /// The case's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path inside the case's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A command whose process, and all it starts, carries the case's mark.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env(MARK, &self.dir).stdin(Stdio::null());
        command
    }
}

/// Once this program is gone, however it went, kills every process that carries the mark of `dir`, and removes `dir`.
///
/// # Errors
/// When the watcher cannot be started.
pub fn clear_when_we_end(dir: &Path) -> Result<()> {
    watch(&format!("{WATCHER}\nrm -rf \"$2\""), dir).map(drop)
}

fn watch(script: &str, dir: &Path) -> Result<Child> {
    Command::new("setsid")
        .args(["sh", "-c", script, "watcher"])
        .arg(std::process::id().to_string())
        .arg(dir)
        .arg(MARK)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the watcher (needs setsid and sh)")
}

impl Drop for Case {
    fn drop(&mut self) {
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
    }
}

/// A free port below the range from which systems take the ports of outgoing connections, so that a
/// server killed and restarted finds it free again. The one after it is free too.
///
/// # Errors
/// When no such pair is found.
pub fn free_port() -> Result<u16> {
    (0..1000)
        .map(|_| rand::random_range(11_000..31_000))
        .find(|&port| [port, port + 1].iter().all(|&p| TcpListener::bind(("127.0.0.1", p)).is_ok()))
        .context("no two neighbouring free ports between 11000 and 31000")
}
