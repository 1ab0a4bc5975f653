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
//! is applied, and the partition is caught up again. What replaced the missing records lies before the end
//! of the log as it is when they are missed. So the end is asked for then; nothing is shown before it is
//! reached; and if there was a further gap on the way, the end is asked for once more. The same goes for
//! the first catching up, where any number of records may be missing: when it is reached, the end is asked
//! for again, and counts when there was no gap between the two. (Kafka's word that the partition's end was
//! reached always counts: nothing that replaces anything lies behind it.)
//!
//! An aborted transaction leaves a gap too; taking it for torn costs a moment, and aborts are rare.
//!
//! # When a record cannot be understood
//! Only what is current has to be: a reset makes void what another version wrote, and that may lie in the log
//! for long. So such a record is kept in mind (and the partition caught up again, if it was) and is an error
//! only when nothing has replaced it by the end.

mod expected;
mod record;
mod unreadable;

use std::collections::BTreeSet;

use contract::ProcessorName;
use contract::state::Progress;

use self::expected::Expected;
use self::record::Kind;
pub use self::record::{RecordError, StateRecord};
use self::unreadable::Unreadable;
use crate::faults;
use crate::fence::Position;

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
    incarnation: Incarnation,
    unreadable: Unreadable,
    expected: Expected,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// Records are applied as they come.
    CatchingUp {
        /// Up to here; `None` when the end has to be asked for.
        until: Option<i64>,
        /// Whether no record was missing since the end was asked for.
        gapless: bool,
    },
    /// Transaction by transaction; holds the one whose records are coming.
    Whole(Transaction),
}

/// The incarnation that the last progress record named.
#[derive(Debug, Default)]
struct Incarnation(Option<String>);

impl TransactionReader {
    /// Reads counters of `processors`; catches up to `until` (the last stable offset), from an empty state.
    pub fn new(processors: BTreeSet<ProcessorName>, until: i64) -> Self {
        let mode = Mode::CatchingUp { until: Some(until), gapless: until == 0 };
        Self {
            processors,
            incarnation: Incarnation::default(),
            unreadable: Unreadable::default(),
            expected: Expected::default(),
            mode,
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// When it lies behind the end, and before it something is current that cannot be understood; the reader is of
    /// no use after that.
    pub fn record(&mut self, record: &StateRecord<'_>) -> Result<Step, RecordError> {
        let kind = Kind::of(record, &self.processors).unwrap_or_else(Kind::Unreadable);
        let mut step = Step::default();
        self.pass(record.offset, &mut step)?;
        let follows = self.expected.take(record.offset, &kind);
        let readable = !matches!(kind, Kind::Unreadable(_));
        let read = self.read(kind, record);
        match &mut self.mode {
            Mode::CatchingUp { gapless, .. } => {
                *gapless &= follows;
                step.apply.push(read);
            }
            Mode::Whole(held) if follows && readable => {
                held.extend(read);
                if self.expected.is_between() || faults::partial_transactions() {
                    step.apply.push(std::mem::take(held));
                }
            }
            Mode::Whole(held) => {
                step.apply.extend(Some(std::mem::take(held)).filter(|held| *held != Transaction::default()));
                step.apply.push(read);
                step.turn = Some(Turn::Torn);
                self.mode = Mode::CatchingUp { until: None, gapless: true };
            }
        }
        Ok(step)
    }

    /// What a record says, as a transaction of its own; nothing, where it cannot be understood.
    fn read(&mut self, kind: Kind, record: &StateRecord<'_>) -> Transaction {
        match kind {
            Kind::Unreadable(error) => {
                self.unreadable.insert(record.key, error);
                Transaction::default()
            }
            kind => {
                let read = self.incarnation.read(kind, record);
                self.unreadable.replaced(record.key, read.reset);
                read
            }
        }
    }

    /// The partition has been read to its last stable offset as it is now.
    ///
    /// # Errors
    /// When something is current that cannot be understood; the reader is of no use after that.
    pub fn end(&mut self) -> Result<Step, RecordError> {
        self.unreadable.check()?;
        let mut step = Step::default();
        match &mut self.mode {
            Mode::CatchingUp { until, .. } => {
                self.expected.begin_at((*until).max(self.expected.offset));
                step.turn = Some(Turn::Consistent);
            }
            Mode::Whole(_) if self.expected.is_between() => return Ok(step),
            Mode::Whole(held) => {
                step.apply.push(std::mem::take(held));
                step.turn = Some(Turn::Consistent);
                self.expected.begin_at(self.expected.offset);
            }
        }
        self.mode = Mode::Whole(Transaction::default());
        Ok(step)
    }

    /// Whether [`catch_up_to`](Self::catch_up_to) is due.
    pub fn needs_end(&self) -> bool {
        matches!(self.mode, Mode::CatchingUp { until: None, .. })
    }

    /// Says up to where to catch up: the last stable offset, asked for after that became due.
    pub fn catch_up_to(&mut self, end: i64) {
        if let Mode::CatchingUp { until: until @ None, .. } = &mut self.mode {
            *until = Some(end);
        }
    }

    /// A record at `offset` is coming: when it lies behind the end, what lies before it is complete.
    fn pass(&mut self, offset: i64, step: &mut Step) -> Result<(), RecordError> {
        let Mode::CatchingUp { until: Some(until), gapless } = self.mode else { return Ok(()) };
        if offset < until {
            return Ok(());
        }
        self.expected.begin_at(Some(until));
        if gapless {
            self.unreadable.check()?;
            self.mode = Mode::Whole(Transaction::default());
            step.turn = Some(Turn::Consistent);
        } else {
            self.mode = Mode::CatchingUp { until: None, gapless: true };
        }
        Ok(())
    }
}

impl Incarnation {
    /// What a record says, as a transaction of its own.
    fn read(&mut self, kind: Kind, record: &StateRecord<'_>) -> Transaction {
        let mut read = Transaction::default();
        match kind {
            Kind::Progress(Progress { incarnation, position, .. }) => {
                read.reset = self.0.as_ref().is_some_and(|i| *i != incarnation);
                self.0 = Some(incarnation.clone());
                let at = Position { incarnation, offset: record.offset };
                read.head = Some(Head { at, input: position, written: record.timestamp });
            }
            Kind::Void => {
                self.0 = None;
                read.reset = true;
            }
            Kind::Counter(processor, key, value) => read.changes.push((processor, key, value)),
            Kind::Other | Kind::Unreadable(_) => {}
        }
        read
    }
}

impl Transaction {
    /// Adds what a further record of the same transaction says.
    fn extend(&mut self, further: Self) {
        let Self { head, reset, changes } = further;
        self.head = head.or(self.head.take());
        self.reset |= reset;
        self.changes.extend(changes);
    }
}

#[cfg(test)]
mod tests;
