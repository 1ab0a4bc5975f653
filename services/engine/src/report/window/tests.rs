use std::time::{Duration, Instant};

use super::{Reach, Track, Window};

/// Notes (end, position) once a second and returns the time of the last.
fn feed(track: &mut Track, start: Instant, reaches: &[(i64, i64)]) -> Instant {
    let mut now = start;
    for (second, (end, position)) in reaches.iter().enumerate() {
        now = start + Duration::from_secs(second as u64);
        track.note(now, Reach { end: *end, position: *position });
    }
    now
}

#[test]
fn rates_are_of_the_last_ten_seconds() {
    let mut track = Track::new();
    // 20 s at 100/s written and 50/s read, then 10 s at 10/s and 80/s.
    let slow = (0..20).map(|second| (second * 100, second * 50));
    let fast = (0..=10).map(|second| (2_000 + second * 10, 1_000 + second * 80));
    feed(&mut track, Instant::now(), &slow.chain(fast).collect::<Vec<_>>());
    let rates = track.rates().unwrap();
    assert_eq!((rates.seconds, rates.arrival, rates.processing), (10.0, 10.0, 80.0));
    assert_eq!(track.lag(), Some(2_100 - 1_800));
}

#[test]
fn a_window_that_is_too_short_says_nothing() {
    let mut track = Track::new();
    assert!(track.lag().is_none() && track.oldest_unread(Instant::now(), None).is_none());
    feed(&mut track, Instant::now(), &[(100, 0), (200, 100)]);
    assert!(track.rates().is_none());
    assert_eq!(track.lag(), Some(100));
}

#[test]
fn a_stalled_loop_makes_the_window_longer_and_not_empty() {
    let (start, mut window) = (Instant::now(), Window::new());
    window.put(start, 0);
    window.put(start + Duration::from_mins(1), 600);
    let span = window.span().unwrap();
    assert_eq!((span.seconds, span.first, span.last), (60.0, 0, 600));
}

#[test]
fn a_log_that_lost_its_end_has_no_negative_rate() {
    let mut track = Track::new();
    feed(&mut track, Instant::now(), &[(500, 500), (500, 500), (400, 500)]);
    assert!(track.rates().unwrap().arrival.abs() < 1e-9);
    assert_eq!(track.lag(), Some(0));
}

#[test]
fn what_arrived_is_told_once() {
    let (mut track, now) = (Track::new(), Instant::now());
    // What was there before is no arrival.
    assert_eq!(track.note(now, Reach { end: 500, position: 0 }), 0);
    assert_eq!(track.note(now, Reach { end: 530, position: 0 }), 30);
    assert_eq!(track.note(now, Reach { end: 530, position: 0 }), 0);
}

#[test]
fn the_first_order_after_a_night_is_not_a_night_old() {
    let mut track = Track::new();
    let now = feed(&mut track, Instant::now(), &[(7, 7), (7, 7), (8, 7)]);
    let age = track.oldest_unread(now, Some(Duration::from_hours(9)));
    assert_eq!(age, Some(Duration::from_secs(1)));
}

#[test]
fn orders_stamped_long_ago_are_as_old_as_their_place_in_the_log() {
    let mut track = Track::new();
    // Never caught up; the order at 450 came between the samples that ended at 400 and 500.
    let now = feed(&mut track, Instant::now(), &[(300, 50), (400, 200), (500, 300), (600, 450)]);
    let age = track.oldest_unread(now, Some(Duration::from_hours(24)));
    assert_eq!(age, Some(Duration::from_secs(2)));
}

#[test]
fn a_lag_from_before_is_as_old_as_the_record_before_it() {
    let mut track = Track::new();
    let now = feed(&mut track, Instant::now(), &[(9_000, 50), (9_000, 60), (9_000, 70)]);
    assert_eq!(track.oldest_unread(now, None), None);
    assert_eq!(track.oldest_unread(now, Some(Duration::from_secs(77))), Some(Duration::from_secs(77)));
}

#[test]
fn a_lag_that_outlasts_the_window_is_counted_from_when_all_was_read() {
    let mut track = Track::new();
    let mut reaches = vec![(100, 100)];
    reaches.extend((1..=60).map(|second| (100 + second, 100)));
    let now = feed(&mut track, Instant::now(), &reaches);
    assert_eq!(track.oldest_unread(now, Some(Duration::from_mins(150))), Some(Duration::from_mins(1)));
}

#[test]
fn without_lag_nothing_waits() {
    let mut track = Track::new();
    let now = feed(&mut track, Instant::now(), &[(100, 100)]);
    assert_eq!(track.oldest_unread(now, Some(Duration::from_mins(150))), Some(Duration::ZERO));
}
