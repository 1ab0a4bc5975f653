use proptest::prelude::*;

use super::{Hour, Minute, Timestamp};

fn parse(text: &str) -> Option<i64> {
    Timestamp::parse_rfc3339(text.as_bytes()).map(|t| t.0)
}

fn written(timestamp: Timestamp) -> String {
    let mut out = Vec::new();
    timestamp.write_rfc3339(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn reads_every_form_of_the_same_instant() {
    let expected = Some(1_795_366_800_120);
    for text in [
        "2026-11-22T17:00:00.12Z",
        "2026-11-22t17:00:00.120z",
        "2026-11-22T17:00:00.120000999999999999999Z",
        "2026-11-23T00:00:00.120+07:00",
        "2026-11-22T17:00:00.120+00:00",
        "2026-11-22T17:00:00.120-00:00",
        "2026-11-21T17:01:00.120-23:59",
    ] {
        assert_eq!(parse(text), expected, "{text}");
    }
}

#[test]
fn refuses_what_is_no_date_time_with_offset() {
    for text in [
        "",
        "2026-11-22",
        "2026-11-22T17:00:00",
        "2026-11-22T17:00Z",
        "2026-11-22 17:00:00Z",
        "2026-11-22T17:00:00.Z",
        "2026-11-22T17:00:00,5Z",
        "2026-11-22T17:00:00.5",
        "2026-11-22T17:00:00+07",
        "2026-11-22T17:00:00+0700",
        "2026-11-22T17:00:00+24:00",
        "2026-11-22T17:00:00+07:60",
        "2026-11-22T17:00:00Z ",
        " 2026-11-22T17:00:00Z",
        "2026-11-22T17:00:00ZZ",
        "2026-11-22T24:00:00Z",
        "2026-11-22T17:60:00Z",
        "2026-11-22T17:00:60Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-00T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "26-11-22T17:00:00Z",
        "+002026-11-22T17:00:00Z",
        "2026-1-22T17:00:00Z",
        "2026/11/22T17:00:00Z",
        "2026-11-22T17.00.00Z",
        "1795366800000",
        "2026-11-22T17:00:0\u{0661}Z",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn range_is_judged_in_utc() {
    assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse("1969-12-31T23:30:00-00:30"), Some(0));
    assert_eq!(parse("1969-12-31T23:59:59.999Z"), None);
    assert_eq!(parse("1970-01-01T00:00:00+00:01"), None);
    assert_eq!(parse("0000-01-01T00:00:00Z"), None);
    assert_eq!(parse("9999-12-31T23:59:59.999Z"), Some(Timestamp::LATEST.0));
    assert_eq!(parse("9999-12-31T23:59:59.999-00:01"), None);
}

#[test]
fn minutes_and_hours_begin_where_they_should() {
    let at = Timestamp(1_795_366_859_999);
    assert_eq!(at.minute().start(), Timestamp(1_795_366_800_000));
    assert_eq!(at.hour().start(), Timestamp(1_795_366_800_000));
    assert_eq!(at.hour().to_string(), "2026-11-22T17");
    assert_eq!(Timestamp(-1).minute(), Minute(-1));
    assert_eq!(Timestamp(-1).hour(), Hour(-1));
}

#[test]
fn hour_reads_only_what_it_writes() {
    assert_eq!("2024-02-29T23".parse(), Ok(Hour(474_791)));
    assert_eq!(Hour(474_791).to_string(), "2024-02-29T23");
    for text in ["", "2024-02-29", "2024-02-29T24", "2024-02-30T00", "2024-02-29T23:00", "2024-02-29 23"] {
        let error = text.parse::<Hour>().unwrap_err().to_string();
        assert!(error.contains(&format!("{text:?}")), "{error}");
    }
}

#[test]
fn instants_outside_four_digit_years_are_written_without_harm() {
    assert_eq!(written(Timestamp(i64::MAX)), Timestamp(i64::MAX).to_string());
    assert_eq!(written(Timestamp(i64::MIN)), Timestamp(i64::MIN).to_string());
    assert_eq!(written(Timestamp(Timestamp::LATEST.0 + 1)), "10000-01-01T00:00:00.000Z");
}

/// What the calendar library makes of the text, within our range.
fn reference(text: &str) -> Option<i64> {
    let instant: jiff::Timestamp = text.parse().ok()?;
    let nanoseconds = instant.as_nanosecond();
    (0..=i128::from(Timestamp::LATEST.0) * 1_000_000 + 999_999)
        .contains(&nanoseconds)
        .then(|| i64::try_from(nanoseconds / 1_000_000).unwrap())
}

fn fraction() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "\\.[0-9]{1,9}"]
}

fn offset() -> impl Strategy<Value = String> {
    prop_oneof![Just("Z".to_owned()), "[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]"]
}

proptest! {
    #[test]
    fn agrees_with_a_calendar_library(
        (year, month, day) in (1968_u32..2120, 0_u32..=13, 0_u32..=32),
        (hour, minute, second) in (0_u32..=24, 0_u32..=60, 0_u32..=59),
        fraction in fraction(),
        offset in offset(),
    ) {
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
        prop_assert_eq!(parse(&text), reference(&text), "{}", text);
    }

    #[test]
    fn agrees_on_dates_of_all_years(year in 0_u32..=9999, month in 1_u32..=12, day in 1_u32..=31) {
        let text = format!("{year:04}-{month:02}-{day:02}T12:34:56.789Z");
        prop_assert_eq!(parse(&text), reference(&text), "{}", text);
    }

    #[test]
    fn what_is_written_reads_back(ms in 0..=Timestamp::LATEST.0) {
        let text = written(Timestamp(ms));
        prop_assert_eq!(parse(&text), Some(ms));
        prop_assert_eq!(&text, &Timestamp(ms).to_string());
        prop_assert_eq!(text, format!("{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap()));
    }

    #[test]
    fn hours_read_back(hour in 0..=Timestamp::LATEST.hour().0) {
        prop_assert_eq!(Hour(hour).to_string().parse(), Ok(Hour(hour)));
    }

    #[test]
    fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = Timestamp::parse_rfc3339(&text);
    }

    #[test]
    fn never_panics_near_a_date_time(at in 0_usize..29, byte: u8) {
        let mut text = b"2026-11-22T17:00:00.120+07:00".to_vec();
        text[at] = byte;
        let ours = Timestamp::parse_rfc3339(&text);
        // The library also takes forms that are not RFC 3339, so only one direction holds.
        if let (Some(ours), Ok(text)) = (ours, std::str::from_utf8(&text)) {
            prop_assert_eq!(Some(ours.0), reference(text));
        }
    }
}
