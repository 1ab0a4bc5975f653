//! The sliding windows.

use contract::Minute;

/// A window that ends with the newest minute, and the one of equal length before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// As it stands in Redis keys and updates.
    pub(crate) label: &'static str,
    minutes: i64,
}

/// The windows, shortest first.
pub(crate) const WINDOWS: [Window; 2] =
    [Window { label: "5m", minutes: 5 }, Window { label: "1h", minutes: LONGEST }];
/// The minutes of the longest window.
pub(crate) const LONGEST: i64 = 60;

/// Where a minute lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// In the window.
    Current,
    /// In the window before.
    Previous,
    /// In neither.
    Outside,
}

impl Window {
    /// Where `minute` lies when the window ends with `newest`.
    pub(crate) fn part(self, minute: Minute, newest: Minute) -> Part {
        let age = newest.0 - minute.0;
        if (0..self.minutes).contains(&age) {
            Part::Current
        } else if (self.minutes..2 * self.minutes).contains(&age) {
            Part::Previous
        } else {
            Part::Outside
        }
    }
}
