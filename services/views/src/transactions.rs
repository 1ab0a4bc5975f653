//! Puts the records of one state partition together again into the transactions they were written in.
//!
//! # Why whole transactions
//! A checkpoint says several things that belong together (revenue and number of orders). It is written in
//! one transaction, which begins with a progress record that says how many records follow. Showing a part
//! would show totals that never were.
//!
//! # Why not from the start
//! The topic is compacted: of what was written long ago only the newest record of each key is left, so the
//! progress records of old transactions are gone and the counts of those that remain do not match. But
//! all records up to some point of the log together, newest of each key, are exactly the state at that
//! point. So up to the partition's end as it was when reading began, records are applied as they come and
//! nothing is shown (*catching up*); behind it, transaction by transaction.
//!
//! # Why the end lies between transactions
//! The end is the last stable offset: the start of the first open transaction, or the end of the log. One
//! owner at a time writes a state partition, and its successor begins only when the last stable offset
//! has reached the end, so transactions do not interleave: each lies either wholly before the last stable
//! offset, or wholly behind it.
//!
//! # When compaction overtakes a slow reader
//! The segment being written is never compacted, but a reader may be behind by more than that. Then records
//! are missing, because newer values of the same keys stand further on in the log. Offsets tell: within a
//! transaction they follow each other without a gap, and between two there is at most the one commit
//! marker. At a larger gap (or at a record where a progress record was due) the log is *torn*: what there is
//! is applied, and the partition is caught up again to the end as it is now, which lies behind everything
//! that replaced the missing records. Until then nothing is shown. An aborted transaction leaves a gap
//! too; taking it for torn costs a moment, and aborts are rare.

use std::collections::BTreeSet;

use contract::ProcessorName;
use contract::state::{FORMAT, PROGRESS_KEY, Progress, SETTINGS_KEY, split_state_key};

use crate::faults;
use crate::fence::Position;

/// A record of a state partition.
#[derive(Clone, Copy, Debug)]
pub struct StateRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// When it was written, in ms since the Unix epoch; `None` when Kafka does not know.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
}

/// Changes of one partition's state that belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// How far the partition was read with it.
    pub head: Option<Head>,
    /// Everything the partition held before is void.
    pub reset: bool,
    /// Counters and their new values; `None` where a counter is gone.
    pub changes: Vec<(ProcessorName, String, Option<i128>)>,
}

/// What the progress record at a transaction's beginning says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Incarnation, and the record's offset in the state topic.
    pub at: Position,
    /// The next input offset the stage reads.
    pub input: i64,
    /// When the record was written, in ms since the Unix epoch.
    pub written: Option<i64>,
}

/// What a record, or the partition's end, has led to. `apply` comes before `state`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// To be applied now, in this order, each at once.
    pub apply: Vec<Transaction>,
    /// What changed about the partition, the last of several.
    pub turn: Option<Turn>,
}

/// A change in how a partition is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its state is that of a point between two transactions from here on.
    Consistent,
    /// The log was torn: the partition's state is not to be shown until it is caught up again.
    Torn,
}

/// Reads one partition.
#[derive(Debug)]
pub struct TransactionReader {
    processors: BTreeSet<ProcessorName>,
    incarnation: Option<String>,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// Up to this offset records are applied as they come; `None` while that offset is not known.
    CatchingUp { until: Option<i64> },
    /// Transaction by transaction.
    Whole {
        /// Where the next record is, or one further; `None` when not known.
        next: Option<i64>,
        /// The transaction whose records are coming.
        group: Option<Group>,
    },
}

/// A transaction of which records are still to come.
#[derive(Debug)]
struct Group {
    transaction: Transaction,
    missing: u32,
}

/// A record as the reader sees it.
enum Kind {
    Progress(Progress),
    /// The progress record was deleted: nothing before it counts.
    Void,
    Counter(ProcessorName, String, Option<i128>),
    /// Counted, but nothing to merge.
    Other,
}

impl Kind {
    fn begins(&self) -> bool {
        matches!(self, Self::Progress(_) | Self::Void)
    }
}

/// A record that no engine this process understands can have written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// The progress record's format is not one this version reads.
    #[error(
        "the state has format {found}, this version reads {FORMAT}: run the version that wrote it, or a newer one"
    )]
    Format {
        /// The format it names.
        found: u32,
    },
    /// A progress record that is none.
    #[error("the progress record at offset {offset} cannot be read: {problem}")]
    Progress {
        /// Its offset.
        offset: i64,
        /// What is wrong.
        problem: String,
    },
    /// A counter whose value is no decimal integer.
    #[error("the counter {key:?} at offset {offset} is no decimal integer")]
    Counter {
        /// Its offset.
        offset: i64,
        /// Its key.
        key: String,
    },
}

