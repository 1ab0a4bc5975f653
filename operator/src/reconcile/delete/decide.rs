//! Which step of a deletion comes next. Pure.

use std::time::Duration;

use crate::api::{DeletionSpec, OnDeletion};

/// Why a deletion ends early that nothing else keeps from ending.
pub(super) const NAMESPACE_GOES: &str = "the namespace is being deleted";

/// What is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The public topics that the operator manages.
    pub topics: bool,
    /// State and settings topics, consumer groups, keys in Redis.
    pub state: bool,
}

/// What is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remains {
    /// Whether the whole namespace is being deleted.
    pub namespace_is_going: bool,
    /// How long ago the deletion was asked for.
    pub waited: Duration,
    /// Deployments, but for the one that deletes the keys.
    pub workloads: usize,
    /// Pods, but for those of the one that deletes the keys.
    pub pods: usize,
    /// How far the keys are.
    pub purge: Purge,
}

/// How far deleting the keys in Redis is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purge {
    /// Nobody has begun.
    Absent,
    /// A pod is at it.
    Running,
    /// A pod has ended well.
    Done,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Deletes the Deployments.
    StopWorkloads,
    /// Waits for so many pods to end.
    AwaitPods(usize),
    /// Makes the workload that deletes the keys.
    StartPurge,
    /// Waits for it.
    AwaitPurge,
    /// Deletes groups and topics, then lets go.
    RemoveFromKafka,
    /// Lets go although something is left.
    GiveUp {
        /// Why.
        why: &'static str,
        /// Whether the keys are gone.
        purged: bool,
    },
    /// Nothing was to be deleted.
    LetGo,
}

impl Policy {
    pub(crate) fn of(spec: &DeletionSpec) -> Self {
        let DeletionSpec { topics, state } = *spec;
        Self { topics: topics == OnDeletion::Delete, state: state == OnDeletion::Delete }
    }

    /// Whether anything outlives the pods that is to go.
    pub(crate) fn deletes(self) -> bool {
        self.topics || self.state
    }
}

/// The next step.
pub(super) fn next(policy: Policy, remains: &Remains, deadline: Duration) -> Step {
    let Remains { namespace_is_going, waited, workloads, pods, purge } = *remains;
    let purged = purge == Purge::Done;
    if !policy.deletes() {
        return Step::LetGo;
    }
    if waited >= deadline {
        return Step::GiveUp { why: "deleting took too long", purged };
    }
    let quiet = workloads == 0 && pods == 0;
    if namespace_is_going {
        // the keys need a pod, and there will be no more pods
        return if quiet && (purged || !policy.state) {
            Step::RemoveFromKafka
        } else {
            Step::GiveUp { why: NAMESPACE_GOES, purged }
        };
    }
    match (workloads, pods) {
        (1.., _) => return Step::StopWorkloads,
        (0, 1..) => return Step::AwaitPods(pods),
        (0, 0) => {}
    }
    match purge {
        Purge::Absent if policy.state => Step::StartPurge,
        Purge::Running if policy.state => Step::AwaitPurge,
        Purge::Absent | Purge::Running | Purge::Done => Step::RemoveFromKafka,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Policy = Policy { topics: true, state: true };
    const DEADLINE: Duration = Duration::from_mins(5);

    fn remains(workloads: usize, pods: usize, purge: Purge) -> Remains {
        Remains { namespace_is_going: false, waited: Duration::ZERO, workloads, pods, purge }
    }

    #[test]
    fn steps_come_one_after_the_other() {
        for (found, step) in [
            (remains(4, 4, Purge::Absent), Step::StopWorkloads),
            (remains(0, 3, Purge::Absent), Step::AwaitPods(3)),
            (remains(0, 0, Purge::Absent), Step::StartPurge),
            (remains(0, 0, Purge::Running), Step::AwaitPurge),
            (remains(0, 0, Purge::Done), Step::RemoveFromKafka),
        ] {
            assert_eq!(next(BOTH, &found, DEADLINE), step, "{found:?}");
        }
    }

    #[test]
    fn keys_stay_with_the_state() {
        let topics = Policy { topics: true, state: false };
        assert_eq!(next(topics, &remains(0, 0, Purge::Absent), DEADLINE), Step::RemoveFromKafka);
    }

    #[test]
    fn what_is_retained_is_let_go_at_once() {
        let nothing = Policy { topics: false, state: false };
        assert_eq!(next(nothing, &remains(4, 4, Purge::Absent), DEADLINE), Step::LetGo);
    }

    #[test]
    fn after_the_deadline_it_lets_go_whatever_is_left() {
        for found in [remains(4, 4, Purge::Absent), remains(0, 0, Purge::Running)] {
            let late = Remains { waited: DEADLINE, ..found };
            assert!(matches!(next(BOTH, &late, DEADLINE), Step::GiveUp { purged: false, .. }), "{late:?}");
        }
    }

    #[test]
    fn a_namespace_that_goes_is_not_waited_for() {
        let going =
            |workloads, pods, purge| Remains { namespace_is_going: true, ..remains(workloads, pods, purge) };
        assert!(matches!(next(BOTH, &going(4, 4, Purge::Absent), DEADLINE), Step::GiveUp { .. }));
        assert!(matches!(next(BOTH, &going(0, 1, Purge::Done), DEADLINE), Step::GiveUp { purged: true, .. }));
        assert!(matches!(next(BOTH, &going(0, 0, Purge::Absent), DEADLINE), Step::GiveUp { .. }));
        assert_eq!(next(BOTH, &going(0, 0, Purge::Done), DEADLINE), Step::RemoveFromKafka);
        let topics = Policy { topics: true, state: false };
        assert_eq!(next(topics, &going(0, 0, Purge::Absent), DEADLINE), Step::RemoveFromKafka);
    }
}
