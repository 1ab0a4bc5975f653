//! Load curves (`tests/data/load/`) against a fleet in memory.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fleet of round numbers"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use contract::stage_status::{PartitionStatus, StageStatus};

use super::{Decision, History, Limits, PodLoad, decide};
use crate::api::ScalingReason;
use fleet::{Fleet, Weather};

mod fleet;
mod properties;

/// The operator looks this often.
const LOOK: u64 = 10;
/// Orders per second that a pod of these tests can read.
const POD: f64 = 10_000.0;

macro_rules! curve {
    ($name:literal) => {
        parse(include_str!(concat!("../../tests/data/load/", $name, ".csv")))
    };
}

fn limits() -> Limits {
    Limits { min: 1, max: 12, partitions: 12, max_lag: Duration::from_secs(30) }
}

/// Each row holds until the next.
fn parse(csv: &str) -> Vec<Weather> {
    let mut seconds: Vec<Weather> = Vec::new();
    let rows: Vec<Vec<f64>> = csv
        .lines()
        .skip(1)
        .map(|row| row.split(',').map(|field| field.parse().expect("a number")).collect())
        .collect();
    for (index, row) in rows.iter().enumerate() {
        let [from, orders, hot_share, silent] = row[..] else { panic!("row {index} is {row:?}") };
        let to = rows.get(index + 1).map_or(from + 30.0, |next| next[0]);
        let weather = Weather { orders, hot_share, silent: silent as usize };
        seconds.extend(std::iter::repeat_n(weather, (to - from) as usize));
    }
    seconds
}

/// One decision that changed something.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    second: u64,
    from: i32,
    to: i32,
    reason: ScalingReason,
}

/// What became of a fleet.
struct Outcome {
    changes: Vec<Change>,
    /// The age of the oldest unread order and the replicas asked for, every second.
    ages: Vec<f64>,
    replicas: Vec<i32>,
    /// Every look: second and decision.
    decisions: Vec<(u64, Decision)>,
}

impl Outcome {
    fn worst_age(&self) -> f64 {
        self.ages.iter().copied().fold(0.0, f64::max)
    }

    fn most(&self) -> i32 {
        self.replicas.iter().copied().max().unwrap()
    }

    fn reasons(&self, seconds: std::ops::Range<u64>) -> BTreeSet<String> {
        let within = self.decisions.iter().filter(|(second, _)| seconds.contains(second));
        within.map(|(_, decision)| format!("{:?}", decision.reason)).collect()
    }

    /// The least time between a change and one in the other direction.
    fn soonest_reversal(&self) -> Option<u64> {
        let reversals =
            self.changes.windows(2).filter(|pair| (pair[0].to > pair[0].from) != (pair[1].to > pair[1].from));
        reversals.map(|pair| pair[1].second - pair[0].second).min()
    }

    /// What holds for every curve.
    fn check(&self, limits: &Limits) {
        let allowed = limits.min..=limits.max.min(limits.partitions);
        assert!(self.replicas.iter().all(|replicas| allowed.contains(replicas)), "{:?}", self.changes);
        if let Some(soonest) = self.soonest_reversal() {
            assert!(soonest >= 900, "reversed after {soonest} s: {:?}", self.changes);
        }
    }
}

fn run(limits: &Limits, replicas: i32, curve: &[Weather]) -> Outcome {
    let outcome = drive(limits, replicas, curve);
    outcome.check(limits);
    outcome
}

fn drive(limits: &Limits, replicas: i32, curve: &[Weather]) -> Outcome {
    let partitions = usize::try_from(limits.partitions).unwrap();
    drive_fleet(limits, Fleet::new(partitions, replicas, POD), curve)
}

fn drive_fleet(limits: &Limits, mut fleet: Fleet, curve: &[Weather]) -> Outcome {
    let mut history = History::default();
    let start = Instant::now();
    let mut outcome = Outcome { changes: vec![], ages: vec![], replicas: vec![], decisions: vec![] };
    for weather in curve {
        fleet.step(*weather);
        if fleet.second.is_multiple_of(LOOK) {
            let (now, pods) = (start + Duration::from_secs(fleet.second), fleet.pods());
            history.note(limits, fleet.desired, &pods, now);
            let decision = decide(limits, fleet.desired, &history, &pods, now);
            let (second, from, to, reason) =
                (fleet.second, fleet.desired, decision.replicas, decision.reason);
            if to != from {
                outcome.changes.push(Change { second, from, to, reason });
            }
            fleet.ask_for(to);
            outcome.decisions.push((second, decision));
        }
        outcome.ages.push(fleet.oldest());
        outcome.replicas.push(fleet.desired);
    }
    outcome
}

