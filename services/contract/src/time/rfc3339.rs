//! RFC 3339 date-times, read and written by fixed positions.

use std::io::Write;

use super::Timestamp;
use super::calendar::{Civil, MS_PER_DAY, days_in_month, days_to};

/// Length of `YYYY-MM-DDTHH`.
const HOUR_LENGTH: usize = 13;
/// Length of `YYYY-MM-DDTHH:MM:SS`.
const SECOND_LENGTH: usize = 19;

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
pub(super) fn parse(text: &[u8]) -> Option<Timestamp> {
    let (local, rest) = text.split_first_chunk::<SECOND_LENGTH>()?;
    if local[13] != b':' || local[16] != b':' {
        return None;
    }
    let date_and_hour = hour_start(local.first_chunk()?)?;
    let minute = at_most(two_digits(local[14], local[15])?, 59)?;
    let second = at_most(two_digits(local[17], local[18])?, 59)?;
    let (fraction, rest) = fraction_ms(rest)?;
    let offset = offset_minutes(rest)?;
    Some(Timestamp(date_and_hour + (minute - offset) * 60_000 + second * 1_000 + fraction))
}

/// Reads `YYYY-MM-DDTHH`, in UTC.
pub(super) fn parse_hour(text: &[u8]) -> Option<Timestamp> {
    hour_start(text.try_into().ok()?).map(Timestamp)
}

/// Milliseconds from the epoch to the hour, were it in UTC.
fn hour_start(text: &[u8; HOUR_LENGTH]) -> Option<i64> {
    if text[4] != b'-' || text[7] != b'-' || !matches!(text[10], b'T' | b't') {
        return None;
    }
    let year = two_digits(text[0], text[1])? * 100 + two_digits(text[2], text[3])?;
    let month = two_digits(text[5], text[6])?;
    let day = two_digits(text[8], text[9])?;
    let hour = at_most(two_digits(text[11], text[12])?, 23)?;
    let in_calendar = day >= 1 && day <= days_in_month(year, month);
    in_calendar.then(|| days_to(year, month, day) * MS_PER_DAY + hour * 3_600_000)
}

/// Milliseconds of an optional fraction, and what follows it.
fn fraction_ms(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', digits)) = text.split_first() else { return Some((0, text)) };
    let length = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    let (fraction, rest) = digits.split_at(length);
    if fraction.is_empty() {
        return None;
    }
    let ms = (0..3).fold(0, |ms, i| ms * 10 + fraction.get(i).map_or(0, |b| i64::from(b - b'0')));
    Some((ms, rest))
}

/// Minutes that local time is ahead of UTC.
fn offset_minutes(text: &[u8]) -> Option<i64> {
    match *text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let minutes = at_most(two_digits(h1, h2)?, 23)? * 60 + at_most(two_digits(m1, m2)?, 59)?;
            Some(if sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens * 10 + ones))
}

fn at_most(value: i64, limit: i64) -> Option<i64> {
    (value <= limit).then_some(value)
}

/// Appends `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub(super) fn write(timestamp: Timestamp, out: &mut Vec<u8>) {
    let Civil { year, month, day, hour, minute, second, ms } = Civil::from(timestamp);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let fits = digits(&mut text[..4], year)
        && digits(&mut text[5..7], month)
        && digits(&mut text[8..10], day)
        && digits(&mut text[11..13], hour)
        && digits(&mut text[14..16], minute)
        && digits(&mut text[17..19], second)
        && digits(&mut text[20..23], ms);
    if fits {
        out.extend_from_slice(&text);
    } else {
        // A year that four digits do not hold; no order has one. Writing to a Vec cannot fail.
        let _ = write!(out, "{timestamp}");
    }
}

/// Fills `place` with the decimal digits of `value`, or says that it does not fit.
fn digits(place: &mut [u8], value: i64) -> bool {
    let Ok(mut value) = u64::try_from(value) else { return false };
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    value == 0
}
