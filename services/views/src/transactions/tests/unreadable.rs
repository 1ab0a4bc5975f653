//! Records that cannot be understood: only those that are current matter.

use super::*;

const FOREIGN: &str = r#"{"format":9,"shape":"new"}"#;
const TOTAL: &str = "revenue/total";

/// Takes what is at `offset`; whether the reader went on.
fn take(reader: &mut TransactionReader, offset: i64, key: &str, value: &str) -> Result<Step, RecordError> {
    let value = Some(value.as_bytes());
    reader.record(&StateRecord { offset, timestamp: None, key: key.as_bytes(), value })
}

/// A transaction of another version, and a commit marker.
fn foreign(log: &mut Log) {
    log.push(PROGRESS_KEY, Some(FOREIGN.to_owned()));
    log.push(TOTAL, Some("0x1f".to_owned()));
    log.push(TOTAL, Some("0x20".to_owned()));
    log.next += 1;
}

#[test]
fn what_is_unreadable_at_the_end_is_an_error_that_says_what_to_do() {
    for until in [0, 8] {
        let error = |key: &str, value: &str| {
            let mut reader = reader(until);
            let step = take(&mut reader, 7, key, value).unwrap();
            assert_eq!(step.turn, (until == 0).then_some(Turn::Torn), "not shown meanwhile");
            assert_eq!(reader.needs_end(), until == 0);
            reader.end().unwrap_err()
        };
        assert_eq!(error(PROGRESS_KEY, FOREIGN), RecordError::Format { found: 9 });
        assert!(matches!(error(PROGRESS_KEY, "{}"), RecordError::Progress { offset: 7, .. }));
        assert!(matches!(error(PROGRESS_KEY, r#"{"format":1}"#), RecordError::Progress { offset: 7, .. }));
        assert_eq!(error(TOTAL, "1.5"), RecordError::Counter { offset: 7, key: TOTAL.to_owned() });
    }
}

/// Under a writer that never rests the partition's end is never reported.
#[test]
fn a_record_behind_the_end_tells_it_too() {
    let mut log = Log::default();
    let ends = [(); 3].map(|()| {
        foreign(&mut log);
        log.next
    });
    let mut reader = reader(ends[0]);
    let mut told = Vec::new();
    for (offset, key, value) in &log.records {
        told.push(take(&mut reader, *offset, key, value.as_ref().unwrap()).map(drop));
        if reader.needs_end() {
            // any number of records may be missing before the first end, none before this one
            reader.catch_up_to(ends[1]);
        }
    }
    let place = told.iter().position(Result::is_err).unwrap();
    assert_eq!((log.records[place].0, &told[place]), (ends[1], &Err(RecordError::Format { found: 9 })));
}

/// What `millrace state reset` writes: progress of a new incarnation, then a tombstone for every key.
#[test]
fn what_a_reset_made_void_need_not_be_readable() {
    for known_before in [false, true] {
        let mut log = Log::default();
        if known_before {
            log.transaction("i", &[("total", Some(1)), ("other", Some(1))]);
        }
        foreign(&mut log);
        log.transaction("j", &[("total", None)]);
        log.transaction("j", &[("total", Some(7))]);
        for until in [0, log.next] {
            let (mut reader, mut shown) = (reader(until), Shown::default());
            for record in &log.records {
                shown.take(feed(&mut reader, record));
                if reader.needs_end() {
                    reader.catch_up_to(log.next);
                }
            }
            shown.take(reader.end().unwrap());
            assert!(shown.consistent);
            assert_eq!(shown.counters, [("total".to_owned(), 7)].into(), "{until}");
        }
    }
}

#[test]
fn a_counter_of_another_version_is_an_error_until_it_is_replaced() {
    let mut log = Log::default();
    foreign(&mut log);
    log.transaction("j", &[("else", Some(1))]);
    let read = |log: &Log| {
        let mut reader = reader(log.next);
        for record in &log.records {
            feed(&mut reader, record);
        }
        reader.end().map(drop)
    };
    assert_eq!(read(&log), Err(RecordError::Counter { offset: 2, key: TOTAL.to_owned() }));
    log.transaction("j", &[("total", Some(1))]);
    assert_eq!(read(&log), Ok(()));
}
