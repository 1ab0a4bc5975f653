//! Whatever happens on the way through a stream, the alerts are what plain rules say.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod oracle;

use contract::settings::FraudSettings;
use contract::{Fact, ProcessorKind, Settings, Timestamp};
use foldtest::{Action, Checkpoint, Crash, Event, Run, Shop, TestOrder, Times, actions, run, script, split};
use fraud::{FraudKind, USER_MINUTES_PER_PARTITION};
use oracle::Raised;
use proptest::prelude::*;

/// Few users, so that they order too often.
const SHOP: Shop = Shop { users: 3, products: 2, cities: 2 };
const LENGTH: usize = 150;
/// Fewer counts than wild streams need.
const FEW: usize = 4;

fn raised(run: &Run) -> Vec<Raised> {
    run.alerts.iter().map(|json| Raised::parse(json)).collect()
}

proptest! {
    #[test]
    fn a_fold_equals_the_oracle(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        limit in prop_oneof![1..FEW, Just(USER_MINUTES_PER_PARTITION)],
    ) {
        let (run, _) = run(&FraudKind::with_user_minutes(limit), &events, &[]);
        let expected = oracle::judge(&events, limit);
        prop_assert_eq!(raised(&run), expected.raised);
        prop_assert_eq!(oracle::decode(&run.state), expected.counts);
        prop_assert_eq!(run.facts[Fact::LateOrder as usize], expected.late);
        prop_assert_eq!(run.facts[Fact::VelocityNotJudged as usize], expected.unjudged);
    }

    #[test]
    fn commits_checkpoints_and_crashes_change_nothing(
        events in script(SHOP, Times::Wild, 0..LENGTH),
        plan in actions(LENGTH),
        limit in prop_oneof![1..FEW, Just(USER_MINUTES_PER_PARTITION)],
    ) {
        let kind = FraudKind::with_user_minutes(limit);
        prop_assert_eq!(run(&kind, &events, &plan).0, run(&kind, &events, &[]).0);
    }

    #[test]
    fn any_number_of_partitions_raises_the_same(
        events in script(SHOP, Times::Calm, 0..LENGTH),
        plan in actions(LENGTH),
        partitions in 1_usize..6,
    ) {
        let kind = FraudKind::default();
        let (whole, _) = run(&kind, &events, &[]);
        let runs: Vec<Run> = split(&events, partitions).iter().map(|part| run(&kind, part, &plan).0).collect();
        let all = Run { alerts: runs.iter().flat_map(|run| run.alerts.clone()).collect(), ..Run::default() };
        prop_assert_eq!(all.alert_set(), whole.alert_set());
    }
}

/// 2026-11-22T17:00:00Z.
const FIVE: i64 = 1_795_366_800_000;
const MINUTE: i64 = 60_000;

fn at(ms: i64, number: usize) -> TestOrder {
    TestOrder::at(Timestamp(ms), &format!("o{number}"))
}

fn fold(orders: impl IntoIterator<Item = TestOrder>) -> Run {
    let events: Vec<_> = orders.into_iter().map(Event::Order).collect();
    run(&FraudKind::default(), &events, &[]).0
}

fn rules(run: &Run) -> Vec<(String, String)> {
    raised(run).into_iter().map(|alert| (alert.rule, alert.order)).collect()
}

fn pair(rule: &str, order: &str) -> (String, String) {
    (rule.to_owned(), order.to_owned())
}

#[test]
fn a_total_must_be_above_the_threshold() {
    let run = fold([49_999_999, 50_000_000, 50_000_001].map(|total| at(FIVE, 0).worth(total)));
    let expected = Raised {
        rule: "HIGH_VALUE".to_owned(),
        order: "o0".to_owned(),
        user: "user-0".to_owned(),
        value: 50_000_001,
        threshold: 50_000_000,
        generation: 0,
    };
    assert_eq!(raised(&run), [expected]);
}

#[test]
fn each_order_beyond_the_tenth_of_a_minute_raises_velocity() {
    let run = fold((0..12).map(|n| at(FIVE + 1, n)));
    let values: Vec<_> = raised(&run).into_iter().map(|a| (a.rule, a.order, a.value, a.threshold)).collect();
    let velocity = |order: &str, value| ("VELOCITY".to_owned(), order.to_owned(), value, 10);
    assert_eq!(values, [velocity("o10", 11), velocity("o11", 12)]);
}

#[test]
fn a_minute_ends_with_its_last_millisecond() {
    let before = (0..10).map(|n| at(FIVE - 1, n));
    let after = (10..20).map(|n| at(FIVE, n));
    let back_again = TestOrder { record_time: Timestamp(FIVE), ..at(FIVE - MINUTE, 20) };
    assert_eq!(rules(&fold(before.chain(after).chain([back_again]))), [pair("VELOCITY", "o20")]);
}

#[test]
fn users_do_not_share_a_count() {
    assert!(fold((0..100).map(|n| at(FIVE, n).from(&format!("user-{}", n % 10)))).alerts.is_empty());
}

#[test]
fn an_order_can_raise_both_the_high_value_first() {
    let run = fold((0..11).map(|n| at(FIVE, n).worth(if n == 10 { 60_000_000 } else { 1 })));
    assert_eq!(rules(&run), [pair("HIGH_VALUE", "o10"), pair("VELOCITY", "o10")]);
}

