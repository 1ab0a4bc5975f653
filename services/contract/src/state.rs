//! The records of a state topic: what the engine writes and the views read.
//!
//! Each partition of `<pipeline>.<stage>.state` belongs to the input partition of the same number. Keys:
//!
//! | key | value |
//! |---|---|
//! | `progress` | a [`Progress`], JSON |
//! | `settings` | the [`Settings`](crate::Settings) the partition's orders are folded with, JSON |
//! | `<processor>/<key>` | what that processor's checkpoint says, or a tombstone |
//!
//! Every transaction that touches a partition begins with its progress record, which says how many further
//! records of the partition the transaction holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ProcessorName;

/// The version of the records of this module. Version N reads N − 1.
pub const FORMAT: u32 = 1;
/// The key of the progress record.
pub const PROGRESS_KEY: &str = "progress";
/// The key of the settings record.
pub const SETTINGS_KEY: &str = "settings";

/// How far a stage is with one input partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// Changes when the state is reset: what was read before it is void.
    pub incarnation: String,
    /// The writer's transactional id.
    pub owner: String,
    /// The next input offset to read (L).
    pub position: i64,
    /// The last record read before `position`, absent before the first one.
    pub last: Option<LastRecord>,
    /// How many further records of this partition the transaction holds.
    pub records: u32,
    /// Per processor, up to where its state records go.
    pub checkpoints: BTreeMap<String, Checkpoint>,
    /// Valid orders read so far.
    pub orders: u64,
    /// Invalid orders read so far.
    pub invalid: u64,
    /// Input offsets that were given up by `millrace state accept-loss`.
    #[serde(default)]
    pub lost: u64,
}

/// The record that was read last: lets a restore notice that the input is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRecord {
    /// Its offset.
    pub offset: i64,
    /// XXH3-64 of its value, 16 hexadecimal digits.
    pub hash: String,
}

/// Up to where a processor's state records go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The version of the processor's records.
    pub format: u32,
    /// The input offset up to which they go (F).
    pub position: i64,
    /// The partition's watermark there, in ms since the Unix epoch.
    pub watermark: i64,
}

/// The key of a processor's state record.
pub fn state_key(processor: ProcessorName, key: &str) -> String {
    format!("{processor}/{key}")
}

/// Splits the key of a state record; `None` for `progress`, `settings` and anything unknown.
pub fn split_state_key(key: &str) -> Option<(ProcessorName, &str)> {
    let (processor, key) = key.split_once('/')?;
    Some((processor.parse().ok()?, key))
}
