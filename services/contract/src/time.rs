//! Event time: instants, UTC minutes and UTC hours.

use std::fmt;
use std::str::FromStr;

mod calendar;
mod rfc3339;

use calendar::Civil;

const MS_PER_MINUTE: i64 = 60_000;
const MS_PER_HOUR: i64 = 3_600_000;

/// An instant, in milliseconds since the Unix epoch. Displays as RFC 3339 in UTC with milliseconds
/// (`2026-11-22T17:00:00.000Z`), which is also what JavaScript's `toISOString` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A UTC minute, counted since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minute(pub i64);

/// A UTC hour, counted since the Unix epoch. Displays as `YYYY-MM-DDTHH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

/// A text that is not an hour as [`Hour`] displays it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an hour of the form YYYY-MM-DDTHH")]
pub struct InvalidHour(String);

impl Timestamp {
    /// The first instant an order may have: 1970-01-01T00:00:00.000Z.
    pub const EARLIEST: Self = Self(0);
    /// The last instant an order may have, the last that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
    pub const LATEST: Self = Self(253_402_300_799_999);

    /// The UTC minute it lies in.
    pub const fn minute(self) -> Minute {
        Minute(self.0.div_euclid(MS_PER_MINUTE))
    }

    /// The UTC hour it lies in.
    pub const fn hour(self) -> Hour {
        Hour(self.0.div_euclid(MS_PER_HOUR))
    }

    /// Reads an RFC 3339 date-time between [`EARLIEST`](Self::EARLIEST) and [`LATEST`](Self::LATEST).
    ///
    /// `T` and `Z` may be lower case; an offset is needed and is at most 23:59 either way; a fraction of
    /// any length is cut to milliseconds. The date must be in the calendar and seconds go from 00 to 59,
    /// so a leap second is refused: it has no place in Unix time.
    pub fn parse_rfc3339(text: &[u8]) -> Option<Self> {
        Self::parse_any_year(text).filter(|t| t.is_in_range())
    }

    /// As [`parse_rfc3339`](Self::parse_rfc3339), for the years 0000 to 9999 of local time.
    pub(crate) fn parse_any_year(text: &[u8]) -> Option<Self> {
        rfc3339::parse(text)
    }

    /// Whether it lies between [`EARLIEST`](Self::EARLIEST) and [`LATEST`](Self::LATEST).
    pub(crate) fn is_in_range(self) -> bool {
        (Self::EARLIEST..=Self::LATEST).contains(&self)
    }

    /// Appends what `Display` shows, without allocating and faster.
    pub fn write_rfc3339(self, out: &mut Vec<u8>) {
        rfc3339::write(self, out);
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, ms } = Civil::from(*self);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

impl Minute {
    /// The instant it begins.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(MS_PER_MINUTE))
    }
}

impl Hour {
    /// The instant it begins.
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(MS_PER_HOUR))
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, .. } = Civil::from(self.start());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}")
    }
}

impl FromStr for Hour {
    type Err = InvalidHour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        rfc3339::parse_hour(text.as_bytes()).map(Timestamp::hour).ok_or_else(|| InvalidHour(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