#[test]
fn a_late_order_is_judged_by_its_value_alone() {
    let newest = at(FIVE + 59_999, 0);
    let late = |ms, n| TestOrder { record_time: Timestamp(FIVE + 59_999), ..at(ms, n).worth(60_000_000) };
    let orders =
        (1..12).map(|n| late(FIVE - 15 * MINUTE, n)).chain((12..24).map(|n| late(FIVE - 15 * MINUTE - 1, n)));
    let run = fold([newest].into_iter().chain(orders));
    let velocity: Vec<_> = rules(&run).into_iter().filter(|(rule, _)| rule == "VELOCITY").collect();
    assert_eq!(velocity, [pair("VELOCITY", "o11")], "15 minutes back is kept, a millisecond more is late");
    assert_eq!(run.facts[Fact::LateOrder as usize], 12);
    assert_eq!(run.alerts.len(), 23 + 1);
}

#[test]
fn changed_settings_judge_by_all_orders_of_the_minute() {
    let strict = Settings {
        generation: 7,
        fraud: FraudSettings { high_value: 10, orders_per_minute: 2 },
        ..Settings::default()
    };
    let mut events: Vec<_> = (0..5).map(|n| Event::Order(at(FIVE, n).worth(5))).collect();
    events.insert(4, Event::Settings(strict));
    let (run, _) = run(&FraudKind::default(), &events, &[]);
    let alerts = raised(&run);
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].value, alerts[0].threshold, alerts[0].generation), (5, 2, 7));
}

#[test]
fn when_full_the_users_that_are_counted_are_judged_on() {
    let known = (0..11).map(|n| at(FIVE, n));
    let unknown = (11..22).map(|n| at(FIVE, n).from("late comer"));
    let more = (22..23).map(|n| at(FIVE, n));
    let next_quarter = (23..34).map(|n| at(FIVE + 16 * MINUTE, n).from("late comer"));
    let orders = known.chain(unknown).chain(more).chain(next_quarter);
    let events: Vec<_> = orders.map(Event::Order).collect();
    let (run, _) = run(&FraudKind::with_user_minutes(1), &events, &[]);
    assert_eq!(rules(&run), ["o10", "o22", "o33"].map(|order| pair("VELOCITY", order)));
    assert_eq!(run.facts[Fact::VelocityNotJudged as usize], 11);
}

/// 3,000 users take three chunks.
fn crowd() -> Vec<Event> {
    let user = |n: usize| Event::Order(at(FIVE, n).from(&format!("user-{n:06}")));
    (0..3_000).map(user).collect()
}

#[test]
fn a_crowded_minute_takes_several_records() {
    let (run, _) = run(&FraudKind::default(), &crowd(), &[]);
    let keys: Vec<_> = run.state.keys().map(String::as_str).collect();
    assert_eq!(keys, ["29922780/0", "29922780/1", "29922780/2"]);
    assert!(run.state.values().all(|value| value.len() <= 16 * 1024));
    assert_eq!(oracle::decode(&run.state).len(), 3_000);
}

#[test]
fn a_checkpoint_writes_only_the_chunks_that_changed() {
    let mut events = crowd();
    events.push(Event::Order(at(FIVE, 3_000).from("user-000001")));
    let mut plan = vec![Action::GoOn; 3_000];
    plan[2_999] = Action::Checkpoint;
    let (_, checkpoints) = run(&FraudKind::default(), &events, &plan);
    let records: Vec<_> = checkpoints.iter().map(Checkpoint::len).collect();
    assert_eq!(records, [3, 1]);
}

#[test]
fn a_crowd_survives_crashes_and_is_deleted_in_time() {
    let mut events = crowd();
    events.extend((0..20).map(|n| Event::Order(at(FIVE, 3_000 + n).from("user-002999"))));
    let mut plan = vec![Action::GoOn; 4_000];
    (plan[1_500], plan[1_700], plan[2_000]) =
        (Action::Checkpoint, Action::Commit, Action::Crash(Crash::Backwards));
    (plan[3_005], plan[3_010]) = (Action::Checkpoint, Action::Crash(Crash::Forwards));
    let (crashed, _) = run(&FraudKind::default(), &events, &plan);
    assert_eq!(crashed, run(&FraudKind::default(), &events, &[]).0);
    assert_eq!(crashed.alerts.len(), 11);

    events.push(Event::Order(at(FIVE + 16 * MINUTE, 9_999)));
    let (later, _) = run(&FraudKind::default(), &events, &plan);
    assert_eq!(later.state.keys().collect::<Vec<_>>(), ["29922796/0"]);
}

#[test]
fn records_that_fraud_does_not_write_are_refused() {
    let good = b"\x02\x03\x00\x00\x00u1".as_slice();
    let twice = [good, good].concat();
    let bad = [
        ("", good),
        ("29922780", good),
        ("29922780/", good),
        ("29922780/x", good),
        ("29922780/-1", good),
        ("29922780/00", good),
        ("+29922780/0", good),
        ("29922780/0/0", good),
        ("29922780/262144", good),
        ("29922780/0", b""),
        ("29922780/0", &good[..6]),
        ("29922780/0", &twice),
    ];
    for (key, value) in bad {
        let mut processor = FraudKind::default().start(&Settings::default());
        let error = processor.load(1, key, value).expect_err(key);
        assert_eq!(error.key, key);
    }
    let mut processor = FraudKind::default().start(&Settings::default());
    processor.load(1, "29922780/1", good).unwrap();
    assert!(processor.load(1, "29922780/1", good).is_err(), "a chunk that is there");
    assert!(processor.load(1, "29922780/0", good).is_err(), "a user in two chunks");
    processor.load(1, "29922781/0", good).unwrap();
}
