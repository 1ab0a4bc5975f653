//! The `millrace` binary under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

/// Which build of the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As users run it.
    Plain,
    /// With the switches that turn protections off and kill the process at named points.
    Faults,
}

static BUILDING: Mutex<()> = Mutex::new(());

/// The path of the binary, built if it is not up to date.
///
/// `MILLRACE_BIN` (`MILLRACE_FAULTS_BIN`) names a binary to use instead.
///
/// # Errors
/// When it cannot be built.
pub fn path(build: Build) -> Result<PathBuf> {
    let (variable, name) = match build {
        Build::Plain => ("MILLRACE_BIN", "millrace"),
        Build::Faults => ("MILLRACE_FAULTS_BIN", "millrace-faults"),
    };
    match std::env::var_os(variable) {
        Some(path) => Ok(path.into()),
        None => make("millrace", build, name),
    }
}

/// The path of the operator, built if it is not up to date.
///
/// `MILLRACE_OPERATOR_BIN` names a binary to use instead.
///
/// # Errors
/// When it cannot be built.
pub fn operator() -> Result<PathBuf> {
    match std::env::var_os("MILLRACE_OPERATOR_BIN") {
        Some(path) => Ok(path.into()),
        None => make("millrace-operator", Build::Plain, "millrace-operator"),
    }
}

/// Builds, and keeps a copy under a name of its own: both builds have the same name to cargo.
fn make(package: &str, build: Build, name: &str) -> Result<PathBuf> {
    let _one_at_a_time = BUILDING.lock();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--quiet", "--package", package]);
    if build == Build::Faults {
        cargo.args(["--features", "faults"]);
    }
    let done = cargo.status().context("running cargo build")?;
    ensure!(done.success(), "building {package} failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("millrace-tests");
    fs::create_dir_all(&folder)?;
    let (part, copy) = (folder.join(format!("{name}.{}", std::process::id())), folder.join(name));
    fs::copy(target.join("debug").join(package), &part).context("copying the binary")?;
    fs::rename(&part, &copy).context("naming the copy")?;
    copy.canonicalize().context("finding the copy")
}
