//! Lag and `/status`, at most once a second.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use runtime::Status;
use serde_json::{Value, json};

use crate::fold::Partitions;
use crate::input::Input;
use crate::metrics::Metrics;
use crate::partition::Partition;

const EVERY: Duration = Duration::from_secs(1);

/// Publishes what a person on call wants to know of a stage.
pub(crate) struct Reporter {
    status: Status,
    stage: String,
    instance: String,
    next: Instant,
}

impl Reporter {
    pub(crate) fn new(status: Status, stage: &str, instance: &str) -> Self {
        Self { status, stage: stage.to_owned(), instance: instance.to_owned(), next: Instant::now() }
    }

    /// Called in every turn of the loop; does something once a second.
    pub(crate) fn report(&mut self, input: &Input, partitions: &Partitions, metrics: &Metrics) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        let mut oldest_unread = 0.0_f64;
        let mut shown = Vec::new();
        for partition in partitions.iter() {
            let lag = input.known_end(partition.id).map_or(0, |end| (end - partition.position).max(0));
            metrics.record_lag(partition.id, lag);
            if lag > 0 {
                oldest_unread = oldest_unread.max(age_of(partition));
            }
            shown.push(describe(partition, lag));
        }
        metrics.record_oldest_unread(oldest_unread);
        self.status.publish(
            "stage",
            json!({
                "name": self.stage,
                "instance": self.instance,
                "oldestUnreadSeconds": oldest_unread,
                "partitions": shown,
            }),
        );
    }
}

/// How long ago the last record read was written. The oldest unread order is at most this old.
fn age_of(partition: &Partition) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let written = u64::try_from(partition.record_time.0).unwrap_or(0);
    if written == 0 { 0.0 } else { now.saturating_sub(Duration::from_millis(written)).as_secs_f64() }
}

fn describe(partition: &Partition, lag: i64) -> Value {
    let checkpoints: serde_json::Map<String, Value> =
        partition.slots.iter().map(|s| (s.name.to_string(), s.checkpoint.position.into())).collect();
    json!({
        "partition": partition.id,
        "position": partition.position,
        "lag": lag,
        "checkpoints": checkpoints,
        "orders": partition.orders,
        "invalid": partition.invalid,
        "settingsGeneration": partition.settings.generation,
    })
}
