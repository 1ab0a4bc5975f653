//! The checks: what came out against what the oracle says must come out, as a readable list of differences.

mod alerts;
mod counters;
mod dead_letters;
mod moves;
mod updates;

use std::fmt;

use anyhow::{Result, ensure};

use crate::oracle::Expected;
use crate::pipeline::Pipeline;
use crate::redis_server::Redis;

pub use alerts::alerts;
pub use counters::{counters, state};
pub use dead_letters::dead_letters;
pub use moves::only_moved_users_miss_alerts;
pub use updates::last_update;

/// Differences shown per check; the rest is only counted.
const SHOWN: usize = 15;

/// The differences that one check found.
#[derive(Debug, Default)]
pub struct Differences {
    what: &'static str,
    compared: usize,
    found: Vec<String>,
}

impl Differences {
    /// No differences yet in `what`.
    pub fn of(what: &'static str) -> Self {
        Self { what, ..Self::default() }
    }

    /// Counts one thing that was compared.
    pub fn compared(&mut self) {
        self.compared += 1;
    }

    /// Adds a difference.
    pub fn add(&mut self, difference: String) {
        self.found.push(difference);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Turns differences into an error.
    ///
    /// # Errors
    /// When there are any.
    pub fn check(self) -> Result<()> {
        ensure!(self.is_empty(), "{self}");
        println!("{}: {} compared, all equal", self.what, self.compared);
        Ok(())
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} compared {}, {} differ", self.what, self.compared, self.found.len())?;
        for difference in self.found.iter().take(SHOWN) {
            write!(f, "\n  {difference}")?;
        }
        match self.found.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  … and {more} more"),
        }
    }
}

/// Runs all checks of a pipeline whose `stage` runs revenue and fraud and was drained; those of Redis and the
/// metrics topic when there is a Redis. Says everything that differs at once.
///
/// # Errors
/// When anything differs, or something cannot be read.
pub fn everything(
    pipeline: &Pipeline,
    stage: &str,
    redis: Option<&Redis>,
    expected: &Expected,
) -> Result<()> {
    let mut found = vec![
        state(pipeline, stage, expected)?,
        alerts(pipeline, expected)?,
        dead_letters(pipeline, expected)?,
    ];
    if let Some(redis) = redis {
        found.push(counters(pipeline, redis, expected)?);
        found.push(last_update(pipeline, expected)?);
    }
    let report: Vec<_> = found.iter().map(ToString::to_string).collect();
    println!("{}", report.join("\n"));
    ensure!(found.iter().all(Differences::is_empty), "{}", report.join("\n"));
    Ok(())
}
