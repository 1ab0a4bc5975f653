//! The `millrace` binaries that are measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::progress;

/// Release builds of `millrace`.
pub struct Binaries {
    /// As users run it.
    pub plain: PathBuf,
    /// With the switches of test builds.
    pub faults: PathBuf,
}

impl Binaries {
    /// Builds both; with `no_build`, takes what is there.
    ///
    /// # Errors
    /// When one cannot be built, or is not there.
    pub fn get(no_build: bool) -> Result<Self> {
        let target = target()?;
        let binaries = Self { plain: target.join("millrace"), faults: target.join("millrace-faults") };
        if !no_build {
            // Both have the same name to cargo, so the first is put aside.
            build(&["--features", "faults"])?;
            fs::copy(&binaries.plain, &binaries.faults).context("keeping the test build")?;
            build(&[])?;
        }
        for path in [&binaries.plain, &binaries.faults] {
            ensure!(path.is_file(), "{} is missing: leave out --no-build", path.display());
        }
        Ok(binaries)
    }
}

/// Where this program was built, and `millrace` beside it.
fn target() -> Result<PathBuf> {
    ensure!(!cfg!(debug_assertions), "figures of a debug build say nothing: run with --release");
    let own = std::env::current_exe().context("finding the own program")?;
    Ok(own.parent().unwrap_or(Path::new(".")).to_owned())
}

fn build(features: &[&str]) -> Result<()> {
    progress::step(&format!("building millrace {}", features.join(" ")));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    cargo.args(["build", "--locked", "--release", "--package", "millrace"]).args(features);
    ensure!(cargo.status().context("running cargo")?.success(), "building millrace failed");
    Ok(())
}
