//! What a demand means in replicas.

use super::demand::{Demand, Load, Missing};
use super::ladder::{Ladder, busiest};
use super::{Limits, Numbers, RESTART, SHRINK_MARGIN, TARGET_UTILISATION, catch_up};
use crate::api::ScalingReason;

/// What a partition with much to do may have beside it on its pod, as a share of what a pod can do. Nobody can take
/// the partition itself apart, and a pod for each of the others would be wasted on it.
const BESIDE_HOT: f64 = 0.5;

/// A demand, and the replicas it takes.
#[derive(Clone, Debug)]
pub(super) struct Verdict<'a> {
    pub limits: &'a Limits,
    pub ladder: &'a Ladder,
    pub demand: Demand,
    /// Orders per second that a pod can read; `None` only while there is nothing to read.
    pub capacity: Option<f64>,
    /// The replicas that are needed.
    pub wanted: i32,
    /// What each partition needs, in orders per second. What has piled up counts up to a whole pod: nobody can work
    /// off one partition's pile faster than that.
    needs: Vec<f64>,
    /// The same without what has piled up.
    steady: Vec<f64>,
    /// The needs of all, and all that has piled up.
    total: f64,
}

impl<'a> Verdict<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        ladder: &'a Ladder,
        demand: Demand,
        capacity: Option<f64>,
    ) -> Result<Self, Missing> {
        let catch_up = catch_up(limits).as_secs_f64();
        let steady: Vec<_> = demand.partitions.iter().map(|load| steady_need(load, catch_up)).collect();
        let total = steady.iter().sum::<f64>() + count(demand.lag()) / catch_up;
        if capacity.is_none() && total > 0.0 {
            return Err(Missing(
                "orders wait, but no pod has read any yet to show how many it can".to_owned(),
            ));
        }
        let pod = capacity.unwrap_or(f64::INFINITY);
        let with_pile =
            |(load, steady): (&Load, &f64)| (steady + count(load.lag) / catch_up).min(pod).max(*steady);
        let needs = demand.partitions.iter().zip(&steady).map(with_pile).collect();
        let mut verdict = Self { limits, ladder, demand, capacity, wanted: 0, needs, steady, total };
        verdict.wanted = verdict.replicas_for(&verdict.needs);
        Ok(verdict)
    }

    fn replicas_for(&self, needs: &[f64]) -> i32 {
        let hottest = needs.iter().copied().fold(0.0, f64::max);
        let capacity = self.capacity.unwrap_or(f64::INFINITY);
        self.ladder.first_within(needs, capacity.max(hottest + BESIDE_HOT * capacity))
    }

    /// The replicas without which it would soon be too few again.
    pub(super) fn to_keep(&self) -> i32 {
        let needs: Vec<_> = self.needs.iter().map(|need| need * SHRINK_MARGIN).collect();
        self.replicas_for(&needs).max(self.wanted)
    }

    /// The replicas that would do if nothing had piled up.
    pub(super) fn without_lag(&self) -> i32 {
        self.replicas_for(&self.steady)
    }

    /// What all partitions together need, in pods.
    pub(super) fn pods(&self) -> f64 {
        self.capacity.map_or(0.0, |capacity| self.total / capacity)
    }

    /// What the busiest of so many replicas has to do, in pods.
    pub(super) fn busiest(&self, replicas: i32) -> f64 {
        self.capacity.map_or(0.0, |capacity| busiest(&self.needs, replicas) / capacity)
    }

    /// The partition that needs the most for good, and how many pods.
    pub(super) fn hottest(&self) -> (usize, f64) {
        let capacity = self.capacity.unwrap_or(f64::INFINITY);
        let hotter = |hottest: (usize, f64), (partition, need): (usize, &f64)| {
            if *need > hottest.1 { (partition, *need) } else { hottest }
        };
        let (partition, need) = self.steady.iter().enumerate().fold((0, 0.0), hotter);
        (partition, need / capacity)
    }

    /// What decides on `wanted`.
    pub(super) fn driver(&self) -> ScalingReason {
        let capacity = self.capacity.unwrap_or(f64::INFINITY);
        let (needs, steady): (f64, f64) = (self.needs.iter().sum(), self.steady.iter().sum());
        if self.hottest().1 > 1.0 && steady <= capacity * f64::from(self.limits.partitions) {
            ScalingReason::HotPartition
        } else if needs > 0.999 * capacity * f64::from(self.ladder.top()) {
            // Nearly: sums of floating point numbers.
            ScalingReason::AtPartitionLimit
        } else if self.without_lag() < self.wanted {
            ScalingReason::CatchUp
        } else {
            ScalingReason::ArrivalRate
        }
    }

    /// Whether more waits than orders that are just on their way: those of two seconds, and what a pod reads in half
    /// a second.
    pub(super) fn is_catching_up(&self) -> bool {
        let underway = 2.0 * self.demand.arrival() + 0.5 * self.capacity.unwrap_or(0.0);
        count(self.demand.lag()) > underway
    }

    pub(super) fn numbers(&self) -> Numbers {
        Numbers {
            arrival: self.demand.arrival(),
            lag: self.demand.lag(),
            oldest_seconds: self.demand.oldest_seconds,
            need: self.total,
            pod_capacity: self.capacity,
            wanted: self.wanted,
        }
    }
}

/// What a partition needs where nothing has piled up, in orders per second that a pod can read.
fn steady_need(load: &Load, catch_up: f64) -> f64 {
    load.arrival * RESTART.as_secs_f64() / catch_up + load.arrival / TARGET_UTILISATION
}

/// Exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "a lag is rounded anyway")]
pub(super) fn count(records: u64) -> f64 {
    records as f64
}
