//! What to do about the fence that was found. Pure: the caller reads the store and the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Fence, Phase, Position, Positions, StatePartition, Token, WriterId};
use crate::faults;

/// What the store holds where the fence belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The token as it stands there.
    pub token: String,
    /// The fence, `None` when it cannot be read.
    pub fence: Option<Fence>,
}

/// What the deciding process knows about itself.
#[derive(Clone, Debug)]
pub struct Own<'a> {
    /// This run.
    pub writer: &'a WriterId,
    /// Its pipeline.
    pub pipeline: &'a str,
    /// The last token it knows to be written; `None` before its first batch.
    pub last: Option<&'a Token>,
    /// How far the keys it would write go.
    pub positions: &'a BTreeMap<StatePartition, OwnPosition>,
    /// How long a foreign token must stand still before it is taken over.
    pub patience: Duration,
}

/// How far this process has read a state partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPosition {
    /// `None` when the partition holds no progress record yet.
    pub at: Option<Position>,
    /// Whether the partition's end had been reached by then.
    pub at_end: bool,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The fence is the own one: write what changed.
    InStep,
    /// Write everything, at once.
    Rewrite(Cause),
    /// Write nothing; look again soon.
    Wait(Waiting),
}

/// Why everything has to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// There is no fence, and this process has not written yet.
    First,
    /// The fence is gone: Redis was flushed, or replaced by an empty one.
    Missing,
    /// An own token older than the last: Redis went back.
    WentBack,
    /// An own token newer than the last known one: the answer to a batch was lost.
    Doubtful,
    /// An own rewrite that did not get to its end.
    Unfinished,
    /// A foreign writer ended or stood still.
    TakenOver,
    /// What stands there is no fence.
    Damaged,
}

/// Why nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// A foreign writer has not stood still for long enough.
    OtherWriter,
    /// A foreign writer that stood still had read more of this partition.
    Behind(StatePartition),
    /// The keys are another pipeline's.
    OtherPipeline(String),
}

/// Decides about `found`, whose token has been the same for `still`.
///
/// - No fence, or an own token that is not the last: Redis lost something that this process knows. It
///   alone writes, so it rewrites everything at once.
/// - A foreign token: somebody else wrote. Only when that has stood still for the own patience (or said
///   that it ends), and this process has read at least as much of *every* partition, does it take over. A
///   sum of positions would not do: a writer ahead in one partition and behind in another would put older
///   values over newer ones.
/// - Partitions of stages that this process does not read are left out of that: their stage is not claimed
///   any more, and nobody will ever read on in them.
/// - Another pipeline's fence is never taken over: two pipelines would undo each other for ever.
pub fn decide(found: Option<&Found>, own: &Own<'_>, still: Duration) -> Decision {
    let Some(found) = found else {
        return Decision::Rewrite(if own.last.is_some() { Cause::Missing } else { Cause::First });
    };
    let Some(fence) = &found.fence else {
        return after_patience(own, still, Decision::Rewrite(Cause::Damaged));
    };
    if fence.pipeline != own.pipeline {
        return Decision::Wait(Waiting::OtherPipeline(fence.pipeline.clone()));
    }
    if fence.token.writer == *own.writer {
        return own_token(&fence.token, own.last);
    }
    let decision = match not_covered(own.positions, &fence.positions) {
        Some(partition) => Decision::Wait(Waiting::Behind(partition.clone())),
        None => Decision::Rewrite(Cause::TakenOver),
    };
    if fence.token.phase == Phase::Released { decision } else { after_patience(own, still, decision) }
}

impl Cause {
    /// Those after which the store was not as it was left.
    pub const HEALINGS: [Self; 6] =
        [Self::Missing, Self::WentBack, Self::Doubtful, Self::Unfinished, Self::TakenOver, Self::Damaged];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Missing => "missing",
            Self::WentBack => "went_back",
            Self::Doubtful => "doubtful",
            Self::Unfinished => "unfinished",
            Self::TakenOver => "taken_over",
            Self::Damaged => "damaged",
        }
    }
}

fn own_token(found: &Token, last: Option<&Token>) -> Decision {
    match last {
        Some(last) if last == found && found.phase == Phase::Rewriting => {
            Decision::Rewrite(Cause::Unfinished)
        }
        Some(last) if last == found => Decision::InStep,
        Some(last) if found.batch < last.batch => Decision::Rewrite(Cause::WentBack),
        _ => Decision::Rewrite(Cause::Doubtful),
    }
}

fn after_patience(own: &Own<'_>, still: Duration, decision: Decision) -> Decision {
    if still < own.patience { Decision::Wait(Waiting::OtherWriter) } else { decision }
}

/// A partition of which a foreign writer had read more, if there is one.
fn not_covered<'a>(
    own: &BTreeMap<StatePartition, OwnPosition>,
    theirs: &'a Positions,
) -> Option<&'a StatePartition> {
    if faults::fence_sum() { not_covered_by_sum(own, theirs) } else { not_covered_by_each(own, theirs) }
}