impl TransactionReader {
    /// Reads counters of `processors`; catches up to `until` (the last stable offset), from an empty state.
    pub fn new(processors: BTreeSet<ProcessorName>, until: i64) -> Self {
        Self { processors, incarnation: None, mode: Mode::CatchingUp { until: Some(until) } }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When the record cannot be understood; the reader is of no use after that.
    pub fn record(&mut self, record: &StateRecord<'_>) -> Result<Step, RecordError> {
        let kind = self.kind(record)?;
        let mut step = Step::default();
        if let Mode::CatchingUp { until: Some(until) } = self.mode
            && record.offset >= until
        {
            self.mode = Mode::Whole { next: Some(until), group: None };
            step.turn = Some(Turn::Consistent);
        }
        match std::mem::replace(&mut self.mode, Mode::CatchingUp { until: None }) {
            Mode::CatchingUp { until } => {
                self.mode = Mode::CatchingUp { until };
                step.apply.push(self.begin(kind, record).transaction);
            }
            Mode::Whole { next, group } => {
                let gap = next.is_some_and(|next| record.offset > next + i64::from(group.is_none()));
                match group {
                    Some(group) if !gap && !kind.begins() => self.hold(group.with(kind), record, &mut step),
                    None if !gap && kind.begins() => {
                        let group = self.begin(kind, record);
                        self.hold(group, record, &mut step);
                    }
                    group => self.torn(group, kind, record, &mut step),
                }
            }
        }
        Ok(step)
    }

    /// The partition has been read to its last stable offset as it is now.
    pub fn end(&mut self) -> Step {
        let mut step = Step::default();
        let (next, group) = match std::mem::replace(&mut self.mode, Mode::CatchingUp { until: None }) {
            Mode::CatchingUp { .. } => {
                step.turn = Some(Turn::Consistent);
                (None, None)
            }
            Mode::Whole { next, group } => (next, group),
        };
        if let Some(torn) = group {
            // whatever replaced the missing records lies before the end, so it has been applied
            step.apply.push(torn.transaction);
            step.turn = Some(Turn::Consistent);
        }
        self.mode = Mode::Whole { next, group: None };
        step
    }

    /// Whether the log was torn and [`catch_up_to`](Self::catch_up_to) is due.
    pub fn needs_end(&self) -> bool {
        matches!(self.mode, Mode::CatchingUp { until: None })
    }

    /// Says up to where to catch up: the last stable offset, asked for after the log was torn.
    pub fn catch_up_to(&mut self, end: i64) {
        if self.needs_end() {
            self.mode = Mode::CatchingUp { until: Some(end) };
        }
    }

    /// Applies what there is; the mode is left at catching up to an end that has to be asked for.
    fn torn(&mut self, group: Option<Group>, kind: Kind, record: &StateRecord<'_>, step: &mut Step) {
        step.apply.extend(group.map(|group| group.transaction));
        step.apply.push(self.begin(kind, record).transaction);
        step.turn = Some(Turn::Torn);
    }

    /// Applies a group that is complete with `record`, keeps one that is not.
    fn hold(&mut self, mut group: Group, record: &StateRecord<'_>, step: &mut Step) {
        let complete = group.missing == 0;
        if complete || faults::partial_transactions() {
            step.apply.push(std::mem::take(&mut group.transaction));
        }
        self.mode = Mode::Whole { next: Some(record.offset + 1), group: (!complete).then_some(group) };
    }

    fn begin(&mut self, kind: Kind, record: &StateRecord<'_>) -> Group {
        let mut group = Group { transaction: Transaction::default(), missing: 0 };
        match kind {
            Kind::Progress(progress) => {
                let Progress { incarnation, position, records, .. } = progress;
                group.missing = records;
                group.transaction.reset = self.incarnation.as_ref().is_some_and(|i| *i != incarnation);
                self.incarnation = Some(incarnation.clone());
                let at = Position { incarnation, offset: record.offset };
                group.transaction.head = Some(Head { at, input: position, written: record.timestamp });
            }
            Kind::Void => {
                self.incarnation = None;
                group.transaction.reset = true;
            }
            other => group.change(other),
        }
        group
    }

    fn kind(&self, record: &StateRecord<'_>) -> Result<Kind, RecordError> {
        let Ok(key) = std::str::from_utf8(record.key) else { return Ok(Kind::Other) };
        match (key, record.value) {
            (PROGRESS_KEY, Some(value)) => progress(record.offset, value).map(Kind::Progress),
            (PROGRESS_KEY, None) => Ok(Kind::Void),
            (SETTINGS_KEY, _) => Ok(Kind::Other),
            (_, value) => match split_state_key(key) {
                Some((processor, name)) if self.processors.contains(&processor) => {
                    let value = value.map(|v| counter(record.offset, key, v)).transpose()?;
                    Ok(Kind::Counter(processor, name.to_owned(), value))
                }
                _ => Ok(Kind::Other),
            },
        }
    }
}

impl Group {
    fn with(mut self, kind: Kind) -> Self {
        self.change(kind);
        self.missing -= 1;
        self
    }

    fn change(&mut self, kind: Kind) {
        if let Kind::Counter(processor, key, value) = kind {
            self.transaction.changes.push((processor, key, value));
        }
    }
}

fn progress(offset: i64, value: &[u8]) -> Result<Progress, RecordError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let unreadable = |e: serde_json::Error| RecordError::Progress { offset, problem: e.to_string() };
    // asked first: another format need not have the same fields
    let Format { format } = serde_json::from_slice(value).map_err(unreadable)?;
    if !(FORMAT.saturating_sub(1)..=FORMAT).contains(&format) {
        return Err(RecordError::Format { found: format });
    }
    serde_json::from_slice(value).map_err(unreadable)
}

fn counter(offset: i64, key: &str, value: &[u8]) -> Result<i128, RecordError> {
    let parsed = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
    parsed.ok_or_else(|| RecordError::Counter { offset, key: key.to_owned() })
}

#[cfg(test)]
mod tests;
