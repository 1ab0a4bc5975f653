use std::collections::BTreeMap;

use proptest::prelude::*;

use contract::state::{FORMAT, PROGRESS_KEY, SETTINGS_KEY};

use super::*;

mod unreadable;

/// A log as an engine writes it: transactions of counters, each followed by a commit marker.
#[derive(Default)]
struct Log {
    records: Vec<(i64, String, Option<String>)>,
    next: i64,
}

impl Log {
    fn transaction(&mut self, incarnation: &str, changes: &[(&str, Option<i128>)]) {
        let progress = Progress {
            format: FORMAT,
            incarnation: incarnation.to_owned(),
            owner: "shop.revenue.a".to_owned(),
            position: self.next * 10,
            last: None,
            records: u32::try_from(changes.len()).unwrap(),
            checkpoints: BTreeMap::new(),
            orders: 0,
            invalid: 0,
            lost: 0,
        };
        self.push(PROGRESS_KEY, Some(serde_json::to_string(&progress).unwrap()));
        for (key, value) in changes {
            self.push(&format!("revenue/{key}"), value.map(|v| v.to_string()));
        }
        self.next += 1; // the commit marker
    }

    /// A transaction that nobody sees, and its abort marker.
    fn aborted(&mut self, records: i64) {
        self.next += records + 1;
    }

    fn push(&mut self, key: &str, value: Option<String>) {
        self.records.push((self.next, key.to_owned(), value));
        self.next += 1;
    }

    /// Keeps only the newest record of each key before `until`.
    fn compact(&mut self, until: i64) {
        let all = self.records.clone();
        self.records.retain(|(offset, key, _)| {
            *offset >= until || !all.iter().any(|(o, k, _)| k == key && o > offset && *o < until)
        });
    }
}

fn reader(until: i64) -> TransactionReader {
    TransactionReader::new([ProcessorName::Revenue].into(), until)
}

fn feed(reader: &mut TransactionReader, record: &(i64, String, Option<String>)) -> Step {
    let (offset, key, value) = record;
    let value = value.as_ref().map(String::as_bytes);
    reader.record(&StateRecord { offset: *offset, timestamp: Some(1), key: key.as_bytes(), value }).unwrap()
}

/// The state that a reader would show, and what it has been told to hide.
#[derive(Default)]
struct Shown {
    counters: BTreeMap<String, i128>,
    consistent: bool,
    torn: u32,
}

impl Shown {
    fn take(&mut self, step: Step) {
        for transaction in step.apply {
            if transaction.reset {
                self.counters.clear();
            }
            for (_, key, value) in transaction.changes {
                match value {
                    Some(value) => drop(self.counters.insert(key, value)),
                    None => drop(self.counters.remove(&key)),
                }
            }
        }
        match step.turn {
            Some(Turn::Consistent) => self.consistent = true,
            Some(Turn::Torn) => (self.consistent, self.torn) = (false, self.torn + 1),
            None => {}
        }
    }
}

#[test]
fn behind_the_end_a_transaction_is_applied_when_its_last_record_came() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1)), ("b", Some(1)), ("c", None)]);
    let mut reader = reader(0);

    let steps: Vec<_> = log.records.iter().map(|r| feed(&mut reader, r)).collect();
    assert_eq!(steps[0], Step { apply: vec![], turn: Some(Turn::Consistent) });
    assert_eq!(steps[1], Step::default());
    assert_eq!(steps[2], Step::default());
    let [transaction] = &steps[3].apply[..] else { panic!("{steps:?}") };
    assert_eq!(transaction.changes.len(), 3);
    let at = Position { incarnation: "i".to_owned(), offset: 0 };
    assert_eq!(transaction.head, Some(Head { at, input: 0, written: Some(1) }));
}

#[test]
fn a_transaction_without_records_is_applied_at_once() {
    let mut log = Log::default();
    log.transaction("i", &[]);
    let step = feed(&mut reader(0), &log.records[0]);
    assert!(step.apply[0].head.is_some());
}

#[test]
fn records_of_others_count_but_are_not_merged() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
    log.records[1].1 = "fraud/blob".to_owned();
    log.records[1].2 = Some("\u{0}not a number".to_owned());
    log.records[2].1 = SETTINGS_KEY.to_owned();
    let mut reader = reader(0);
    let applied: Vec<_> = log.records.iter().flat_map(|r| feed(&mut reader, r).apply).collect();
    assert_eq!(applied.len(), 1);
    assert_eq!(applied[0].changes, [(ProcessorName::Revenue, "c".to_owned(), Some(3))]);
}

#[test]
fn catching_up_ends_at_the_end_or_at_a_second_end_without_a_gap_before_it() {
    let mut log = Log::default();
    for value in 1..=3 {
        log.transaction("i", &[("a", Some(value))]);
    }
    let mut by_record = reader(3);
    assert_eq!(feed(&mut by_record, &log.records[0]).turn, None);
    assert_eq!(feed(&mut by_record, &log.records[1]).turn, None);
    assert_eq!(feed(&mut by_record, &log.records[2]).turn, None);
    assert!(by_record.needs_end());
    by_record.catch_up_to(6);
    assert_eq!(feed(&mut by_record, &log.records[3]).turn, None);
    assert_eq!(feed(&mut by_record, &log.records[4]).turn, Some(Turn::Consistent));

    let mut by_end = reader(3);
    feed(&mut by_end, &log.records[1]);
    assert_eq!(by_end.end(), Ok(Step { apply: vec![], turn: Some(Turn::Consistent) }));
    assert_eq!(by_end.end(), Ok(Step::default()));
}

