//! The port through which a domain crate turns merged state into Redis keys and updates.

use crate::{ProcessorName, Settings, Timestamp, Update};

/// A global result merged from the state records of all partitions.
///
/// State records of a processor that has a view are additive counters (decimal integers). The views
/// process sums them over partitions by key and tells the view about every sum that changed; the view
/// decides what Redis and the `metrics` topic show. Pure: time is an argument.
pub trait View: Send {
    /// Whose state it reads.
    fn processor(&self) -> ProcessorName;

    /// The prefixes of all Redis keys it may set (`revenue:`, …). Keys under them that it did not set are
    /// deleted when Redis is rewritten.
    fn families(&self) -> &'static [&'static str];

    /// The sum of the counter `key` over all partitions is now `sum`; `None` when no partition holds it any more.
    fn changed(&mut self, key: &str, sum: Option<i128>);

    /// Hands over what changed since the last call. `now` goes into the update's `timestamp` alone.
    fn publish(&mut self, settings: &Settings, now: Timestamp, out: &mut Publication);
}

/// What a view wants to have written. Writing any of it twice is harmless.
#[derive(Debug, Default)]
pub struct Publication {
    /// Keys (without the configured prefix) and their new values; `None` deletes the key.
    pub keys: Vec<(String, Option<String>)>,
    /// Snapshots for the `metrics` topic, at most one per type. The writer fills in `sequence`.
    pub updates: Vec<Update>,
}
