//! Whatever happens on the way through a stream, trends are what a plain count says.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod oracle;

use contract::update::TrendWindow;
use contract::{Fact, ProcessorKind, Settings, Timestamp, Update};
use foldtest::{
    Action, Checkpoint, Crash, Event, Merger, Run, Screen, Shop, TestOrder, Times, actions, interleaving,
    orders_of, run, script, show_at_once, split,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use trend::{CELLS_PER_PARTITION, TrendKind, TrendView};

const SHOP: Shop = Shop { users: 6, products: 6, cities: 4 };
const LENGTH: usize = 150;
/// Fewer than the shop has of either.
const FEW_NAMES: usize = 2;
/// Fewer than wild streams need.
const FEW_CELLS: usize = 6;

fn limits() -> impl Strategy<Value = (usize, usize)> {
    prop_oneof![
        Just((FEW_NAMES, CELLS_PER_PARTITION)),
        Just((usize::MAX, FEW_CELLS)),
        Just((FEW_NAMES, FEW_CELLS)),
        Just((usize::MAX, CELLS_PER_PARTITION)),
    ]
}

fn top(most: usize) -> Settings {
    Settings { trend_top_k: most, ..Settings::default() }
}

fn checkpoints(events: &[Event], partitions: usize, plan: &[Action]) -> Vec<Vec<Checkpoint>> {
    let kind = TrendKind::default();
    split(events, partitions).iter().map(|events| run(&kind, events, plan).1).collect()
}

proptest! {
    #[test]
    fn a_fold_equals_the_oracle(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        (names, cells) in limits(),
    ) {
        let (run, _) = run(&TrendKind::with_limits(names, cells), &events, &[]);
        let expected = oracle::state(&orders_of(&events), names, cells);
        prop_assert_eq!(oracle::decode(&run.state), expected.cells);
        prop_assert_eq!(run.facts[Fact::NameOverLimit as usize], expected.over_limit);
        prop_assert!(run.alerts.is_empty());
    }

    #[test]
    fn commits_checkpoints_and_crashes_change_nothing(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        plan in actions(LENGTH),
        (names, cells) in limits(),
    ) {
        let kind = TrendKind::with_limits(names, cells);
        prop_assert_eq!(run(&kind, &events, &plan).0, run(&kind, &events, &[]).0);
    }

    #[test]
    fn any_number_of_partitions_shows_the_same(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        plan in actions(LENGTH),
        partitions in 1_usize..6,
        draws in vec(any::<Index>(), 1..40),
        most in 1_usize..8,
    ) {
        let partitions = checkpoints(&events, partitions, &plan);
        let (mut merger, mut view, mut screen) = (Merger::default(), TrendView::default(), Screen::default());
        for (step, (partition, checkpoint)) in interleaving(&partitions, &draws).into_iter().enumerate() {
            merger.apply(partition, checkpoint, &mut view);
            if draws[step % draws.len()].index(3) == 0 {
                screen.refresh(&mut view, &top(most));
                let at_once = show_at_once(&mut TrendView::default(), merger.sums(), &top(most));
                prop_assert_eq!(&screen, &at_once);
            }
        }
        screen.refresh(&mut view, &top(most));
        prop_assert_eq!(screen, oracle::shown(&orders_of(&events), most));
    }

    #[test]
    fn counters_may_change_in_any_order(
        events in script(SHOP, Times::Wild, 1..40),
        draws in vec((any::<Index>(), any::<bool>()), 0..120),
    ) {
        let (run, _) = run(&TrendKind::default(), &events, &[]);
        let records: Vec<_> = run.state.iter().collect();
        let (mut merger, mut view, mut screen) = (Merger::default(), TrendView::default(), Screen::default());
        for (draw, there) in draws.iter().filter(|_| !records.is_empty()) {
            let (key, value) = records[draw.index(records.len())];
            let change = Checkpoint::from([(key.clone(), there.then(|| value.clone()))]);
            merger.apply(0, &change, &mut view);
            screen.refresh(&mut view, &top(3));
            prop_assert_eq!(&screen.keys, &show_at_once(&mut TrendView::default(), merger.sums(), &top(3)).keys);
        }
    }
}

/// 2026-11-22T17:00:00Z.
const FIVE: i64 = 1_795_366_800_000;
const MINUTE: i64 = 60_000;

fn at(ms: i64) -> TestOrder {
    TestOrder::at(Timestamp(ms), "o")
}

fn fold(orders: impl IntoIterator<Item = TestOrder>) -> Run {
    let events: Vec<_> = orders.into_iter().map(Event::Order).collect();
    run(&TrendKind::default(), &events, &[]).0
}

fn show(orders: impl IntoIterator<Item = TestOrder>) -> Option<(String, Vec<TrendWindow>)> {
    let events: Vec<_> = orders.into_iter().map(Event::Order).collect();
    let mut merger = Merger::default();
    let mut view = TrendView::default();
    checkpoints(&events, 1, &[])[0].iter().for_each(|checkpoint| merger.apply(0, checkpoint, &mut view));
    let mut screen = Screen::default();
    screen.refresh(&mut view, &Settings::default());
    match screen.update {
        Some(Update::Trend { as_of, windows, .. }) => Some((as_of, windows)),
        _ => None,
    }
}

#[test]
fn the_records_are_legible() {
    let run =
        fold([at(FIVE - 1).of("Điện thoại").worth(15_000_000), at(FIVE - 60_000).of("Điện thoại").worth(7)]);
    let records: Vec<_> =
        run.state.iter().map(|(key, value)| (key.as_str(), std::str::from_utf8(value).unwrap())).collect();
    assert_eq!(
        records,
        [
            ("2026-11-22T16:59/city/HCM", "200000000000000000015000007"),
            ("2026-11-22T16:59/product/Điện thoại", "200000000000000000015000007"),
        ]
    );
}

#[test]
fn windows_end_with_the_newest_minute() {
    let minutes_back = |minutes: i64, name: &str| TestOrder {
        record_time: Timestamp(FIVE),
        ..at(FIVE - minutes * MINUTE).of(name).to("HCM")
    };
    let orders =
        [(0, "now"), (4, "last of 5m"), (5, "before"), (9, "last before"), (10, "hour"), (59, "last of 1h")]
            .into_iter()
            .chain([(60, "hour before"), (119, "last of all"), (120, "kept, not shown"), (121, "late")])
            .map(|(minutes, name)| minutes_back(minutes, name));
    let orders: Vec<_> = orders.collect();
    let kept = fold(orders.clone());
    assert!(kept.state.contains_key("2026-11-22T15:00/product/kept, not shown"));
    assert!(!kept.state.contains_key("2026-11-22T14:59/product/late"));

    let (as_of, windows) = show(orders).unwrap();
    assert_eq!(as_of, "2026-11-22T17:00:00.000Z");
    let sums = |window: &TrendWindow| {
        let city = &window.cities_by_score[0];
        (window.window.clone(), city.orders, city.previous_orders, city.growth)
    };
    assert_eq!(sums(&windows[0]), ("5m".to_owned(), 2, 2, Some(0.0)));
    assert_eq!(sums(&windows[1]), ("1h".to_owned(), 6, 2, Some(2.0)));
    let names: Vec<_> = windows[0].products_by_score.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["last of 5m", "now", "before", "last before"]);
}

