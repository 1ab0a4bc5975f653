//! Prints how long the parser takes per order. Run with
//! `cargo run --release -p millrace-contract --example parse_speed`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use contract::{Order, OrderFields, OrderParser, Timestamp};

const ROUNDS: usize = 400;
const ORDERS: u32 = 2_000;

fn main() {
    measure("as written by JSON.stringify", |json| json);
    measure("the same, text escaped", |json| escaped(&json));
    measure("the same, two unknown fields", |json| {
        json.replacen('{', "{\"eventType\":\"ORDER_PLACED\",\"schemaVersion\":2,", 1)
    });
}

fn measure(name: &str, change: impl Fn(String) -> String) {
    let orders: Vec<String> = (0..ORDERS).map(|i| change(order(i))).collect();
    let bytes: usize = orders.iter().map(String::len).sum();
    let mut parser = OrderParser::default();
    let (mut total, mut best) = (0, f64::INFINITY);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for order in &orders {
            total +=
                parser.parse(black_box(order.as_bytes()), Timestamp::LATEST).map_or(0, |order| order.total);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    black_box(total);
    let nanoseconds = best * 1e9 / f64::from(ORDERS);
    println!("{name}: {nanoseconds:.0} ns per order of {} bytes", bytes / orders.len());
}

fn order(i: u32) -> String {
    let quantity = u64::from(i % 3 + 1);
    let fields = OrderFields {
        order_id: &format!("order-{i:08}"),
        user_id: &format!("user-{}", i % 1_000),
        product: ["Laptop", "Điện thoại", "Tai nghe", "Bàn phím"][i as usize % 4],
        quantity,
        unit_price: Some(15_000_000),
        total: quantity * 15_000_000,
        city: ["HCM", "Hà Nội", "Đà Nẵng", "Hải Phòng"][i as usize % 4],
        timestamp: Timestamp(1_795_366_800_000 + i64::from(i)),
        is_suspicious: i.is_multiple_of(20),
    };
    let mut json = Vec::new();
    if let Ok(order) = Order::checked(fields, Timestamp::LATEST) {
        order.write_json(&mut json);
    }
    String::from_utf8_lossy(&json).into_owned()
}

/// Writes every character outside ASCII as `\u`.
fn escaped(json: &str) -> String {
    let mut out = String::new();
    for unit in json.encode_utf16() {
        match u8::try_from(unit) {
            Ok(ascii @ 0..0x80) => out.push(char::from(ascii)),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}
