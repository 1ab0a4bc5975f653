//! How far behind the figures are: what stages have not read yet, and what they have read but no update shows.
//! Pure: told what was found, and when.

pub mod found;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

pub use found::{Found, PartitionReach, StageReach};

/// Ends of a partition that are remembered; of more, the older ones are thinned out.
const REMEMBERED: usize = 120;

/// What was found so far, as far as it matters.
#[derive(Debug, Default)]
pub struct Lag {
    stages: BTreeMap<String, BTreeMap<i32, Ends>>,
    shown: Shown,
}

/// Where a partition ended, and when that was first seen: only ends that the stage has not reached.
#[derive(Debug, Default)]
struct Ends(VecDeque<(Instant, i64)>);

/// Whether what is counted is shown.
#[derive(Debug, Default)]
struct Shown {
    last: Option<(Instant, i64)>,
    missing_since: Option<Instant>,
}

/// How far behind the figures are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// By stage.
    pub stages: Vec<StageBehind>,
    /// For how long orders have been counted that no update shows; zero when there are none, `None` when it is
    /// not known.
    pub unshown: Option<Duration>,
}

/// How far behind one stage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageBehind {
    /// Its name.
    pub stage: String,
    /// Records it has not read; `None` when it is not known.
    pub unread: Option<i64>,
    /// For how long the oldest of them has waited, at least: it is counted from when it was first seen.
    pub waited: Option<Duration>,
}

impl Lag {
    /// Takes in what was found at `now`; `updated` is when the newest update of revenue came.
    pub fn take(&mut self, now: Instant, found: &Found, updated: Option<Instant>) -> Behind {
        let names: BTreeSet<_> = found.stages.iter().map(|stage| &stage.stage).collect();
        self.stages.retain(|name, _| names.contains(name));
        let stages = found.stages.iter().map(|stage| self.stage(now, stage)).collect();
        Behind { stages, unshown: found.counted.map(|counted| self.shown.take(now, counted, updated)) }
    }

    fn stage(&mut self, now: Instant, reach: &StageReach) -> StageBehind {
        let StageReach { stage, partitions } = reach;
        let ends = self.stages.entry(stage.clone()).or_default();
        let (mut unread, mut waited) = (Some(0), Some(Duration::ZERO));
        for PartitionReach { partition, position, end } in partitions {
            let Some(position) = position else {
                (unread, waited) = (None, None);
                continue;
            };
            let since = ends.entry(*partition).or_default().take(now, *position, *end);
            unread = unread.map(|sum| sum + (end - position).max(0));
            waited = waited.map(|most| most.max(since));
        }
        StageBehind { stage: stage.clone(), unread, waited }
    }
}

impl Ends {
    /// For how long there has been something to read at `position`.
    fn take(&mut self, now: Instant, position: i64, end: i64) -> Duration {
        let Self(ends) = self;
        while ends.front().is_some_and(|(_, end)| *end <= position) {
            ends.pop_front();
        }
        if end > position && ends.back().is_none_or(|(_, last)| end > *last) {
            ends.push_back((now, end));
        }
        if ends.len() > REMEMBERED {
            // what is left says later than it was, by at most the pause between two looks
            let mut keep = false;
            ends.retain(|_| {
                keep = !keep;
                keep
            });
        }
        ends.front().map_or(Duration::ZERO, |(since, _)| now - *since)
    }
}

impl Shown {
    /// For how long something has been counted that no update shows. An update that came after the last look is
    /// taken to show what was counted since: when it did not, the next one counted tells.
    fn take(&mut self, now: Instant, counted: i64, updated: Option<Instant>) -> Duration {
        if let Some((looked, before)) = self.last
            && counted > before
            && updated.is_none_or(|updated| updated < looked)
        {
            self.missing_since.get_or_insert(now);
        }
        self.last = Some((now, counted));
        self.missing_since =
            self.missing_since.filter(|since| updated.is_none_or(|updated| updated < *since));
        self.missing_since.map_or(Duration::ZERO, |since| now - since)
    }
}

#[cfg(test)]
mod tests;
