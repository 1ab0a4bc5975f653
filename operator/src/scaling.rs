//! How many replicas a processor needs: `Auto` scaling. Pure: figures of the pods in, a decision out.
//!
//! # How it decides
//! A partition needs `lag / catch-up + arrival · restart / catch-up + arrival / target utilisation` of what a pod can
//! read per second: what has piled up is worked off within `maxLag`, so is what would pile up during a restart, and
//! what arrives leaves a reserve. Partitions are shared in consecutive runs; the smallest number of replicas with
//! which the busiest pod can do its run is taken, of those numbers that make the largest run smaller.
//!
//! - **Up** in one jump, as soon as the need has been there for [`CONFIRM`] and an earlier change has settled.
//! - **Down** after [`CALM`], to the highest need in that time and a tenth; never while orders have piled up.
//! - **Hold** when figures of a partition are missing, and down only with figures over the whole of [`CALM`]: an
//!   operator that has just started does not know the last peak.
//! - What a pod can do is learned: see [`capacity`].
//!
//! # Use
//! One [`History`] per processor. Every ten seconds or so: [`History::note`], then [`decide`].

use std::time::Duration;
use std::time::Instant;

use contract::stage_status::StageStatus;

use crate::api::ScalingReason;
pub use history::History;

pub mod capacity;
mod demand;
mod history;
mod ladder;
mod verdict;
mod why;

use demand::{Demand, Missing};
use ladder::Ladder;
use verdict::Verdict;

/// The reserve: arrivals take this much of a pod at most, so that noise and a slow minute do not pile up.
const TARGET_UTILISATION: f64 = 0.7;
/// What a restart or a rebalance costs: 6 s until a dead replica is noticed, and the restore (1.5 s with a million
/// active users).
const RESTART: Duration = Duration::from_secs(10);
/// How long more replicas must have been needed: longer than a restart and its catching up, which passes by itself.
pub const CONFIRM: Duration = Duration::from_secs(20);
/// The time whose highest need counts before replicas are taken away.
pub const CALM: Duration = Duration::from_mins(15);
/// How long a change must have been in effect before replicas are taken away: every step costs a rebalance, so what
/// two steps would do is done in one.
pub const REST: Duration = Duration::from_mins(5);
/// What takes replicas away must be this much too small for the next smaller number: no back and forth at its edge.
const SHRINK_MARGIN: f64 = 1.1;
/// The least and the most time that a change has to take effect before the next one up.
const SETTLE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(2));

/// What the resource allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The fewest replicas.
    pub min: i32,
    /// The most replicas.
    pub max: i32,
    /// The partitions that the orders topic has: more replicas than that would idle.
    pub partitions: i32,
    /// What has piled up is worked off within this.
    pub max_lag: Duration,
}

/// What one pod says, or why it does not.
#[derive(Clone, Debug, PartialEq)]
pub struct PodLoad {
    /// The pod's name.
    pub pod: String,
    /// Its stage.
    pub stage: Result<StageStatus, String>,
}

/// How many replicas there should be, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// How many. Within the limits, whatever happens.
    pub replicas: i32,
    /// In a word.
    pub reason: ScalingReason,
    /// In a sentence, with rounded numbers.
    pub why: String,
    /// The numbers; `None` while they are not known.
    pub numbers: Option<Numbers>,
}

/// What a decision was made from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// Orders that arrive per second.
    pub arrival: f64,
    /// Orders that are not read yet.
    pub lag: u64,
    /// How old the oldest of them is, if known, in seconds.
    pub oldest_seconds: Option<f64>,
    /// Orders per second that the pods together should be able to read.
    pub need: f64,
    /// Orders per second that a pod can read; `None` before any was read.
    pub pod_capacity: Option<f64>,
    /// The replicas that follow from the above alone.
    pub wanted: i32,
}

/// Decides from `pods` and from `history`, which has noted the same pods. `current` is how many replicas there are
/// meant to be now.
pub fn decide(limits: &Limits, current: i32, history: &History, pods: &[PodLoad], now: Instant) -> Decision {
    let ladder = Ladder::of(limits);
    let held = ladder.within(current);
    let verdict = match assess(limits, &ladder, history, pods) {
        Ok(verdict) => verdict,
        Err(missing) => return missing.hold(held),
    };
    let wanted = verdict.wanted;
    let (replicas, reason, tail) = if wanted > held {
        match history.ready_to_grow(limits, held, now) {
            Ok(()) => (wanted, verdict.driver(), verdict.explain(wanted)),
            Err(waits) => (held, ScalingReason::Stabilising, why::waits_to_grow(wanted, &waits)),
        }
    } else {
        match history.ready_to_shrink(&verdict, held, now) {
            Ok(calm) if calm < held => (calm, ScalingReason::ArrivalRate, why::shrinks(calm)),
            Err(waits) if verdict.driver() != ScalingReason::HotPartition => {
                (held, waits.reason(), why::waits_to_shrink(wanted, &waits))
            }
            Ok(_) | Err(_) => (held, verdict.driver(), verdict.explain(held)),
        }
    };
    let why = format!("{}{tail}", verdict.situation());
    Decision { replicas, reason, why, numbers: Some(verdict.numbers()) }
}

/// What the pods say, judged by what a pod can do.
fn assess<'a>(
    limits: &'a Limits,
    ladder: &'a Ladder,
    history: &History,
    pods: &[PodLoad],
) -> Result<Verdict<'a>, Missing> {
    let demand = Demand::of(limits.partitions, pods)?;
    Verdict::new(limits, ladder, demand, history.capacity.per_pod())
}

/// The time in which lag is to be gone: less than ten seconds cannot be, since figures are that old.
fn catch_up(limits: &Limits) -> Duration {
    limits.max_lag.max(RESTART)
}

#[cfg(test)]
mod tests;
