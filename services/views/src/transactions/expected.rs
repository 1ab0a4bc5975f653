//! Where the next record is due, and what it must be: how a gap is noticed.

use super::record::Kind;

/// What the next record must be, if none is missing.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Its offset, or one less where a commit marker may stand; `None` when not known.
    pub(super) offset: Option<i64>,
    /// Where the transaction's records end; from there on the next one begins.
    until: i64,
    /// The transaction began with a record that does not say to us how many follow: any number may.
    uncounted: bool,
}

impl Expected {
    /// A transaction begins at `offset`, or behind a commit marker there.
    pub(super) fn begin_at(&mut self, offset: Option<i64>) {
        *self = Self { offset, until: 0, uncounted: false };
    }

    /// Whether a record is the expected one; expects what follows it from here on.
    pub(super) fn take(&mut self, offset: i64, kind: &Kind) -> bool {
        let begins = self.is_between();
        let last = self.offset.map(|expected| expected + i64::from(begins));
        let due = begins == kind.begins() || self.uncounted;
        let follows = due && last.is_none_or(|last| offset <= last);
        self.offset = Some(offset + 1);
        if let Kind::Progress(progress) = kind {
            self.until = offset + 1 + i64::from(progress.records);
        }
        if kind.begins() {
            self.uncounted = matches!(kind, Kind::Unreadable(_));
        }
        follows
    }

    /// Whether the transaction that began last is complete.
    pub(super) fn is_between(&self) -> bool {
        self.offset.is_none_or(|offset| offset >= self.until)
    }
}