fn not_covered_by_each<'a>(
    own: &BTreeMap<StatePartition, OwnPosition>,
    theirs: &'a Positions,
) -> Option<&'a StatePartition> {
    let read = |p: &StatePartition| own.keys().any(|o| o.stage == p.stage);
    let mut relevant = theirs.iter().filter(|(partition, _)| read(partition));
    relevant.find(|(partition, theirs)| !own.get(partition).is_some_and(|o| o.covers(theirs))).map(|(p, _)| p)
}

/// The mistake that the tests must catch.
fn not_covered_by_sum<'a>(
    own: &BTreeMap<StatePartition, OwnPosition>,
    theirs: &'a Positions,
) -> Option<&'a StatePartition> {
    let own: i64 = own.values().filter_map(|o| o.at.as_ref()).map(|at| at.offset).sum();
    let sum: i64 = theirs.values().map(|at| at.offset).sum();
    theirs.keys().next().filter(|_| own < sum)
}

/// Whether this process has read more of some partition than `theirs` says.
pub fn is_ahead(own: &BTreeMap<StatePartition, OwnPosition>, theirs: &Positions) -> bool {
    own.iter().any(|(partition, own)| match (&own.at, theirs.get(partition)) {
        (Some(own), Some(theirs)) => own.incarnation != theirs.incarnation || own.offset > theirs.offset,
        (own, _) => own.is_some(),
    })
}

