//! One input partition of a stage: its position, and one state per processor.

use std::time::{Duration, Instant};

use contract::state::{Checkpoint, FORMAT, LastRecord, Progress};
use contract::{Order, Outputs, Processor, ProcessorKind, ProcessorName, Settings, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::changelog::Changelog;
use crate::faults;
use crate::native::Record;

/// However long a processor lets changes wait, a restore shall fold again at most this much time …
const CHECKPOINT_AT_LATEST: Duration = Duration::from_secs(10);
/// … and at most this many orders of a partition.
const CHECKPOINT_ORDERS: i64 = 50_000;
/// An input without a record for this long is quiet: everything is checkpointed, so that F = L.
const QUIET: Duration = Duration::from_secs(1);

/// The state of one input partition.
pub(crate) struct Partition {
    pub id: i32,
    pub incarnation: String,
    /// A person's command wrote the position, and no stage has claimed the partition since.
    pub set_by_hand: bool,
    /// The next offset to read (L).
    pub position: i64,
    pub last: Option<LastRecord>,
    pub slots: Vec<Slot>,
    pub orders: u64,
    pub invalid: u64,
    pub lost: u64,
    /// The settings that its orders are folded with.
    pub settings: Settings,
    /// Whether the state topic does not hold them yet.
    pub settings_due: bool,
    /// The position that the last commit holds.
    pub committed: i64,
    /// When the last record came.
    pub fed: Instant,
    /// The Kafka timestamp of the last record.
    pub record_time: Timestamp,
    /// Whether the broker has answered since the partition was assigned.
    pub heard: bool,
}

/// One processor's state of a partition.
pub(crate) struct Slot {
    pub name: ProcessorName,
    pub processor: Box<dyn Processor>,
    /// The greatest min(order time, record time) folded.
    pub watermark: Timestamp,
    /// Up to where its state records go (F).
    pub checkpoint: Checkpoint,
    format: u32,
    interval: Duration,
    checkpointed: Instant,
}

/// How much of a partition a commit writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Position only.
    Claim,
    /// Position, and the checkpoints that are due.
    Due,
    /// Position and every checkpoint, so that F = L.
    Everything,
}

impl Slot {
    pub(crate) fn new(kind: &dyn ProcessorKind, settings: &Settings, position: i64) -> Self {
        Self {
            name: kind.name(),
            processor: kind.start(settings),
            watermark: Timestamp(0),
            checkpoint: Checkpoint { format: kind.format_version(), position, watermark: 0 },
            format: kind.format_version(),
            interval: faults::checkpoint_interval(
                kind.name(),
                kind.checkpoint_interval().min(CHECKPOINT_AT_LATEST),
            ),
            checkpointed: Instant::now(),
        }
    }

    /// Folds one order at the partition's watermark.
    pub(crate) fn fold(&mut self, order: &Order<'_>, record_time: Timestamp, out: &mut Outputs) {
        self.watermark = self.watermark.max(order.timestamp.min(record_time));
        self.processor.fold(order, self.watermark, out);
    }

    fn is_due(&self, partition: &Situation) -> bool {
        let behind = partition.position - self.checkpoint.position;
        behind > 0
            && (partition.quiet
                || behind >= CHECKPOINT_ORDERS
                || partition.now.saturating_duration_since(self.checkpointed) >= self.interval)
    }

    fn write(&mut self, position: i64, out: &mut Changelog) {
        out.of(self.name);
        self.processor.checkpoint(out);
        self.checkpoint = Checkpoint { format: self.format, position, watermark: self.watermark.0 };
        self.checkpointed = Instant::now();
    }
}

struct Situation {
    position: i64,
    quiet: bool,
    now: Instant,
}

impl Partition {
    /// Folds a valid order; the caller has checked that the record is at or after `position`.
    pub(crate) fn fold(&mut self, order: &Order<'_>, record_time: Timestamp, out: &mut Outputs) {
        for slot in &mut self.slots {
            slot.fold(order, record_time, out);
        }
        self.orders += 1;
    }

    /// Notes the last record of a batch.
    pub(crate) fn note_last(&mut self, record: &Record<'_>) {
        self.last = Some(LastRecord { offset: record.offset, hash: record_hash(record) });
        self.record_time = record.timestamp;
        self.fed = Instant::now();
        self.heard = true;
    }

    /// Whether a commit now would have something to write.
    pub(crate) fn is_due(&self, extent: Extent) -> bool {
        match extent {
            Extent::Claim => true,
            Extent::Due => {
                self.position != self.committed || self.slots.iter().any(|s| s.is_due(&self.situation()))
            }
            Extent::Everything => {
                self.position != self.committed
                    || self.slots.iter().any(|s| s.checkpoint.position != self.position)
            }
        }
    }

    /// When the next checkpoint falls due without any further order, if one is pending.
    pub(crate) fn next_checkpoint(&self) -> Option<Instant> {
        let pending = self.slots.iter().filter(|s| s.checkpoint.position != self.position);
        pending.map(|s| (s.checkpointed + s.interval).min(self.fed + QUIET)).min()
    }

    fn situation(&self) -> Situation {
        let now = Instant::now();
        Situation { position: self.position, quiet: now.saturating_duration_since(self.fed) >= QUIET, now }
    }

    /// Gathers the state records that `extent` asks for.
    pub(crate) fn gather(&mut self, extent: Extent, out: &mut Changelog) {
        let situation = self.situation();
        for slot in &mut self.slots {
            let due = match extent {
                Extent::Claim => false,
                Extent::Due => slot.is_due(&situation),
                Extent::Everything => slot.checkpoint.position != situation.position,
            };
            if due {
                slot.write(situation.position, out);
            }
        }
    }

    /// The progress record that goes before `records` state records.
    pub(crate) fn progress(&self, owner: &str, records: usize) -> Progress {
        Progress {
            format: FORMAT,
            incarnation: self.incarnation.clone(),
            owner: owner.to_owned(),
            position: self.position,
            last: self.last.clone(),
            records: u32::try_from(records).unwrap_or(u32::MAX),
            checkpoints: self.slots.iter().map(|s| (s.name.to_string(), s.checkpoint.clone())).collect(),
            orders: self.orders,
            invalid: self.invalid,
            lost: self.lost,
        }
    }

    /// Applies settings from the next order on.
    pub(crate) fn configure(&mut self, settings: &Settings) {
        self.settings = settings.clone();
        for slot in &mut self.slots {
            slot.processor.configure(settings);
        }
    }
}

/// Identifies a record's content.
pub(crate) fn record_hash(record: &Record<'_>) -> String {
    format!("{:016x}", xxh3_64(record.value.unwrap_or_default()))
}
