//! How many orders per second a pod can read, learned from pods at work.
//!
//! While pods keep up, it is worked out from the time that an order takes: folding takes [`USABLE`] of a busy pod's
//! time at most, the rest goes to commits. Commits themselves say nothing: at a low rate they are nearly all that a
//! pod does, and they do not grow with the orders.
//!
//! While a pod has had unread orders all the time, it read as many as it could, whatever held it back (CPU limits,
//! Kafka, the network). That figure is better, and it is remembered: pods that keep up again would look as able as
//! before.

use std::time::{Duration, Instant};

use contract::stage_status::StageStatus;

use super::PodLoad;
use super::demand::fresh;

/// The share of a pod's time that can go to orders: a commit of 10 ms follows 50 ms of work.
const USABLE: f64 = 0.8;
/// After this long, half of what was seen of the time an order takes is forgotten. Orders weigh the same whenever
/// they came, so it is busy minutes that count.
const HALF_LIFE: f64 = 120.0;
/// How long what was seen of a pod at its limit is remembered: longer than the quiet part of a day's wave.
const REMEMBERED: Duration = Duration::from_hours(6);
/// A shorter window is still full of the start.
const LEAST_WINDOW: f64 = 8.0;
/// A pod that is less busy than this waits for something else than itself, for a hanging transaction for example.
const LEAST_BUSY: f64 = 0.5;

/// What has been learned.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    seconds: f64,
    orders: f64,
    noted: Option<Instant>,
    limit: Option<Limit>,
}

/// What pods at their limit read.
#[derive(Clone, Copy, Debug)]
struct Limit {
    rate: f64,
    seen: Instant,
}

impl Capacity {
    /// Orders per second; `None` before any was read.
    pub fn per_pod(&self) -> Option<f64> {
        let worked_out =
            (self.orders > 0.0 && self.seconds > 0.0).then(|| USABLE * self.orders / self.seconds);
        let seen = self.limit.map(|limit| limit.rate);
        [worked_out, seen].into_iter().flatten().reduce(f64::min)
    }

    /// Learns from what pods say now.
    pub(super) fn note(&mut self, pods: &[PodLoad], now: Instant) {
        let since = self.noted.map(|noted| now.saturating_duration_since(noted).as_secs_f64());
        let kept = since.map_or(0.0, |since| 0.5_f64.powf(since / HALF_LIFE));
        self.noted = Some(now);
        (self.seconds, self.orders) = (self.seconds * kept, self.orders * kept);
        let (mut sum, mut pods_at_limit, mut best) = (0.0, 0.0, 0.0_f64);
        for stage in fresh(pods) {
            let (Some(folding), Some(rate)) = (stage.folding_share, rate_of(stage)) else { continue };
            let time = since.unwrap_or(stage.window_seconds).min(stage.window_seconds);
            self.seconds += folding * time;
            self.orders += rate * time;
            best = best.max(rate);
            if is_at_limit(stage) && rate > 0.0 {
                (sum, pods_at_limit) = (sum + rate, pods_at_limit + 1.0);
            }
        }
        if pods_at_limit > 0.0 {
            self.note_limit(sum / pods_at_limit, now);
        }
        self.limit = self.limit.filter(|limit| now.saturating_duration_since(limit.seen) < REMEMBERED);
        if let Some(limit) = &mut self.limit {
            // It did more than it was thought to be able to: what held it back is over.
            limit.rate = limit.rate.max(best);
        }
    }

    /// Follows quickly, without jumping to and fro with every sample.
    fn note_limit(&mut self, rate: f64, now: Instant) {
        let rate = self.limit.map_or(rate, |known| f64::midpoint(known.rate, rate));
        self.limit = Some(Limit { rate, seen: now });
    }
}

/// What all its partitions together were read at.
fn rate_of(stage: &StageStatus) -> Option<f64> {
    if stage.partitions.is_empty() {
        return None;
    }
    stage.partitions.iter().map(|partition| partition.processing_rate).sum()
}