#[test]
fn a_wave_is_followed_with_a_few_changes_and_next_to_no_lag() {
    let outcome = run(&limits(), 1, &curve!("sine"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    assert!(outcome.worst_age() <= 15.0, "{}", outcome.worst_age());
    // Up and down the six useful numbers, twice.
    assert!(outcome.changes.len() <= 20, "{:?}", outcome.changes);
    assert_eq!(outcome.most(), 12);
    // The trough of the first wave, an hour long.
    assert!(outcome.replicas[14_400..16_200].iter().min() <= Some(&2), "{:?}", outcome.changes);
}

#[test]
fn a_step_is_answered_in_one_jump_and_left_after_fifteen_minutes() {
    let outcome = run(&limits(), 1, &curve!("step"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    let [up, down] = outcome.changes[..] else { panic!("{:?}", outcome.changes) };
    assert_eq!((up.from, up.to), (1, 12));
    assert!((1_800..=1_840).contains(&up.second), "{up:?}");
    // One is enough and was before; it would not be with the tenth that is kept to spare.
    assert_eq!((down.from, down.to), (12, 2));
    assert!((5_400 + 900..=5_400 + 960).contains(&down.second), "{down:?}");
    assert!(outcome.worst_age() <= 60.0, "{}", outcome.worst_age());
    let read = outcome.ages[1_900..].iter().copied().fold(0.0, f64::max);
    assert!(read <= 5.0, "still {read} s a minute and a half after the step");
}

#[test]
fn a_spike_is_caught_up_with_and_the_pods_go_when_it_is_over() {
    let outcome = run(&limits(), 1, &curve!("spike"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    let [up, down, last] = outcome.changes[..] else { panic!("{:?}", outcome.changes) };
    assert_eq!((up.from, up.to, down.from, down.to, last.to), (1, 12, 12, 2, 1));
    assert!(outcome.worst_age() <= 75.0, "{}", outcome.worst_age());
    assert!(outcome.ages[1_980..].iter().all(|age| *age <= 5.0));
    assert!(
        outcome.reasons(1_800..1_990).contains("AtPartitionLimit"),
        "{:?}",
        outcome.reasons(1_800..1_990)
    );
}

#[test]
fn replicas_do_not_help_a_hot_partition_and_are_not_wasted_on_it() {
    let outcome = run(&limits(), 4, &curve!("hot_partition"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    assert!(outcome.most() <= 6, "{:?}", outcome.changes);
    assert!(outcome.changes.len() <= 4, "{:?}", outcome.changes);
    assert_eq!(outcome.reasons(2_000..2_900), BTreeSet::from(["HotPartition".to_owned()]));
    let (_, decision) = outcome.decisions.iter().find(|(second, _)| *second == 2_500).unwrap();
    assert!(decision.why.contains("partition 1 alone takes 2.4"), "{}", decision.why);
    // Nothing is taken away while it catches up, which takes some minutes after it has cooled down.
    assert!(outcome.changes.iter().all(|change| change.to > change.from || change.second >= 3_900));
    assert!(outcome.ages[6_000..].iter().all(|age| *age <= 5.0));
}

#[test]
fn nothing_changes_without_figures_and_nothing_is_taken_away_right_after() {
    let outcome = run(&limits(), 6, &curve!("missing_data"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    let blind = 2_110..3_900;
    assert_eq!(outcome.reasons(blind.clone()), BTreeSet::from(["NoData".to_owned()]));
    assert!(outcome.changes.iter().all(|change| !blind.contains(&change.second)), "{:?}", outcome.changes);
    // The load fell long before, but nobody saw what came after.
    let first = outcome.changes[0];
    assert_eq!((first.from, first.to), (6, 1));
    assert!((3_900 + 900..=3_900 + 960).contains(&first.second), "{first:?}");
    let (_, decision) = outcome.decisions.iter().find(|(second, _)| *second == 3_000).unwrap();
    assert_eq!(decision.numbers, None);
    assert_eq!(
        decision.why,
        "no pod says how partition 0 is (pod pod-0: timed out); the replicas stay until that is known"
    );
}

#[test]
fn a_load_at_the_edge_of_two_numbers_does_not_swing_between_them() {
    let outcome = run(&limits(), 3, &curve!("edge"));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    assert!(outcome.changes.len() <= 1, "{:?}", outcome.changes);
}

#[test]
fn pods_that_look_able_while_they_have_little_to_do_are_not_trusted_twice() {
    let mut fleet = Fleet::new(12, 1, POD);
    fleet.ease = 0.4;
    let outcome = drive_fleet(&limits(), fleet, &weather(20_000.0, 18_000));
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    // Up in one jump, to four when all is read, and never to the two that looked enough.
    assert!(outcome.changes.len() <= 2, "{:?}", outcome.changes);
    assert!(outcome.replicas[60..].iter().all(|replicas| *replicas >= 4), "{:?}", outcome.changes);
    assert!(outcome.ages[1_200..].iter().all(|age| *age <= 5.0));
}

#[test]
fn max_is_said_to_be_in_the_way() {
    let limits = Limits { max: 4, ..limits() };
    let outcome = run(&limits, 1, &curve!("step"));
    assert_eq!(outcome.most(), 4);
    let (_, decision) = outcome.decisions.iter().find(|(second, _)| *second == 4_000).unwrap();
    assert_eq!(decision.reason, ScalingReason::AtPartitionLimit);
    assert!(decision.why.ends_with("; scaling.max allows 4"), "{}", decision.why);
}

#[test]
fn a_crash_passes_without_a_change() {
    let even = |second| Weather { orders: 20_000.0, hot_share: 0.0, silent: usize::from(second % 977 < 6) };
    let curve: Vec<_> = (0..7_200).map(even).collect();
    let (mut fleet, mut history) = (Fleet::new(12, 4, POD), History::default());
    let start = Instant::now();
    for weather in &curve {
        fleet.step(*weather);
        // Every quarter of an hour a pod dies and is back in time, twice in a row.
        if fleet.second % 900 < 12 && fleet.second % 6 == 0 {
            fleet.rebalance();
        }
        if fleet.second.is_multiple_of(LOOK) {
            let (now, pods) = (start + Duration::from_secs(fleet.second), fleet.pods());
            history.note(&limits(), 4, &pods, now);
            let decision = decide(&limits(), 4, &history, &pods, now);
            assert_eq!(decision.replicas, 4, "at {} s: {}", fleet.second, decision.why);
        }
    }
}

fn weather(orders: f64, seconds: usize) -> Vec<Weather> {
    vec![Weather { orders, hot_share: 0.0, silent: 0 }; seconds]
}

#[test]
fn an_idle_processor_has_the_least() {
    let outcome = run(&limits(), 6, &weather(0.0, 2_000));
    assert_eq!(outcome.replicas.last(), Some(&1));
    assert!(outcome.changes[0].second >= 900);
    let (_, decision) = outcome.decisions.last().unwrap();
    assert_eq!(
        (decision.reason, decision.why.as_str()),
        (ScalingReason::ArrivalRate, "no orders arrive and none wait")
    );
}

#[test]
fn a_pile_from_before_the_start_is_worked_off() {
    let mut curve = vec![Weather { orders: 600_000.0, hot_share: 0.0, silent: 12 }; 10];
    curve.extend(weather(1_000.0, 3_000));
    let outcome = run(&limits(), 1, &curve);
    println!("{:?} worst {}", outcome.changes, outcome.worst_age());
    let first = outcome.changes[0];
    assert_eq!((first.from, first.to), (1, 12));
    assert!(outcome.reasons(30..60).is_superset(&BTreeSet::from(["Stabilising".to_owned()])));
    assert!(outcome.ages[200..].iter().all(|age| *age <= 5.0));
    assert_eq!(outcome.replicas.last(), Some(&1));
}

#[test]
fn the_sentence_of_the_guide_is_what_is_said() {
    let load = |partition| PartitionStatus {
        partition,
        lag: Some(200_400 / 12),
        arrival_rate: Some(34_000.0 / 12.0),
        processing_rate: Some(24_000.0 / 12.0),
        oldest_unread_seconds: Some(5.0),
        ..PartitionStatus::default()
    };
    let pod = |pod: i32| StageStatus {
        window_seconds: 10.0,
        busy_share: Some(0.95),
        folding_share: Some(0.8),
        oldest_unread_seconds: Some(5.0),
        partitions: (0..6).map(|number| load(pod * 6 + number)).collect(),
        ..StageStatus::default()
    };
    let pods: Vec<_> = (0..2).map(|n| PodLoad { pod: n.to_string(), stage: Ok(pod(n)) }).collect();
    let (start, mut history) = (Instant::now(), History::default());
    for second in (0..=60).step_by(10) {
        history.note(&limits(), 2, &pods, start + Duration::from_secs(second));
    }
    let decision = decide(&limits(), 2, &history, &pods, start + Duration::from_mins(1));
    assert_eq!((decision.replicas, decision.reason), (6, ScalingReason::ArrivalRate));
    let guide = include_str!("../../../docs/guide/scaling.md").replace('\n', " ");
    assert!(guide.contains(&format!("\"why\":\"{}\"", decision.why)), "{}", decision.why);
}
