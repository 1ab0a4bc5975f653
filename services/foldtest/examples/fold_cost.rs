//! What the folds cost: nanoseconds per order of each processor, of a checkpoint and of a restore;
//! and what the trend view costs with many names.
//!
//! `cargo run --release -p millrace-foldtest --example fold_cost`
//!
//! Orders of the catalogue shop (6 products, 5 cities) over 12 partitions, 100 a second of event time, folded
//! in batches of 20. Once with 2,000 users; once with 1,000,000 and 20,000 orders a second.
//! The cost of a fold is the median over rounds (one batch of each partition), so that a busy machine does
//! not show.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "all numbers here are small"
)]

use std::hint::black_box;
use std::time::Instant;

use contract::keys::CATALOGUE_CITIES;
use contract::{
    Order, Outputs, Processor, ProcessorKind, Publication, Settings, StateWriter, Timestamp, View,
};
use foldtest::TestOrder;
use fraud::FraudKind;
use revenue::RevenueKind;
use trend::{TrendKind, TrendView};

const PARTITIONS: usize = 12;
const ORDERS: usize = 2_000_000;
const BATCH: usize = 20;
const PRODUCTS: [(&str, u64); 6] = [
    ("Laptop", 25_000_000),
    ("Điện thoại", 15_000_000),
    ("Tai nghe", 2_000_000),
    ("Chuột gaming", 800_000),
    ("Bàn phím", 1_500_000),
    ("Màn hình", 8_000_000),
];

fn main() {
    for (users, per_second) in [(2_000, 100), (1_000_000, 20_000)] {
        let partitions = shop(users, per_second);
        println!("{users} users, {ORDERS} orders, {PARTITIONS} partitions; ns per order");
        for kind in
            [&RevenueKind::default() as &dyn ProcessorKind, &FraudKind::default(), &TrendKind::default()]
        {
            measure(kind, &partitions);
        }
    }
    measure_trend_view();
}

/// A publication of 10,000 products and 10,000 cities that all sell in each minute of half an hour, after
/// each has sold once more.
fn measure_trend_view() {
    let mut view = TrendView::default();
    let started = Instant::now();
    for minute in 0..30 {
        sell_all(&mut view, minute, 1);
    }
    println!("trend view: {:.0?} to read 600,000 cells", started.elapsed());
    for minute in 30..33 {
        let started = Instant::now();
        sell_all(&mut view, minute, 2);
        let (told, started) = (started.elapsed(), Instant::now());
        view.publish(&Settings::default(), Timestamp(0), &mut Publication::default());
        let published = started.elapsed();
        println!("  {told:.1?} to be told of 20,000 changes, {published:.1?} to publish");
    }
}

fn sell_all(view: &mut TrendView, minute: i64, orders: i128) {
    for name in 0..10_000 {
        for subject in ["product", "city"] {
            let key = format!("2026-11-22T17:{minute:02}/{subject}/name-{name}");
            view.changed(&key, Some(orders * (10_i128.pow(26) + 7)));
        }
    }
}

/// Orders by partition, in the order of their times.
fn shop(users: u64, per_second: i64) -> Vec<Vec<TestOrder>> {
    let mut partitions = vec![Vec::new(); PARTITIONS];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..ORDERS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = |shift: u32, below: u64| (random >> shift) % below;
        let (product, price) = PRODUCTS[draw(20, 6) as usize];
        let (user, quantity) = (draw(33, users), 1 + draw(27, 3));
        let time = Timestamp(1_795_366_800_000 + number as i64 * 1_000 / per_second);
        let order = TestOrder::at(time, &format!("order-{number}"))
            .from(&format!("user-{user}"))
            .of(product)
            .to(CATALOGUE_CITIES[draw(45, 5) as usize])
            .worth(price * quantity);
        partitions[user as usize % PARTITIONS].push(order);
    }
    partitions
}

fn measure(kind: &dyn ProcessorKind, partitions: &[Vec<TestOrder>]) {
    let settings = Settings::default();
    let start = || kind.start(&settings);
    let mut processors: Vec<_> = (0..PARTITIONS).map(|_| start()).collect();
    let (folding, alerts) = fold(&mut processors, partitions);

    let mut records = vec![Records::default(); PARTITIONS];
    let checkpointing = Instant::now();
    for (processor, records) in processors.iter_mut().zip(&mut records) {
        processor.checkpoint(records);
    }
    let checkpointing = checkpointing.elapsed();

    let loading = Instant::now();
    for records in &records {
        let mut processor = start();
        for (key, value) in &records.0 {
            processor.load(kind.format_version(), key, value).expect("what was written can be loaded");
        }
        black_box(&processor);
    }
    let loading = loading.elapsed();
    let bytes: usize = records.iter().flat_map(|r| &r.0).map(|(key, value)| key.len() + value.len()).sum();
    println!(
        "  {:8} fold {folding:5.1}  alerts {alerts}  checkpoint of all {checkpointing:.1?}: {} records, {} KiB  load {loading:.1?}",
        kind.name().as_str(),
        records.iter().map(|r| r.0.len()).sum::<usize>(),
        bytes / 1024,
    );
}

/// Nanoseconds per order in the median round, and how many alerts there were.
fn fold(processors: &mut [Box<dyn Processor>], partitions: &[Vec<TestOrder>]) -> (f64, usize) {
    let orders: Vec<Vec<_>> = partitions.iter().map(|p| p.iter().map(TestOrder::order).collect()).collect();
    let mut out = Outputs::default();
    let mut alerts = 0;
    let mut costs = Vec::new();
    let longest = orders.iter().map(Vec::len).max().unwrap_or(0);
    for begin in (0..longest).step_by(BATCH) {
        let (mut spent, mut folded) = (0.0, 0.0);
        for (processor, orders) in processors.iter_mut().zip(&orders) {
            let batch = &orders[begin.min(orders.len())..orders.len().min(begin + BATCH)];
            warm(batch);
            let started = Instant::now();
            for order in batch {
                processor.fold(order, order.timestamp, &mut out);
            }
            spent += started.elapsed().as_secs_f64() * 1e9;
            folded += batch.len() as f64;
        }
        costs.push(spent / folded);
        alerts += out.alerts().len();
        out.clear();
    }
    costs.sort_by(f64::total_cmp);
    (costs[costs.len() / 2], alerts)
}

/// Brings orders into the cache, where the parser leaves them.
fn warm(orders: &[Order<'_>]) {
    for order in orders {
        for text in [order.user_id, order.product, order.city, order.order_id] {
            black_box(text.bytes().fold(0, u8::wrapping_add));
        }
    }
}

#[derive(Clone, Default)]
struct Records(Vec<(String, Vec<u8>)>);

impl StateWriter for Records {
    fn put(&mut self, key: &str, value: &[u8]) {
        self.0.push((key.to_owned(), value.to_vec()));
    }

    fn delete(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }
}
