//! Trends, counted plainly.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use contract::Update;
use contract::update::{TrendEntry, TrendWindow};
use foldtest::{Screen, TestOrder, watermarks};

/// Minute, subject and name; orders and VND.
pub type Cells = BTreeMap<(i64, &'static str, String), (i128, i128)>;

#[derive(Default)]
pub struct State {
    pub cells: Cells,
    pub over_limit: u64,
}

/// What one partition holds after `orders`.
pub fn state(orders: &[&TestOrder], names: usize, cells: usize) -> State {
    let mut state = State::default();
    for (order, watermark) in orders.iter().zip(watermarks(orders)) {
        let oldest = watermark.0.div_euclid(60_000) - 120;
        state.cells.retain(|(minute, ..), _| *minute >= oldest);
        let minute = order.time.0.div_euclid(60_000);
        if minute >= oldest {
            for (subject, name) in subjects(order) {
                state.add(minute, subject, name, order.total, (names, cells));
            }
        }
    }
    state
}

fn subjects(order: &TestOrder) -> [(&'static str, &str); 2] {
    [("product", &order.product), ("city", &order.city)]
}

impl State {
    fn add(&mut self, minute: i64, subject: &'static str, name: &str, total: u64, limits: (usize, usize)) {
        let limited: Vec<_> = self.cells.keys().filter(|(_, s, n)| *s == subject && n != "(other)").collect();
        let names: BTreeSet<&str> = limited.iter().map(|(.., name)| name.as_str()).collect();
        let cell_there = self.cells.contains_key(&(minute, subject, name.to_owned()));
        let room = limited.len() < limits.1 && (names.contains(name) || names.len() < limits.0);
        let own = cell_there || room || name == "(other)";
        self.over_limit += u64::from(!own);
        let name = if own { name } else { "(other)" };
        let cell = self.cells.entry((minute, subject, name.to_owned())).or_default();
        cell.0 += 1;
        cell.1 += i128::from(total);
    }
}

/// Reads state records by what the crate's documentation says of them.
pub fn decode(state: &BTreeMap<String, Vec<u8>>) -> Cells {
    state
        .iter()
        .map(|(key, value)| {
            let (minute, rest) = key.split_once('/').unwrap();
            let (subject, name) = rest.split_once('/').unwrap();
            let instant = contract::Timestamp::parse_rfc3339(format!("{minute}:00Z").as_bytes()).unwrap();
            let subject = ["product", "city"].into_iter().find(|s| *s == subject).unwrap();
            let value = std::str::from_utf8(value).unwrap();
            let (orders, revenue) = value.split_at(value.len() - 26);
            let tally = (orders.parse().unwrap(), revenue.parse().unwrap());
            ((instant.0.div_euclid(60_000), subject, name.to_owned()), tally)
        })
        .collect()
}

/// What all partitions show together.
pub fn shown(orders: &[&TestOrder], most: usize) -> Screen {
    let Some(newest) = orders.iter().map(|order| order.time.0.div_euclid(60_000)).max() else {
        return Screen::default();
    };
    let windows =
        [("5m", 5), ("1h", 60)].map(|(label, minutes)| window(orders, newest, (label, minutes), most));
    let as_of = contract::Timestamp(newest * 60_000).to_string();
    let mut keys: BTreeMap<_, _> = windows
        .iter()
        .map(|w| (format!("trend:window:{}", w.window), serde_json::to_string(w).unwrap()))
        .collect();
    keys.insert("trend:as-of".to_owned(), as_of.clone());
    let timestamp = "2027-01-15T08:00:00.000Z".to_owned();
    let update = Update::Trend { as_of, windows: windows.into(), timestamp, sequence: 0 };
    Screen { keys, update: Some(update) }
}

fn window(orders: &[&TestOrder], newest: i64, (label, minutes): (&str, i64), most: usize) -> TrendWindow {
    let ranked =
        |subject: &str, compare: fn(&TrendEntry, &TrendEntry) -> Ordering, seen: fn(&TrendEntry) -> bool| {
            let mut entries: Vec<_> =
                entries(orders, newest, minutes, subject).into_iter().filter(seen).collect();
            entries.sort_by(|a, b| compare(a, b).then(a.name.cmp(&b.name)));
            entries.truncate(most);
            entries
        };
    let by_score = |a: &TrendEntry, b: &TrendEntry| b.score.partial_cmp(&a.score).unwrap();
    let by_orders = |a: &TrendEntry, b: &TrendEntry| b.orders.cmp(&a.orders);
    TrendWindow {
        window: label.to_owned(),
        products_by_score: ranked("product", by_score, |_| true),
        products_by_orders: ranked("product", by_orders, |entry| entry.orders > 0),
        cities_by_score: ranked("city", by_score, |_| true),
        cities_by_orders: ranked("city", by_orders, |entry| entry.orders > 0),
    }
}

fn entries(orders: &[&TestOrder], newest: i64, minutes: i64, subject: &str) -> Vec<TrendEntry> {
    let mut sums: BTreeMap<&str, [(i128, i128); 2]> = BTreeMap::new();
    for order in orders {
        let age = newest - order.time.0.div_euclid(60_000);
        let name = subjects(order).into_iter().find(|(s, _)| *s == subject).unwrap().1;
        if age < 2 * minutes {
            let sum = &mut sums.entry(name).or_default()[usize::from(age >= minutes)];
            sum.0 += 1;
            sum.1 += i128::from(order.total);
        }
    }
    sums.into_iter().map(|(name, [now, before])| entry(name, now, before)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a test has few orders")]
fn entry(name: &str, now: (i128, i128), before: (i128, i128)) -> TrendEntry {
    let (a, b) = (now.0 as f64, before.0 as f64);
    TrendEntry {
        name: name.to_owned(),
        orders: now.0,
        revenue: now.1,
        previous_orders: before.0,
        previous_revenue: before.1,
        growth: (before.0 > 0).then(|| a / b - 1.0),
        score: (a - b) / (a + b).sqrt(),
    }
}
