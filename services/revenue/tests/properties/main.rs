//! Whatever happens on the way through a stream, revenue is what a plain count says.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod oracle;

use contract::{Fact, Settings, Timestamp};
use foldtest::{
    Action, Checkpoint, Crash, Event, Merger, Screen, Shop, TestOrder, Times, actions, interleaving,
    orders_of, run, script, show_at_once, split,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use revenue::{RevenueKind, RevenueView};

const SHOP: Shop = Shop { users: 6, products: 5, cities: 4 };
/// Fewer than the shop has of either.
const FEW_NAMES: usize = 2;
const LENGTH: usize = 150;

fn counters(run: &foldtest::Run) -> oracle::Counters {
    let number = |value: &Vec<u8>| String::from_utf8(value.clone()).unwrap().parse().unwrap();
    run.state.iter().map(|(key, value)| (key.clone(), number(value))).collect()
}

fn checkpoints(events: &[Event], partitions: usize, plan: &[Action]) -> Vec<Vec<Checkpoint>> {
    let kind = RevenueKind::default();
    split(events, partitions).iter().map(|events| run(&kind, events, plan).1).collect()
}

proptest! {
    #[test]
    fn a_fold_equals_the_oracle(events in script(SHOP, Times::Wild, 0..LENGTH)) {
        let (run, _) = run(&RevenueKind::with_names(FEW_NAMES), &events, &[]);
        let expected = oracle::state(&orders_of(&events), FEW_NAMES);
        prop_assert_eq!(counters(&run), expected.counters);
        prop_assert_eq!(run.facts[Fact::NameOverLimit as usize], expected.over_limit);
        prop_assert!(run.alerts.is_empty());
    }

    #[test]
    fn commits_checkpoints_and_crashes_change_nothing(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        plan in actions(LENGTH),
    ) {
        let kind = RevenueKind::with_names(FEW_NAMES);
        prop_assert_eq!(run(&kind, &events, &plan).0, run(&kind, &events, &[]).0);
    }

    #[test]
    fn any_number_of_partitions_shows_the_same(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        plan in actions(LENGTH),
        partitions in 1_usize..6,
        draws in vec(any::<Index>(), 1..40),
    ) {
        let partitions = checkpoints(&events, partitions, &plan);
        let (mut merger, mut view, mut screen) = (Merger::default(), RevenueView::default(), Screen::default());
        for (step, (partition, checkpoint)) in interleaving(&partitions, &draws).into_iter().enumerate() {
            merger.apply(partition, checkpoint, &mut view);
            if draws[step % draws.len()].index(3) == 0 {
                screen.refresh(&mut view, &Settings::default());
                let at_once =
                    show_at_once(&mut RevenueView::default(), merger.sums(), &Settings::default());
                prop_assert_eq!(&screen, &at_once);
            }
        }
        screen.refresh(&mut view, &Settings::default());
        let expected = oracle::shown(&orders_of(&events));
        prop_assert_eq!(&screen.keys, &expected.keys);
        prop_assert_eq!(screen.update, expected.update);
    }
}

/// 2026-11-22T17:00:00Z.
const FIVE: i64 = 1_795_366_800_000;
const HOUR: i64 = 3_600_000;

fn at(ms: i64, id: &str) -> Event {
    Event::Order(TestOrder::at(Timestamp(ms), id))
}

/// As from a clock that is behind: the record is not late.
fn late(ms: i64, record_ms: i64, id: &str) -> Event {
    Event::Order(TestOrder { record_time: Timestamp(record_ms), ..TestOrder::at(Timestamp(ms), id) })
}

fn fold(events: &[Event]) -> oracle::Counters {
    counters(&run(&RevenueKind::default(), events, &[]).0)
}

#[test]
fn the_keys_are_those_of_redis() {
    let order = TestOrder::at(Timestamp(FIVE - 1), "a").of("Điện thoại").to("Hà Nội").worth(15_000_000);
    let expected = [
        ("orders:hourly:2026-11-22T16", 1),
        ("orders:product:Điện thoại", 1),
        ("orders:total", 1),
        ("revenue:city:Hà Nội", 15_000_000),
        ("revenue:hourly:2026-11-22T16", 15_000_000),
        ("revenue:total", 15_000_000),
    ];
    assert_eq!(fold(&[Event::Order(order)]), expected.map(|(key, sum)| (key.to_owned(), sum)).into());
}

#[test]
fn an_hour_is_kept_for_92_days_to_the_hour() {
    let limit = FIVE - 92 * 24 * HOUR;
    let counters = fold(&[at(FIVE, "now"), late(limit, FIVE, "kept"), late(limit - 1, FIVE, "too old")]);
    assert_eq!(counters["orders:hourly:2026-08-22T17"], 1);
    assert!(!counters.contains_key("orders:hourly:2026-08-22T16"));
    assert_eq!((counters["orders:total"], counters["orders:product:Laptop"]), (3, 3));
}

#[test]
fn an_hour_that_was_given_up_is_deleted() {
    let limit = FIVE - 92 * 24 * HOUR;
    let events = [at(limit, "old"), at(FIVE, "same distance"), at(FIVE + HOUR, "newer")];
    let plan = [Action::Checkpoint, Action::Crash(Crash::Forwards), Action::Crash(Crash::Backwards)];
    let (run, checkpoints) = run(&RevenueKind::default(), &events, &plan);
    assert!(!run.state.contains_key("orders:hourly:2026-08-22T17"));
    let deleted: Vec<_> = checkpoints.iter().flatten().filter(|(_, value)| value.is_none()).collect();
    assert_eq!(deleted.len(), 2, "revenue and orders of one hour: {deleted:?}");
}

#[test]
fn a_checkpoint_writes_only_what_changed() {
    let events = [at(FIVE, "a"), Event::Order(TestOrder::at(Timestamp(FIVE + HOUR), "b").to("Huế"))];
    let (_, checkpoints) = run(&RevenueKind::default(), &events, &[Action::Checkpoint, Action::Checkpoint]);
    let keys: Vec<_> = checkpoints[1].keys().map(String::as_str).collect();
    let expected = [
        "orders:hourly:2026-11-22T18",
        "orders:product:Laptop",
        "orders:total",
        "revenue:city:Huế",
        "revenue:hourly:2026-11-22T18",
        "revenue:total",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn sums_do_not_wrap() {
    let largest = (1 << 53) - 1;
    let order = |n: u32| Event::Order(TestOrder::at(Timestamp(FIVE), &n.to_string()).worth(largest));
    let events: Vec<_> = (0..3_000).map(order).collect();
    let expected = i128::from(largest) * 3_000;
    assert!(expected > i128::from(u64::MAX));
    assert_eq!(fold(&events)["revenue:total"], expected);

    let (mut merger, mut view) = (Merger::default(), RevenueView::default());
    for partition in 0..2 {
        let (_, checkpoints) = run(&RevenueKind::default(), &events, &[]);
        for checkpoint in &checkpoints {
            merger.apply(partition, checkpoint, &mut view);
        }
    }
    let mut screen = Screen::default();
    screen.refresh(&mut view, &Settings::default());
    assert_eq!(screen.keys["revenue:total"], (2 * expected).to_string());
}

#[test]
fn records_that_revenue_does_not_write_are_refused() {
    let bad: [(&str, &[u8]); 11] = [
        ("revenue:total", b""),
        ("revenue:total", b"-1"),
        ("orders:total", b"1.5"),
        ("orders:total", b"007"),
        ("orders:totals", b"1"),
        ("revenue:hourly:2026-11-22", b"1"),
        ("orders:hourly:2026-11-22T24", b"1"),
        ("revenue:city:", b"1"),
        ("orders:product:", b"1"),
        ("revenue:product:Laptop", b"1"),
        ("", b"1"),
    ];
    for (key, value) in bad {
        let mut processor = contract::ProcessorKind::start(&RevenueKind::default(), &Settings::default());
        let error = processor.load(1, key, value).expect_err(key);
        assert_eq!(error.key, key);
    }
}

#[test]
fn nothing_is_shown_before_the_first_order() {
    let mut screen = Screen::default();
    screen.refresh(&mut RevenueView::default(), &Settings::default());
    assert_eq!(screen, Screen::default());
}

#[test]
fn after_a_reset_the_update_says_zero() {
    let (mut merger, mut view, mut screen) = (Merger::default(), RevenueView::default(), Screen::default());
    let (_, checkpoints) = run(&RevenueKind::default(), &[at(FIVE, "a")], &[]);
    merger.apply(0, &checkpoints[0], &mut view);
    screen.refresh(&mut view, &Settings::default());
    assert!(screen.keys.contains_key("revenue:total"));

    let tombstones = checkpoints[0].keys().map(|key| (key.clone(), None)).collect();
    merger.apply(0, &tombstones, &mut view);
    screen.refresh(&mut view, &Settings::default());
    assert!(screen.keys.is_empty(), "{:?}", screen.keys);
    let Some(contract::Update::Revenue { total_revenue, total_orders, hourly_revenue, .. }) = screen.update
    else {
        panic!("no update");
    };
    assert_eq!((total_revenue, total_orders, hourly_revenue), (0, 0, 0));
}
