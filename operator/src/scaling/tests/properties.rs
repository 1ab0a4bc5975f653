//! What holds for any load.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::fleet::{Fleet, Weather};
use super::{LOOK, Outcome, POD, drive};
use crate::scaling::{History, Limits, decide};

fn any_limits() -> impl Strategy<Value = Limits> {
    (1..=24_i32, 5..=300_u64).prop_flat_map(|(partitions, max_lag)| {
        (1..=partitions).prop_flat_map(move |max| {
            (1..=max).prop_map(move |min| Limits {
                min,
                max,
                partitions: partitions.max(2),
                max_lag: Duration::from_secs(max_lag),
            })
        })
    })
}

/// A few stretches of minutes, each with a load of its own.
fn any_weather() -> impl Strategy<Value = Vec<Weather>> {
    let stretch = (1..40_usize, 0.0..200_000.0, prop_oneof![4 => Just(0.0), 1 => 0.3..0.95], 0..8_usize);
    proptest::collection::vec(stretch, 1..6).prop_map(|stretches| {
        let seconds = |(minutes, orders, hot_share, silent)| {
            // Mostly, everybody answers.
            let silent = usize::from(silent == 7);
            std::iter::repeat_n(Weather { orders, hot_share, silent }, minutes * 60)
        };
        stretches.into_iter().flat_map(seconds).collect()
    })
}

fn shrinks(outcome: &Outcome) -> impl Iterator<Item = u64> {
    outcome.changes.iter().filter(|change| change.to < change.from).map(|change| change.second)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_load(limits in any_limits(), weather in any_weather(), start in 1..30_i32) {
        let held = start.clamp(limits.min, limits.max.min(limits.partitions));
        let outcome = drive(&limits, held, &weather);
        let allowed = limits.min..=limits.max.min(limits.partitions);
        prop_assert!(outcome.replicas.iter().all(|replicas| allowed.contains(replicas)));
        // Nothing goes before a quarter of an hour was seen, nor within that time of a rise.
        let rises: Vec<_> =
            outcome.changes.iter().filter(|change| change.to > change.from).map(|change| change.second).collect();
        for shrink in shrinks(&outcome) {
            prop_assert!(shrink >= 900);
            prop_assert!(rises.iter().all(|rise| *rise > shrink || shrink - rise >= 900));
        }
        // Nothing changes while a pod is silent.
        for change in &outcome.changes {
            let second = usize::try_from(change.second - 1).unwrap();
            prop_assert_eq!(weather[second].silent, 0, "{:?}", change);
        }
        // Every quarter of an hour allows at most a way up and a way down the useful numbers.
        let quarters = weather.len() / 900 + 1;
        prop_assert!(outcome.changes.len() <= quarters * 12, "{:?}", outcome.changes);
    }

    #[test]
    fn more_orders_never_want_fewer_replicas(limits in any_limits(), orders in 1.0..100_000.0, more in 1.0..4.0) {
        prop_assert!(wanted(&limits, orders) <= wanted(&limits, orders * more));
    }

    /// Enough for what arrives, or all that is allowed.
    #[test]
    fn what_is_wanted_is_enough(limits in any_limits(), orders in 1.0..200_000.0) {
        let replicas = wanted(&limits, orders);
        let largest_share = (limits.partitions + replicas - 1) / replicas;
        let busiest = orders * f64::from(largest_share) / f64::from(limits.partitions);
        let hot = orders / f64::from(limits.partitions) > POD / 2.0;
        let top = limits.max.min(limits.partitions);
        let share_at_top = (limits.partitions + top - 1) / top;
        prop_assert!(busiest <= POD * 0.7 || hot || largest_share == share_at_top, "{replicas}");
    }
}

/// The replicas for an even load, once a pod's capacity is known.
fn wanted(limits: &Limits, orders: f64) -> i32 {
    let partitions = usize::try_from(limits.partitions).unwrap();
    let (mut fleet, mut history) = (Fleet::new(partitions, limits.max, POD), History::default());
    // As many pods as it takes for none to be at its limit, whatever the limits are.
    fleet.working = limits.partitions;
    let start = Instant::now();
    let mut wanted = 0;
    for _ in 0..2 * LOOK {
        fleet.step(Weather { orders, hot_share: 0.0, silent: 0 });
        let (now, pods) = (start + Duration::from_secs(fleet.second), fleet.pods());
        if fleet.second.is_multiple_of(LOOK) {
            history.note(limits, limits.max, &pods, now);
            let decision = decide(limits, limits.max, &history, &pods, now);
            wanted = decision.numbers.unwrap().wanted;
        }
    }
    wanted
}
