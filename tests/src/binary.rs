//! The programs under test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

/// Which build of the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As users run it.
    Plain,
    /// With the switches that turn protections off and kill the process at named points.
    Faults,
}

/// What this test program has built: once each.
static BUILT: Mutex<BTreeMap<&'static str, PathBuf>> = Mutex::new(BTreeMap::new());

/// The path of the binary, built if it is not up to date when first asked for.
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
        None => made_once(name, || plainly(build)),
    }
}

/// The path of the operator, built if it is not up to date when first asked for.
///
/// `MILLRACE_OPERATOR_BIN` names a binary to use instead.
///
/// It is built as one of the tests of all packages: with the features that these need together, so that cargo has its
/// dependencies already. By itself it would need most of them once more, with other features: minutes of compiling.
///
/// # Errors
/// When it cannot be built.
pub fn operator() -> Result<PathBuf> {
    match std::env::var_os("MILLRACE_OPERATOR_BIN") {
        Some(path) => Ok(path.into()),
        None => made_once("millrace-operator", beside_tests),
    }
}

fn made_once(name: &'static str, build: impl FnOnce() -> Made) -> Result<PathBuf> {
    let mut known = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = known.get(name) {
        return Ok(path.clone());
    }
    let path = make(&build(), name)?;
    known.insert(name, path.clone());
    Ok(path)
}

/// A program, and what cargo is told to build it.
struct Made {
    program: &'static str,
    args: Vec<&'static str>,
}

/// The program that a build of its package alone gives.
fn plainly(build: Build) -> Made {
    let mut args = vec!["--package", "millrace"];
    if build == Build::Faults {
        args.extend(["--features", "faults"]);
    }
    Made { program: "millrace", args }
}

/// That a test is asked for too makes cargo count what tests need; this one is small.
fn beside_tests() -> Made {
    let args = vec!["--workspace", "--bin", "millrace-operator", "--test", "crate_graph"];
    Made { program: "millrace-operator", args }
}

/// Builds, and keeps a copy under a name of its own: both builds of a program have the same name to cargo.
fn make(Made { program, args }: &Made, name: &str) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--quiet", "--locked"]).args(args);
    forget_package(&mut cargo);
    let done = cargo.status().context("running cargo build")?;
    ensure!(done.success(), "building {program} failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("millrace-tests");
    fs::create_dir_all(&folder)?;
    let (part, copy) = (folder.join(format!("{name}.{}", std::process::id())), folder.join(name));
    fs::copy(target.join("debug").join(program), &part).context("copying the binary")?;
    fs::rename(&part, &copy).context("naming the copy")?;
    copy.canonicalize().context("finding the copy")
}

/// Takes from a command's environment what cargo tells a test about its package. Build scripts of dependencies look at
/// variables of the same names: to a cargo that has them everything seems to have changed, and is built again.
fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|beginning| text.starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
}
