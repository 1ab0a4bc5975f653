use super::*;

fn payload(json: &str) -> Payload {
    RawValue::from_string(json.to_owned()).unwrap().into()
}

fn revenue(feed: &Feed, sequence: u64) -> Taken {
    feed.update(Head::of("revenue_update", Some(sequence)), payload(&format!(r#"{{"sequence":{sequence}}}"#)))
}

fn live_alert(feed: &Feed, number: i64) {
    feed.alert((number, 0, number), payload(&number.to_string()).into(), true);
}

/// Everything there is for a client: the texts, and how much was lost in between.
fn drain(feed: &Feed, cursor: &mut Cursor) -> (Vec<String>, u64) {
    let (mut texts, mut lost) = (Vec::new(), 0);
    while let Some(item) = feed.next(cursor, true) {
        cursor.advance(&item);
        let (payload, gone) = match item {
            Item::Update { payload, replaced, .. } => (payload, replaced),
            Item::Alert { alert, missed, .. } => (alert.payload, missed),
        };
        texts.push(payload.get().to_owned());
        lost += gone;
    }
    (texts, lost)
}

#[test]
fn a_new_client_gets_the_newest_of_each_type_and_no_old_alert() {
    let feed = Feed::default();
    live_alert(&feed, 1);
    revenue(&feed, 1);
    feed.update(Head::of("trend_update", Some(1)), payload(r#"{"trend":1}"#));
    revenue(&feed, 2);
    let mut cursor = feed.cursor();
    assert_eq!(drain(&feed, &mut cursor), (vec![r#"{"trend":1}"#.into(), r#"{"sequence":2}"#.into()], 0));
    assert!(feed.next(&cursor, true).is_none());
    live_alert(&feed, 2);
    assert_eq!(drain(&feed, &mut cursor), (vec!["2".into()], 0));
}

#[test]
fn an_older_or_repeated_update_is_dropped() {
    let feed = Feed::default();
    assert_eq!(revenue(&feed, 7), Taken::New);
    assert_eq!(revenue(&feed, 7), Taken::Older);
    assert_eq!(revenue(&feed, 6), Taken::Older);
    assert_eq!(
        feed.update(Head::of("trend_update", Some(1)), payload("{}")),
        Taken::New,
        "types have their own"
    );
    assert_eq!(revenue(&feed, 8), Taken::New);
}

#[test]
fn a_numbering_that_begins_anew_is_believed_after_a_while() {
    let feed = Feed::default();
    assert_eq!(revenue(&feed, 1_000_000), Taken::New);
    let dropped = (1..=1_000).take_while(|&sequence| revenue(&feed, sequence) == Taken::Older).count();
    assert_eq!(dropped, 100);
    assert_eq!(revenue(&feed, 102), Taken::New);
    assert_eq!(revenue(&feed, 101), Taken::Older);
}

#[test]
fn an_update_that_is_sent_again_and_again_stays_old_news() {
    let feed = Feed::default();
    assert_eq!(revenue(&feed, 7), Taken::New);
    assert!((0..1_000).all(|_| revenue(&feed, 7) == Taken::Older));
    assert_eq!(revenue(&feed, 6), Taken::Older, "and does not make lower numbers believed");
}

#[test]
fn updates_without_a_sequence_always_replace() {
    let feed = Feed::default();
    assert_eq!(feed.update(Head::of("x", None), payload("{}")), Taken::New);
    assert_eq!(feed.update(Head::of("x", None), payload("{}")), Taken::New);
}

#[test]
fn the_number_of_types_is_bounded() {
    let feed = Feed::default();
    let kinds: Vec<_> =
        (0..=TYPES).map(|n| feed.update(Head::of(&n.to_string(), None), payload("{}"))).collect();
    assert_eq!(kinds.iter().filter(|taken| **taken == Taken::New).count(), TYPES);
    assert_eq!(kinds.last(), Some(&Taken::UnknownType));
}

#[test]
fn a_slow_client_gets_the_newest_update_and_the_rest_is_counted() {
    let feed = Feed::default();
    let mut cursor = feed.cursor();
    for sequence in 1..=1_000 {
        revenue(&feed, sequence);
    }
    assert_eq!(drain(&feed, &mut cursor), (vec![r#"{"sequence":1000}"#.into()], 999));
}

#[test]
fn a_slow_client_misses_the_oldest_alerts_and_they_are_counted() {
    let feed = Feed::default();
    let mut cursor = feed.cursor();
    live_alert(&feed, 0);
    assert_eq!(drain(&feed, &mut cursor), (vec!["0".into()], 0));
    let flood = i64::try_from(WINDOW).unwrap() + 40;
    for number in 1..=flood {
        live_alert(&feed, number);
    }
    let (texts, missed) = drain(&feed, &mut cursor);
    assert_eq!((texts.len(), missed), (WINDOW, 40));
    assert_eq!(texts.first().map(String::as_str), Some("41"));
    assert_eq!(texts.last().cloned(), Some(flood.to_string()));
    assert_eq!(feed.lock().window.len(), WINDOW);
}

#[test]
fn alerts_wait_when_only_updates_are_asked_for() {
    let feed = Feed::default();
    let cursor = feed.cursor();
    live_alert(&feed, 1);
    assert!(feed.next(&cursor, false).is_none());
    assert!(feed.next(&cursor, true).is_some());
}

#[test]
fn the_latest_alerts_are_by_record_time_newest_first_and_each_once() {
    let feed = Feed::default();
    assert!(feed.latest_alerts().is_none(), "not read yet");
    for offset in (0..150).rev() {
        feed.alert((1_000 + offset, 3, offset), payload(&offset.to_string()).into(), false);
    }
    feed.alert((1_149, 3, 149), payload("149").into(), false);
    feed.alerts_loaded();
    let latest: Vec<_> = feed.latest_alerts().unwrap().iter().map(|p| p.get().to_owned()).collect();
    let expected: Vec<_> = (50..150).rev().map(|n| n.to_string()).collect();
    assert_eq!(latest, expected);
    assert!(feed.next(&feed.cursor(), true).is_none(), "alerts from before are only listed");
}
