//! What a replica of a stage says of itself: section [`SECTION`] of its `/status`.
//!
//! ```json
//! {"name": "fraud", "instance": "shop-fraud-6d5f-x2x4p", "measuredSecondsAgo": 0.4,
//!  "windowSeconds": 10.0, "busyShare": 0.31, "foldingShare": 0.24,
//!  "lag": 830, "oldestUnreadSeconds": 1.9, "settingsGeneration": 7,
//!  "partitions": [
//!    {"partition": 0, "position": 1200, "end": 2030, "lag": 830, "oldestUnreadSeconds": 1.9,
//!     "windowSeconds": 10.0, "arrivalRate": 410.5, "processingRate": 398.0,
//!     "checkpoints": {"fraud": 1100}, "orders": 1199, "invalid": 1, "lost": 0,
//!     "settingsGeneration": 7}]}
//! ```
//!
//! What is not known is `null`, never 0. Offsets are counted, not orders: the marks that transactional producers
//! leave behind are in lag and rates too, in all of them alike.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The section's name.
pub const SECTION: &str = "stage";

/// One replica of a stage. Measured once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StageStatus {
    /// The stage, as `revenue-fraud`.
    pub name: String,
    /// The replica; under Kubernetes the pod's name.
    pub instance: String,
    /// How old these figures are. More than a few seconds: the replica is stuck, in a call to Kafka for example.
    #[serde(default)]
    pub measured_seconds_ago: f64,
    /// The time that both shares are averages of: 10 s, less soon after partitions were assigned.
    #[serde(default)]
    pub window_seconds: f64,
    /// Share of time in which the stage did not wait for orders, 0 to 1. Waiting until Kafka has taken a commit is
    /// no waiting for orders: the stage can do nothing else meanwhile.
    #[serde(default)]
    pub busy_share: Option<f64>,
    /// Share of time spent on the orders themselves, 0 to 1; the rest of `busy_share` is commits. It grows with
    /// the number of orders, as commits hardly do.
    #[serde(default)]
    pub folding_share: Option<f64>,
    /// Records that are not read yet, in all partitions; unknown while one of them is.
    #[serde(default)]
    pub lag: Option<u64>,
    /// At most this old is the oldest unread order; 0 without lag.
    #[serde(default)]
    pub oldest_unread_seconds: Option<f64>,
    /// Settings in force: of the partition that is furthest behind in them.
    #[serde(default)]
    pub settings_generation: Option<u64>,
    /// The partitions it works on. None while they are being assigned or restored, and for a replica too many.
    pub partitions: Vec<PartitionStatus>,
}

/// One partition of the orders, by the replica that works on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionStatus {
    /// Its number.
    pub partition: i32,
    /// The next offset to read.
    pub position: i64,
    /// The next offset to be written, as the last answer of the broker said.
    #[serde(default)]
    pub end: Option<i64>,
    /// Records that are not read yet.
    #[serde(default)]
    pub lag: Option<u64>,
    /// At most this old is the oldest unread order; 0 without lag.
    #[serde(default)]
    pub oldest_unread_seconds: Option<f64>,
    /// The time that both rates are averages of: 10 s, less soon after the partition was assigned.
    #[serde(default)]
    pub window_seconds: f64,
    /// Records written to the partition per second.
    #[serde(default)]
    pub arrival_rate: Option<f64>,
    /// Records read from the partition per second.
    #[serde(default)]
    pub processing_rate: Option<f64>,
    /// Up to where each processor's state is written down.
    pub checkpoints: BTreeMap<String, i64>,
    /// Valid orders counted, ever.
    pub orders: u64,
    /// Invalid orders, ever.
    pub invalid: u64,
    /// Records that were given up with `millrace state accept-loss`, ever.
    #[serde(default)]
    pub lost: u64,
    /// Settings that its orders are folded with.
    pub settings_generation: u64,
}

#[cfg(test)]
mod tests {
    use super::StageStatus;

    #[test]
    fn the_documented_shape_is_read_and_written() {
        let documented: String = include_str!("stage_status.rs")
            .lines()
            .skip_while(|line| *line != "//! ```json")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let value: serde_json::Value = serde_json::from_str(&documented).unwrap();
        let status: StageStatus = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(status.partitions[0].lag, Some(830));
        assert_eq!(serde_json::to_value(&status).unwrap(), value);
    }

    #[test]
    fn what_an_older_replica_leaves_out_is_unknown_and_what_a_newer_one_adds_is_ignored() {
        let text = r#"{"name": "fraud", "instance": "a", "addedLater": 1, "partitions": [{"partition": 0,
            "position": 5, "checkpoints": {}, "orders": 5, "invalid": 0, "settingsGeneration": 0}]}"#;
        let status: StageStatus = serde_json::from_str(text).unwrap();
        assert_eq!((status.lag, status.busy_share, status.oldest_unread_seconds), (None, None, None));
        let partition = &status.partitions[0];
        assert_eq!((partition.lag, partition.arrival_rate, partition.end), (None, None, None));
    }
}