impl OwnPosition {
    /// Whether what this process has read of a partition holds all that `theirs` says.
    ///
    /// Incarnations have no order. But the newest stands at the partition's end, so whoever has read that
    /// far has the newest, and another one is older.
    fn covers(&self, theirs: &Position) -> bool {
        match &self.at {
            Some(own) if own.incarnation == theirs.incarnation => own.offset >= theirs.offset,
            _ => self.at_end,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);
    const STILL: Duration = PATIENCE;
    const MOVING: Duration = Duration::from_millis(1999);

    fn writer(name: &str) -> WriterId {
        WriterId(name.to_owned())
    }

    fn token(name: &str, batch: u64, phase: Phase) -> Token {
        Token { writer: writer(name), batch, phase }
    }

    fn partition(stage: &str, partition: i32) -> StatePartition {
        StatePartition { stage: stage.to_owned(), partition }
    }

    fn at(incarnation: &str, offset: i64) -> Position {
        Position { incarnation: incarnation.to_owned(), offset }
    }

    fn theirs(offsets: &[i64]) -> Positions {
        (0..).zip(offsets).map(|(p, offset)| (partition("revenue", p), at("i", *offset))).collect()
    }

    fn ours(offsets: &[i64]) -> BTreeMap<StatePartition, OwnPosition> {
        let own = |(p, at)| (p, OwnPosition { at: Some(at), at_end: false });
        theirs(offsets).into_iter().map(own).collect()
    }

    fn found(token: &Token, positions: Positions) -> Found {
        let fence = Fence { pipeline: "shop".to_owned(), token: token.clone(), positions };
        Found { token: token.to_string(), fence: Some(fence) }
    }

    fn decide_as(
        last: Option<&Token>,
        positions: &BTreeMap<StatePartition, OwnPosition>,
        found: Option<&Found>,
        still: Duration,
    ) -> Decision {
        let me = writer("me");
        decide(found, &Own { writer: &me, pipeline: "shop", last, positions, patience: PATIENCE }, still)
    }

    #[test]
    fn without_a_fence_everything_is_written_at_once() {
        let last = token("me", 7, Phase::Settled);
        let now = Duration::ZERO;
        assert_eq!(decide_as(None, &ours(&[1]), None, now), Decision::Rewrite(Cause::First));
        assert_eq!(decide_as(Some(&last), &ours(&[1]), None, now), Decision::Rewrite(Cause::Missing));
    }

    #[test]
    fn own_tokens_are_judged_at_once_and_only_the_last_is_in_step() {
        use Phase::{Released, Rewriting, Settled};
        let cases = [
            (Some((7, Settled)), (7, Settled), Decision::InStep),
            (Some((7, Released)), (7, Released), Decision::InStep),
            (Some((7, Rewriting)), (7, Rewriting), Decision::Rewrite(Cause::Unfinished)),
            (Some((7, Settled)), (7, Rewriting), Decision::Rewrite(Cause::Doubtful)),
            (Some((7, Settled)), (6, Settled), Decision::Rewrite(Cause::WentBack)),
            (Some((7, Settled)), (6, Rewriting), Decision::Rewrite(Cause::WentBack)),
            (Some((7, Rewriting)), (6, Settled), Decision::Rewrite(Cause::WentBack)),
            (Some((7, Settled)), (8, Settled), Decision::Rewrite(Cause::Doubtful)),
            (Some((7, Rewriting)), (8, Rewriting), Decision::Rewrite(Cause::Doubtful)),
            (None, (1, Settled), Decision::Rewrite(Cause::Doubtful)),
        ];
        for (last, (batch, phase), wanted) in cases {
            let last = last.map(|(batch, phase)| token("me", batch, phase));
            // positions play no part: the own process never goes back
            for offsets in [[0, 0], [9, 9]] {
                let found = found(&token("me", batch, phase), theirs(&offsets));
                let decision = decide_as(last.as_ref(), &ours(&[5, 5]), Some(&found), Duration::ZERO);
                assert_eq!(decision, wanted, "{last:?} {found:?}");
            }
        }
    }

    #[test]
    fn a_foreign_writer_is_waited_for_until_it_stands_still() {
        let last = token("me", 7, Phase::Settled);
        for last in [None, Some(&last)] {
            for phase in [Phase::Settled, Phase::Rewriting] {
                let found = found(&token("other", 3, phase), theirs(&[5, 5]));
                let decide = |still| decide_as(last, &ours(&[5, 5]), Some(&found), still);
                assert_eq!(decide(MOVING), Decision::Wait(Waiting::OtherWriter));
                assert_eq!(decide(STILL), Decision::Rewrite(Cause::TakenOver));
            }
        }
    }

    #[test]
    fn a_foreign_writer_that_ended_is_taken_over_at_once_but_never_with_less_read() {
        let found = found(&token("other", 3, Phase::Released), theirs(&[5, 5]));
        let decide = |own: &[i64]| decide_as(None, &ours(own), Some(&found), Duration::ZERO);
        assert_eq!(decide(&[5, 5]), Decision::Rewrite(Cause::TakenOver));
        assert_eq!(decide(&[9, 4]), Decision::Wait(Waiting::Behind(partition("revenue", 1))));
    }

    #[test]
    fn each_partition_must_be_covered_where_a_sum_would_not_notice() {
        let found = found(&token("other", 3, Phase::Settled), theirs(&[5, 5]));
        let own = ours(&[100, 4]);
        let decision = decide_as(None, &own, Some(&found), STILL);
        assert_eq!(decision, Decision::Wait(Waiting::Behind(partition("revenue", 1))));
        assert_eq!(not_covered_by_sum(&own, &theirs(&[5, 5])), None, "the mutation must differ here");
    }

    #[test]
    fn a_partition_not_read_yet_is_not_covered_and_an_unclaimed_stage_is_not_asked_for() {
        let token = token("other", 3, Phase::Settled);
        let more = found(&token, theirs(&[5, 5, 5]));
        let decision = decide_as(None, &ours(&[9, 9]), Some(&more), STILL);
        assert_eq!(decision, Decision::Wait(Waiting::Behind(partition("revenue", 2))));

        let mut positions = theirs(&[5, 5]);
        positions.insert(partition("revenue-fraud", 0), at("i", 1_000));
        let decision = decide_as(None, &ours(&[5, 5]), Some(&found(&token, positions)), STILL);
        assert_eq!(decision, Decision::Rewrite(Cause::TakenOver));
    }

    #[test]
    fn another_incarnation_is_older_only_for_whoever_is_at_the_end() {
        let found = found(&token("other", 3, Phase::Settled), theirs(&[5]));
        for (at, at_end) in [(Some(at("j", 1)), true), (None, true), (Some(at("j", 9)), false), (None, false)]
        {
            let own = [(partition("revenue", 0), OwnPosition { at, at_end })].into();
            let covered = decide_as(None, &own, Some(&found), STILL) == Decision::Rewrite(Cause::TakenOver);
            assert_eq!(covered, at_end, "{own:?}");
        }
    }

    #[test]
    fn another_pipeline_is_never_taken_over() {
        let mut found = found(&token("other", 3, Phase::Released), theirs(&[1]));
        if let Some(fence) = &mut found.fence {
            fence.pipeline = "bakery".to_owned();
        }
        let forever = Duration::MAX;
        let decision = decide_as(None, &ours(&[9]), Some(&found), forever);
        assert_eq!(decision, Decision::Wait(Waiting::OtherPipeline("bakery".to_owned())));
    }

    #[test]
    fn what_is_no_fence_is_replaced_when_it_stands_still() {
        let found = Found { token: "?".to_owned(), fence: None };
        let decide = |still| decide_as(None, &ours(&[1]), Some(&found), still);
        assert_eq!(decide(MOVING), Decision::Wait(Waiting::OtherWriter));
        assert_eq!(decide(STILL), Decision::Rewrite(Cause::Damaged));
    }

    proptest! {
        /// Taking over never takes a partition back.
        #[test]
        fn a_takeover_never_goes_back(
            own in prop::collection::vec(0_i64..4, 3),
            fence in prop::collection::vec(0_i64..4, 3),
        ) {
            let found = found(&token("other", 1, Phase::Settled), theirs(&fence));
            let taken = decide_as(None, &ours(&own), Some(&found), STILL) == Decision::Rewrite(Cause::TakenOver);
            prop_assert_eq!(taken, own.iter().zip(&fence).all(|(own, theirs)| own >= theirs));
        }
    }
}
