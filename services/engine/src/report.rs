//! Metrics and `/status` of a stage, at most once a second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use contract::stage_status::{PartitionStatus, SECTION, StageStatus};
use runtime::Status;

use crate::fold::Partitions;
use crate::input::Input;
use crate::metrics::Metrics;
use crate::partition::Partition;
use window::{Rates, Reach, Track, Window};

mod window;

const EVERY: Duration = Duration::from_secs(1);

/// Publishes what a person on call and the operator want to know of a stage.
pub(crate) struct Reporter {
    status: Status,
    stage: String,
    instance: String,
    next: Instant,
    folding: Duration,
    activity: Window<Activity>,
    tracks: BTreeMap<i32, Track>,
}

/// What the stage's thread has spent its time on.
#[derive(Clone, Copy)]
struct Activity {
    waiting: Duration,
    folding: Duration,
}

impl Reporter {
    pub(crate) fn new(status: Status, stage: &str, instance: &str) -> Self {
        Self {
            status,
            stage: stage.to_owned(),
            instance: instance.to_owned(),
            next: Instant::now(),
            folding: Duration::ZERO,
            activity: Window::new(),
            tracks: BTreeMap::new(),
        }
    }

    /// Called after every batch.
    pub(crate) fn note_folding(&mut self, time: Duration) {
        self.folding += time;
    }

    /// Called when the stage lets go of its partitions: nothing measured so far holds for the next ones.
    pub(crate) fn forget(&mut self) {
        self.activity.clear();
        self.tracks.clear();
        self.next = Instant::now();
        self.publish(StageStatus::default());
    }

    /// Called in every turn of the loop; does something once a second.
    pub(crate) fn report(&mut self, input: &Input, partitions: &Partitions, metrics: &Metrics) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        self.activity.put(now, Activity { waiting: input.waited(), folding: self.folding });
        let shown = partitions.iter().map(|partition| {
            // What the client knows from an earlier assignment is old.
            let end = if partition.heard { input.known_end(partition.id) } else { None };
            let track = self.tracks.entry(partition.id).or_insert_with(Track::new);
            if let Some(end) = end {
                let arrived = track.note(now, Reach { end, position: partition.position });
                metrics.record_arrived(partition.id, arrived);
            }
            describe(partition, end, track, now)
        });
        let shown = shown.collect();
        let status = self.sum_up(shown);
        record(&status, metrics);
        self.publish(status);
    }

    fn sum_up(&self, partitions: Vec<PartitionStatus>) -> StageStatus {
        let span = self.activity.span();
        let share = |of: fn(&Activity) -> Duration| {
            let span = span.as_ref()?;
            Some((of(&span.last).saturating_sub(of(&span.first)).as_secs_f64() / span.seconds).min(1.0))
        };
        let ages = partitions.iter().map(|p| p.oldest_unread_seconds);
        StageStatus {
            window_seconds: span.as_ref().map_or(0.0, |span| span.seconds),
            busy_share: share(|activity| activity.waiting).map(|waiting| 1.0 - waiting),
            folding_share: share(|activity| activity.folding),
            lag: partitions.iter().map(|p| p.lag).sum(),
            oldest_unread_seconds: ages.collect::<Option<Vec<_>>>().map(|ages| greatest(&ages)),
            settings_generation: partitions.iter().map(|p| p.settings_generation).min(),
            partitions,
            ..StageStatus::default()
        }
    }

    fn publish(&self, status: StageStatus) {
        let (name, instance) = (self.stage.clone(), self.instance.clone());
        let status = StageStatus { name, instance, ..status };
        let measured = Instant::now();
        self.status.provide(SECTION, move || {
            let measured_seconds_ago = measured.elapsed().as_secs_f64();
            let status = StageStatus { measured_seconds_ago, ..status.clone() };
            serde_json::to_value(status).unwrap_or_default()
        });
    }
}

fn record(status: &StageStatus, metrics: &Metrics) {
    for partition in &status.partitions {
        if let Some(lag) = partition.lag {
            metrics.record_lag(partition.partition, lag);
        }
    }
    let lost = status.partitions.iter().map(|partition| partition.lost).sum();
    metrics.record_partitions(status.partitions.len(), lost);
    // Of those that are known, here: a gauge cannot say that it is not.
    let ages: Vec<_> = status.partitions.iter().filter_map(|p| p.oldest_unread_seconds).collect();
    metrics.record_oldest_unread(greatest(&ages));
}

fn greatest(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(0.0, f64::max)
}

fn describe(partition: &Partition, end: Option<i64>, track: &Track, now: Instant) -> PartitionStatus {
    let rates = track.rates();
    let rate = |of: fn(&Rates) -> f64| rates.as_ref().map(of);
    PartitionStatus {
        partition: partition.id,
        position: partition.position,
        end,
        lag: track.lag(),
        oldest_unread_seconds: track.oldest_unread(now, age_of_last(partition)).map(|age| age.as_secs_f64()),
        window_seconds: rate(|rates| rates.seconds).unwrap_or(0.0),
        arrival_rate: rate(|rates| rates.arrival),
        processing_rate: rate(|rates| rates.processing),
        checkpoints: partition.slots.iter().map(|s| (s.name.to_string(), s.checkpoint.position)).collect(),
        orders: partition.orders,
        invalid: partition.invalid,
        lost: partition.lost,
        settings_generation: partition.settings.generation,
    }
}

/// How long ago the last record read was written; `None` before the first.
fn age_of_last(partition: &Partition) -> Option<Duration> {
    let written = u64::try_from(partition.record_time.0).ok().filter(|written| *written > 0)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(now.saturating_sub(Duration::from_millis(written)))
}
