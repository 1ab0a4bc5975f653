//! Random streams of orders.

use std::ops::Range;

use contract::settings::FraudSettings;
use contract::{Settings, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::TestOrder;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How far an order may be ahead of its record.
const AHEAD: i64 = 5 * MINUTE;
/// 2026-11-22T16:58:00Z: two minutes before an hour.
const START: i64 = 1_795_366_680_000;

/// How many names of each sort a stream draws from.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// Users.
    pub users: usize,
    /// Products; number 0 is called `(other)`.
    pub products: usize,
    /// Cities; number 0 is called `(other)`.
    pub cities: usize,
}

/// How the times of a stream behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// No order is late: each is at most ten minutes older than its record, and records come in order.
    Calm,
    /// Jumps of minutes to months, orders late by anything up to decades, records out of order.
    Wild,
}

/// What happens to a processor.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An order comes in.
    Order(TestOrder),
    /// New settings apply from the next order on.
    Settings(Settings),
}

#[derive(Clone, Debug)]
struct Draw {
    user: Index,
    product: Index,
    city: Index,
    total: u64,
    /// From the record before to this one, in ms.
    gap: i64,
    /// From the record's time to the order's, in ms.
    lead: i64,
    align: Align,
}

#[derive(Clone, Copy, Debug)]
enum Align {
    No,
    /// The first millisecond of the minute.
    First,
    /// The last millisecond of the minute before.
    Last,
}

/// Streams of `length` orders, with distinct order ids.
pub fn orders(shop: Shop, times: Times, length: Range<usize>) -> impl Strategy<Value = Vec<TestOrder>> {
    vec(draw(times), length).prop_map(move |draws| {
        let mut record_time = START;
        let numbered = draws.into_iter().enumerate();
        numbered
            .map(|(number, draw)| {
                record_time = (record_time + draw.gap).max(0);
                draw.order(shop, number, record_time)
            })
            .collect()
    })
}

/// Streams of `length` orders in which settings change up to three times.
pub fn script(shop: Shop, times: Times, length: Range<usize>) -> impl Strategy<Value = Vec<Event>> {
    let changes = vec((any::<Index>(), settings()), 0..4);
    (orders(shop, times, length), changes).prop_map(|(orders, changes)| {
        let mut events: Vec<_> = orders.into_iter().map(Event::Order).collect();
        for (generation, (at, settings)) in (1..).zip(changes) {
            let at = at.index(events.len() + 1);
            events.insert(at, Event::Settings(Settings { generation, ..settings }));
        }
        events
    })
}

/// The orders of a script.
pub fn orders_of(events: &[Event]) -> Vec<&TestOrder> {
    let mut orders = Vec::new();
    for event in events {
        if let Event::Order(order) = event {
            orders.push(order);
        }
    }
    orders
}

/// Spreads a script over partitions as a producer does: by user. Settings reach every partition.
pub fn split(events: &[Event], partitions: usize) -> Vec<Vec<Event>> {
    let number = |user: &str| user.bytes().fold(7_usize, |sum, byte| sum * 31 % 1_009 + usize::from(byte));
    let goes_to = |event: &Event, partition: usize| match event {
        Event::Order(order) => number(&order.user) % partitions == partition,
        Event::Settings(_) => true,
    };
    (0..partitions).map(|p| events.iter().filter(|event| goes_to(event, p)).cloned().collect()).collect()
}

/// The partition's watermark at each order of a stream, that order included.
pub fn watermarks(orders: &[&TestOrder]) -> Vec<Timestamp> {
    let times = orders.iter().map(|order| order.time.min(order.record_time));
    times
        .scan(Timestamp(i64::MIN), |watermark, time| {
            *watermark = time.max(*watermark);
            Some(*watermark)
        })
        .collect()
}

impl Draw {
    fn order(&self, shop: Shop, number: usize, record_time: i64) -> TestOrder {
        let lead = record_time + self.lead;
        let time = match self.align {
            Align::No => lead,
            Align::First => lead - lead.rem_euclid(MINUTE),
            Align::Last => lead - lead.rem_euclid(MINUTE) - 1,
        };
        TestOrder {
            id: format!("order-{number}"),
            user: format!("user-{}", self.user.index(shop.users)),
            product: name("product", self.product.index(shop.products)),
            city: name("Thành phố", self.city.index(shop.cities)),
            total: self.total,
            time: Timestamp(time.clamp(0, record_time + AHEAD)),
            record_time: Timestamp(record_time),
        }
    }
}

fn name(sort: &str, number: usize) -> String {
    if number == 0 { "(other)".to_owned() } else { format!("{sort}/{number}") }
}

fn draw(times: Times) -> impl Strategy<Value = Draw> {
    let align = prop_oneof![4 => Just(Align::No), 1 => Just(Align::First), 1 => Just(Align::Last)];
    let names = (any::<Index>(), any::<Index>(), any::<Index>());
    let (gap, lead) = match times {
        // Aligning an order makes it up to a minute older.
        Times::Calm => ((0..20 * SECOND).boxed(), (-9 * MINUTE..=0).boxed()),
        Times::Wild => (wild_gap().boxed(), wild_lead().boxed()),
    };
    (names, total(), gap, lead, align).prop_map(|((user, product, city), total, gap, lead, align)| Draw {
        user,
        product,
        city,
        total,
        gap,
        lead,
        align,
    })
}

fn wild_gap() -> impl Strategy<Value = i64> {
    prop_oneof![
        60 => 0..2 * SECOND,
        20 => 0..90 * SECOND,
        4 => Just(MINUTE),
        5 => -HOUR..0,
        4 => 10 * MINUTE..40 * MINUTE,
        3 => HOUR..4 * HOUR,
        1 => DAY..100 * DAY,
    ]
}

fn wild_lead() -> impl Strategy<Value = i64> {
    prop_oneof![
        50 => Just(0),
        15 => -30 * SECOND..0,
        8 => 0..=AHEAD,
        8 => -20 * MINUTE..0,
        3 => Just(-15 * MINUTE),
        5 => -3 * HOUR..0,
        4 => -95 * DAY..0,
        2 => -20_000 * DAY..0,
    ]
}

fn total() -> impl Strategy<Value = u64> {
    prop_oneof![
        1 => Just(0),
        4 => 1_u64..100_000_000,
        3 => 49_999_999_u64..=50_000_001,
        2 => Just((1 << 53) - 1),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let fraud = (prop_oneof![Just(0), Just(50_000_000), 0_u64..100_000_000], 1_u32..12);
    (fraud, 1_usize..6).prop_map(|((high_value, orders_per_minute), trend_top_k)| Settings {
        fraud: FraudSettings { high_value, orders_per_minute },
        trend_top_k,
        ..Settings::default()
    })
}