/// Whether it had unread orders all through the window and was not idle.
fn is_at_limit(stage: &StageStatus) -> bool {
    stage.window_seconds >= LEAST_WINDOW
        && stage.oldest_unread_seconds.is_some_and(|age| age >= stage.window_seconds)
        && stage.busy_share.is_some_and(|busy| busy >= LEAST_BUSY)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use contract::stage_status::{PartitionStatus, StageStatus};

    use super::{Capacity, PodLoad};

    fn pod(rate: f64, folding: f64, busy: f64, oldest: f64) -> PodLoad {
        let partition = PartitionStatus { processing_rate: Some(rate), ..PartitionStatus::default() };
        let stage = StageStatus {
            window_seconds: 10.0,
            busy_share: Some(busy),
            folding_share: Some(folding),
            oldest_unread_seconds: Some(oldest),
            partitions: vec![partition],
            ..StageStatus::default()
        };
        PodLoad { pod: String::new(), stage: Ok(stage) }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn nearly(capacity: &Capacity, expected: f64) {
        let known = capacity.per_pod().unwrap();
        assert!((known / expected - 1.0).abs() < 0.01, "{known} and not {expected}");
    }

    #[test]
    fn it_follows_from_the_time_that_an_order_takes_and_not_from_commits() {
        let mut capacity = Capacity::default();
        assert_eq!(capacity.per_pod(), None);
        // 100 µs an order; commits take a third of the time.
        capacity.note(&[pod(1_000.0, 0.1, 0.43, 0.0), pod(3_000.0, 0.3, 0.63, 0.0)], Instant::now());
        nearly(&capacity, 8_000.0);
    }

    #[test]
    fn a_busy_minute_outweighs_a_quiet_night() {
        let (start, mut capacity) = (Instant::now(), Capacity::default());
        for step in 0..360 {
            // One at a time an order takes 1 ms.
            capacity.note(&[pod(10.0, 0.01, 0.2, 0.0)], start + seconds(step * 10));
        }
        nearly(&capacity, 800.0);
        capacity.note(&[pod(5_000.0, 0.5, 0.7, 0.0)], start + seconds(3_600));
        assert!(capacity.per_pod().unwrap() > 6_000.0);
    }

    #[test]
    fn what_a_pod_at_its_limit_reads_counts_and_is_remembered() {
        let (start, mut capacity) = (Instant::now(), Capacity::default());
        capacity.note(&[pod(4_000.0, 0.4, 0.5, 0.0)], start);
        nearly(&capacity, 8_000.0);
        // It waits for Kafka half of the time and has unread orders all the while.
        capacity.note(&[pod(5_000.0, 0.4, 0.6, 40.0)], start + seconds(10));
        nearly(&capacity, 5_000.0);
        capacity.note(&[pod(2_000.0, 0.2, 0.3, 0.0)], start + seconds(3_600));
        nearly(&capacity, 5_000.0);
        capacity.note(&[pod(6_000.0, 0.5, 0.7, 0.0)], start + seconds(3_610));
        nearly(&capacity, 6_000.0);
        capacity.note(&[pod(4_000.0, 0.4, 0.5, 0.0)], start + seconds(7 * 3_600));
        nearly(&capacity, 8_000.0);
    }

    #[test]
    fn a_bad_minute_of_kafka_is_forgotten_with_the_first_good_one() {
        let (start, mut capacity) = (Instant::now(), Capacity::default());
        for step in 0..6 {
            // Commits take seconds; hardly anything is read.
            capacity.note(&[pod(40.0, 0.005, 1.0, 60.0)], start + seconds(step * 10));
        }
        assert!(capacity.per_pod().unwrap() < 100.0);
        // What has piled up is read as fast as it can be.
        capacity.note(&[pod(8_000.0, 0.8, 0.98, 90.0)], start + seconds(60));
        assert!(capacity.per_pod().unwrap() > 7_900.0);
    }

    #[test]
    fn idle_pods_with_unread_orders_are_not_at_their_limit() {
        let mut capacity = Capacity::default();
        // A transaction hangs: nothing can be read, and orders wait behind it.
        capacity.note(&[pod(1.0, 0.000_1, 0.1, 300.0)], Instant::now());
        nearly(&capacity, 8_000.0);
    }
}
