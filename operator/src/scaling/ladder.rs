//! The numbers of replicas that make a difference.

use super::Limits;

/// Useful numbers of replicas, smallest first; never empty, within the limits.
///
/// With P partitions the busiest of k replicas has `ceil(P / k)` of them: a number that does not make this smaller
/// adds pods and takes nothing off the busiest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ladder {
    rungs: Vec<i32>,
    /// The most that the limits allow, useful or not.
    highest: i32,
}

impl Ladder {
    pub(super) fn of(limits: &Limits) -> Self {
        let partitions = limits.partitions.max(1);
        let highest = limits.max.clamp(1, partitions);
        let lowest = limits.min.clamp(1, highest);
        let largest_share = |replicas: i32| (partitions + replicas - 1) / replicas;
        let useful = (lowest + 1..=highest).filter(|&k| largest_share(k) < largest_share(k - 1));
        Self { rungs: std::iter::once(lowest).chain(useful).collect(), highest }
    }

    /// The smallest number.
    pub(super) fn bottom(&self) -> i32 {
        self.rungs.first().copied().unwrap_or(1)
    }

    /// The greatest useful number.
    pub(super) fn top(&self) -> i32 {
        self.rungs.last().copied().unwrap_or(1)
    }

    /// `replicas`, or the nearest number that the limits allow.
    pub(super) fn within(&self, replicas: i32) -> i32 {
        replicas.clamp(self.bottom(), self.highest)
    }

    /// The smallest number with which nobody has more than `most` to do; the greatest there is if none will do.
    pub(super) fn first_within(&self, needs: &[f64], most: f64) -> i32 {
        let fits = |&&replicas: &&i32| busiest(needs, replicas) <= most;
        self.rungs.iter().find(fits).copied().unwrap_or_else(|| self.top())
    }
}

/// What the busiest of `replicas` has to do. As the consumers' `range` assignor shares: consecutive runs, and the
/// first ones are longer by one where it does not come out even.
pub(super) fn busiest(needs: &[f64], replicas: i32) -> f64 {
    let replicas = usize::try_from(replicas).unwrap_or(1).max(1);
    let (short, longer) = (needs.len() / replicas, needs.len() % replicas);
    let (head, tail) = needs.split_at(longer * (short + 1));
    let of = |run: &[f64]| run.iter().sum::<f64>();
    head.chunks(short + 1).chain(tail.chunks(short.max(1))).map(of).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Ladder, busiest};
    use crate::scaling::Limits;

    fn ladder(min: i32, max: i32, partitions: i32) -> Vec<i32> {
        let limits = Limits { min, max, partitions, max_lag: Duration::from_secs(30) };
        Ladder::of(&limits).rungs
    }

    #[test]
    fn only_numbers_that_change_the_largest_share_are_useful() {
        assert_eq!(ladder(1, 12, 12), [1, 2, 3, 4, 6, 12]);
        assert_eq!(ladder(1, 3, 3), [1, 2, 3]);
        assert_eq!(ladder(1, 1, 1), [1]);
        assert_eq!(ladder(1, 7, 7), [1, 2, 3, 4, 7]);
        assert_eq!(ladder(1, 100, 100), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 20, 25, 34, 50, 100]);
    }

    #[test]
    fn the_least_is_as_asked_and_the_most_is_useful() {
        assert_eq!(ladder(5, 12, 12), [5, 6, 12]);
        assert_eq!(ladder(1, 10, 12), [1, 2, 3, 4, 6]);
        assert_eq!(ladder(2, 50, 6), [2, 3, 6]);
        assert_eq!(ladder(9, 9, 4), [4]);
    }

    #[test]
    fn runs_are_consecutive_and_the_first_are_longer() {
        let needs = [1.0, 2.0, 3.0, 4.0, 5.0];
        for (replicas, expected) in [
            (1, 15.0),
            (2, 9.0), // 1 2 3 | 4 5
            (3, 7.0), // 1 2 | 3 4 | 5
            (4, 5.0), // 1 2 | 3 | 4 | 5
            (9, 5.0),
        ] {
            assert!((busiest(&needs, replicas) - expected).abs() < 1e-9, "{replicas}");
        }
        assert!(busiest(&[], 3).abs() < 1e-9);
    }
}
