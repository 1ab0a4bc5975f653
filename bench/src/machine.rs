//! On what the figures were measured.

use std::fmt;
use std::fs;
use std::process::Command;

use crate::usage::kibibytes;

/// This machine, and what it was doing.
pub struct Machine {
    model: String,
    cores: usize,
    memory_gib: u64,
    system: String,
}

impl Machine {
    /// Looks at this machine.
    pub fn here() -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let model =
            cpus.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
        Self {
            model: model.map_or("unknown processor", |(_, model)| model.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kibibytes(&memory, "MemTotal:").unwrap_or(0) / (1_024 * 1_024),
            system: first_line("uname", &["-sr"]),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, cores, memory_gib, system } = self;
        write!(f, "{model}, {cores} cores, {memory_gib} GiB, {system}")
    }
}

/// How many processes wanted a core, on average over the last minute.
pub fn load() -> String {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split_ascii_whitespace().next().unwrap_or("unknown").to_owned()
}

/// The time now (UTC), and the commit that is measured.
pub fn occasion() -> String {
    let commit = first_line(
        "git",
        &["--no-optional-locks", "-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"],
    );
    format!("{}, commit {commit}", first_line("date", &["-u", "+%Y-%m-%d %H:%M UTC"]))
}

/// The first line a program prints; "unknown" when it cannot be run.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").to_owned()
}
