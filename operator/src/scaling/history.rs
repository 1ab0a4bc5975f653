//! What scaling remembers of one processor between two looks at it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::capacity::Capacity;
use super::demand::fresh;
use super::ladder::Ladder;
use super::verdict::Verdict;
use super::why::{GrowWait, ShrinkWait};
use super::{CALM, CONFIRM, Limits, PodLoad, REST, SETTLE, assess, catch_up};

/// Samples closer together than this are kept as one, the higher: there are never more than [`CALM`] has of them.
const GRAIN: Duration = Duration::from_secs(10);
/// Without figures for this long, nothing is known of the time before: a peak may have gone unseen. Rebalances and
/// restarts are shorter.
const GAP: Duration = Duration::from_mins(1);

/// The memory of one processor: bounded, and empty after a start of the operator. Then nothing is taken away before
/// [`CALM`] has been seen, and nothing is added before the pods have settled.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What a pod can do.
    pub(super) capacity: Capacity,
    known: Option<Known>,
    /// Needs of the last [`CALM`], oldest first.
    samples: VecDeque<Sample>,
    change: Option<Change>,
    /// Since when more replicas are needed than there are.
    short_since: Option<Instant>,
}

/// Since when figures have come, and when they came last.
#[derive(Clone, Copy, Debug)]
struct Known {
    since: Instant,
    last: Instant,
}

/// The replicas that were needed.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    replicas: i32,
}

/// The last change of the replicas, whoever made it.
#[derive(Clone, Copy, Debug)]
struct Change {
    replicas: i32,
    /// Since when as many pods work; `None` while they do not.
    effective: Option<Instant>,
}

impl History {
    /// Takes in what the pods say now. `current` is how many replicas there are meant to be.
    pub fn note(&mut self, limits: &Limits, current: i32, pods: &[PodLoad], now: Instant) {
        let ladder = Ladder::of(limits);
        let held = ladder.within(current);
        self.capacity.note(pods, now);
        self.note_change(held, pods, now);
        let Ok(verdict) = assess(limits, &ladder, self, pods) else { return };
        self.note_known(now);
        self.note_need(verdict.to_keep(), now);
        self.short_since = (verdict.wanted > held).then(|| self.short_since.unwrap_or(now));
    }

    fn note_change(&mut self, held: i32, pods: &[PodLoad], now: Instant) {
        if self.change.is_none_or(|change| change.replicas != held) {
            self.change = Some(Change { replicas: held, effective: None });
            self.short_since = None;
        }
        let working = fresh(pods).filter(|stage| !stage.partitions.is_empty()).count();
        let works = i32::try_from(working).is_ok_and(|working| working == held);
        if let Some(change) = &mut self.change {
            change.effective = works.then(|| change.effective.unwrap_or(now));
        }
    }

    fn note_known(&mut self, now: Instant) {
        let unbroken = self.known.filter(|known| now.saturating_duration_since(known.last) <= GAP);
        if unbroken.is_none() {
            self.samples.clear();
        }
        self.known = Some(Known { since: unbroken.map_or(now, |known| known.since), last: now });
    }

    fn note_need(&mut self, replicas: i32, now: Instant) {
        let old = |sample: &Sample| now.saturating_duration_since(sample.at) > CALM;
        while self.samples.front().is_some_and(old) {
            self.samples.pop_front();
        }
        match self.samples.back_mut() {
            Some(last) if now.saturating_duration_since(last.at) < GRAIN => {
                last.replicas = last.replicas.max(replicas);
            }
            _ => self.samples.push_back(Sample { at: now, replicas }),
        }
    }

    /// Whether more replicas may be added now.
    pub(super) fn ready_to_grow(&self, limits: &Limits, held: i32, now: Instant) -> Result<(), GrowWait> {
        let age = |at: Instant| now.saturating_duration_since(at);
        let effective =
            self.change.filter(|change| change.replicas == held).and_then(|change| change.effective);
        let effective = effective.ok_or(GrowWait::Pending)?;
        let settle = catch_up(limits).clamp(SETTLE.0, SETTLE.1);
        if age(effective) < settle {
            return Err(GrowWait::Settling { since: age(effective), of: settle });
        }
        match self.short_since {
            Some(since) if age(since) >= CONFIRM => Ok(()),
            _ => Err(GrowWait::Unconfirmed),
        }
    }

    /// How many replicas to go down to; `held` when that many are needed.
    pub(super) fn ready_to_shrink(
        &self,
        verdict: &Verdict<'_>,
        held: i32,
        now: Instant,
    ) -> Result<i32, ShrinkWait> {
        if verdict.wanted >= held {
            return Ok(held);
        }
        if verdict.is_catching_up() {
            return Err(ShrinkWait::CatchingUp);
        }
        let known = self.known.map_or(Duration::ZERO, |known| now.saturating_duration_since(known.since));
        if known < CALM {
            return Err(ShrinkWait::Unknown { known });
        }
        let highest = self.samples.iter().map(|sample| sample.replicas).max().unwrap_or(held);
        if highest >= held {
            return Err(ShrinkWait::Peak { highest });
        }
        let effective = self.change.and_then(|change| change.effective);
        let rested = effective.is_some_and(|at| now.saturating_duration_since(at) >= REST);
        if rested { Ok(highest) } else { Err(ShrinkWait::Resting { highest }) }
    }
}