#[test]
fn a_pane_that_was_given_up_is_deleted_and_its_names_forgotten() {
    let events: Vec<_> = [
        at(FIVE).of("old"),
        at(FIVE + 120 * MINUTE).of("(other)"),
        at(FIVE + 120 * MINUTE).of("too many"),
        at(FIVE + 121 * MINUTE).of("new"),
    ]
    .map(Event::Order)
    .into();
    let plan =
        [Action::Checkpoint, Action::Commit, Action::Crash(Crash::Forwards), Action::Crash(Crash::Backwards)];
    let kind = TrendKind::with_limits(1, CELLS_PER_PARTITION);
    for plan in [&plan[..], &[]] {
        let (run, _) = run(&kind, &events, plan);
        let products: Vec<_> = run.state.keys().filter(|key| key.contains("/product/")).collect();
        assert_eq!(products, ["2026-11-22T19:00/product/(other)", "2026-11-22T19:01/product/new"]);
        assert_eq!(run.facts[Fact::NameOverLimit as usize], 1);
    }
}

#[test]
fn a_checkpoint_writes_only_what_changed() {
    let events = [at(FIVE).of("a").to("x"), at(FIVE).of("b").to("x")].map(Event::Order);
    let (_, checkpoints) = run(&TrendKind::default(), &events, &[Action::Checkpoint]);
    let keys: Vec<_> = checkpoints[1].keys().map(String::as_str).collect();
    assert_eq!(keys, ["2026-11-22T17:00/city/x", "2026-11-22T17:00/product/b"]);
}

#[test]
fn records_that_trend_does_not_write_are_refused() {
    let good = b"100000000000000000000000007".as_slice();
    let bad = [
        ("", good),
        ("2026-11-22T17:00/shop/x", good),
        ("2026-11-22T17/product/x", good),
        ("2026-11-22T17:00/product/", good),
        ("2026-11-22T17:00/product/x", b""),
        ("2026-11-22T17:00/product/x", b"7"),
        ("2026-11-22T17:00/product/x", b"-100000000000000000000000007"),
    ];
    for (key, value) in bad {
        let mut processor = TrendKind::default().start(&Settings::default());
        let error = processor.load(1, key, value).expect_err(key);
        assert_eq!(error.key, key);
    }
}

#[test]
fn nothing_is_shown_before_the_first_order() {
    let mut screen = Screen::default();
    screen.refresh(&mut TrendView::default(), &Settings::default());
    assert_eq!(screen, Screen::default());
}

#[test]
fn nothing_is_said_again_unless_the_number_of_names_changes() {
    let (mut merger, mut view) = (Merger::default(), TrendView::default());
    let events = [at(FIVE).of("a"), at(FIVE).of("b")].map(Event::Order);
    merger.apply(0, &run(&TrendKind::default(), &events, &[]).1[0], &mut view);
    let update = |view: &mut TrendView, most| {
        let mut screen = Screen::default();
        screen.refresh(view, &top(most));
        screen.update
    };
    assert!(update(&mut view, 2).is_some());
    assert_eq!(update(&mut view, 2), None);
    let Some(Update::Trend { windows, .. }) = update(&mut view, 1) else { panic!("no update") };
    assert_eq!(windows[0].products_by_orders.len(), 1);
}

#[test]
fn after_a_reset_the_keys_are_deleted() {
    let (mut merger, mut view, mut screen) = (Merger::default(), TrendView::default(), Screen::default());
    let checkpoint = run(&TrendKind::default(), &[Event::Order(at(FIVE))], &[]).1.remove(0);
    merger.apply(0, &checkpoint, &mut view);
    screen.refresh(&mut view, &Settings::default());
    assert_eq!(screen.keys.len(), 3);
    let tombstones = checkpoint.into_keys().map(|key| (key, None)).collect();
    merger.apply(0, &tombstones, &mut view);
    screen.refresh(&mut view, &Settings::default());
    assert!(screen.keys.is_empty(), "{:?}", screen.keys);
}