#[test]
fn a_new_incarnation_voids_what_the_partition_held_but_the_first_one_does_not() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1))]);
    log.transaction("i", &[("b", Some(2))]);
    log.transaction("j", &[("c", Some(3))]);
    for until in [0, 3, 6, log.next] {
        let (mut reader, mut shown) = (reader(until), Shown::default());
        for record in &log.records {
            shown.take(feed(&mut reader, record));
        }
        shown.take(reader.end().unwrap());
        assert_eq!(shown.counters, [("c".to_owned(), 3)].into());
    }
    // compaction took the progress record that stood before "a"
    let (mut reader, mut shown) = (reader(6), Shown::default());
    for record in &log.records[1..4] {
        shown.take(feed(&mut reader, record));
    }
    assert_eq!(shown.counters.len(), 2);
}

#[test]
fn a_torn_transaction_hides_the_partition_until_it_is_caught_up() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1)), ("b", Some(1))]);
    log.transaction("i", &[("a", Some(2)), ("c", Some(2))]);
    log.transaction("i", &[("b", Some(3))]);
    log.records.remove(1); // a = 1, replaced by a = 2
    let (mut reader, mut shown) = (reader(0), Shown::default());
    let mut last = |reader: &mut TransactionReader, record| {
        shown.take(feed(reader, record));
        shown.consistent
    };
    assert!(last(&mut reader, &log.records[0]));
    assert!(!last(&mut reader, &log.records[1]), "b came where a was due");
    assert!(reader.needs_end());
    reader.catch_up_to(8);
    assert!(!last(&mut reader, &log.records[2]));
    assert!(!last(&mut reader, &log.records[3]));
    assert!(!last(&mut reader, &log.records[4]));
    assert!(last(&mut reader, &log.records[5]), "behind the new end");
    last(&mut reader, &log.records[6]);
    let wanted = [("a", 2), ("b", 3), ("c", 2)].map(|(k, v)| (k.to_owned(), v));
    assert_eq!((shown.counters, shown.torn), (wanted.into(), 1));
}

#[test]
fn an_aborted_transaction_costs_a_moment_and_loses_nothing() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1))]);
    log.aborted(3);
    log.transaction("i", &[("a", Some(2))]);
    let (mut reader, mut shown) = (reader(0), Shown::default());
    for record in &log.records {
        shown.take(feed(&mut reader, record));
    }
    assert!(!shown.consistent);
    shown.take(reader.end().unwrap());
    assert!(shown.consistent);
    assert_eq!(shown.counters, [("a".to_owned(), 2)].into());
}

#[test]
fn a_record_where_a_progress_record_was_due_is_torn_too() {
    let mut log = Log::default();
    log.transaction("i", &[("a", Some(1))]);
    let step = feed(&mut reader(0), &log.records[1]);
    assert_eq!(step.turn, Some(Turn::Torn));
    assert_eq!(step.apply.len(), 1);
}

/// Keys, and their values, of each transaction.
fn transactions() -> impl Strategy<Value = Vec<Vec<(usize, Option<i128>)>>> {
    let change = (0_usize..4, prop::option::of(0_i128..100));
    let transaction = prop::collection::vec(change, 0..4).prop_map(|mut changes| {
        changes.sort_by_key(|(key, _)| *key);
        changes.dedup_by_key(|(key, _)| *key);
        changes
    });
    prop::collection::vec(transaction, 1..8)
}

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// The state after each transaction.
fn states(transactions: &[Vec<(usize, Option<i128>)>]) -> Vec<BTreeMap<String, i128>> {
    let mut state = BTreeMap::new();
    let mut states = vec![state.clone()];
    for transaction in transactions {
        for (key, value) in transaction {
            match value {
                Some(value) => drop(state.insert(KEYS[*key].to_owned(), *value)),
                None => drop(state.remove(KEYS[*key])),
            }
        }
        states.push(state.clone());
    }
    states
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever was compacted before or while reading, wherever the end was: what is shown is at each
    /// moment the state between two transactions, and in the end the last one.
    #[test]
    fn only_states_between_transactions_are_shown(
        transactions in transactions(),
        end in 0_usize..8,
        aborted in 0_usize..8,
        compacted in 0_i64..40,
        overtaken in prop::collection::vec((0_usize..30, 0_i64..40), 0..3),
    ) {
        let mut log = Log::default();
        let mut ends = vec![0];
        for (index, transaction) in transactions.iter().enumerate() {
            if index == aborted {
                log.aborted(2);
            }
            let changes: Vec<_> = transaction.iter().map(|(k, v)| (KEYS[*k], *v)).collect();
            log.transaction("i", &changes);
            ends.push(log.next);
        }
        let states = states(&transactions);
        let until = ends[end.min(transactions.len())];
        log.compact(compacted.min(until));
        let (mut reader, mut shown) = (reader(until), Shown::default());
        let mut index = 0;
        let mut next_offset = 0;
        while let Some(position) = log.records.iter().position(|(offset, ..)| *offset >= next_offset) {
            let record = log.records[position].clone();
            next_offset = record.0 + 1;
            shown.take(feed(&mut reader, &record));
            if reader.needs_end() {
                reader.catch_up_to(log.next);
            }
            if shown.consistent {
                prop_assert!(states.contains(&shown.counters), "{:?} is no state of {states:?}", shown.counters);
            }
            index += 1;
            for (_, until) in overtaken.iter().filter(|(at, _)| *at == index) {
                log.compact(*until);
            }
        }
        shown.take(reader.end().unwrap());
        prop_assert!(shown.consistent);
        prop_assert_eq!(Some(&shown.counters), states.last());
    }
}
