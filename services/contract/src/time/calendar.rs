//! The proleptic Gregorian calendar in UTC.

use super::Timestamp;

pub(super) const MS_PER_DAY: i64 = 86_400_000;
/// The calendar repeats every 400 years.
const DAYS_PER_ERA: i64 = 146_097;
/// From 0000-03-01, where the count below begins, to 1970-01-01.
const EPOCH_DAY: i64 = 719_468;

/// An instant as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub ms: i64,
}

/// Days from 1970-01-01 to a date in the calendar; years from 0.
///
/// Counts years from 1 March, so that the leap day is the last of its year and the days before a month
/// are `(153 m + 2) / 5` (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
pub(super) const fn days_to(year: i64, month: i64, day: i64) -> i64 {
    let from_march = (month + 9) % 12;
    // One era later: the year that holds January of year 0 must not be negative.
    let year = year + 400 - from_march / 10;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - EPOCH_DAY - DAYS_PER_ERA
}

/// Year, month and day of the day that is `days` after 1970-01-01; the inverse of [`days_to`].
const fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH_DAY;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + from_march / 10, month, day)
}

/// How many days a month has; 0 when there is no such month.
pub(super) const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

impl From<Timestamp> for Civil {
    fn from(Timestamp(ms): Timestamp) -> Self {
        let (year, month, day) = date_of(ms.div_euclid(MS_PER_DAY));
        let ms = ms.rem_euclid(MS_PER_DAY);
        let (minutes, ms_of_minute) = (ms / 60_000, ms % 60_000);
        Self {
            year,
            month,
            day,
            hour: minutes / 60,
            minute: minutes % 60,
            second: ms_of_minute / 1_000,
            ms: ms_of_minute % 1_000,
        }
    }
}
