//! A seeded source of orders, written the way different clients would write them.
//!
//! It knows nothing of the project's own simulator, so that the two can be tested against each other.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const PRODUCTS: [(&str, u64); 6] = [
    ("Laptop", 25_000_000),
    ("Điện thoại", 15_000_000),
    ("Tai nghe", 2_000_000),
    ("Chuột gaming", 800_000),
    ("Bàn phím", 1_500_000),
    ("Màn hình", 8_000_000),
];
const CITIES: [&str; 5] = ["HCM", "Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng"];
/// Orders arrive up to this late, in ms: far less than what the velocity windows reach back.
const DISORDER_MS: i64 = 3_000;
/// Orders of the previous hour, in ms, so that more than one hourly counter is fed.
const FORMER_HOUR_MS: i64 = 10 * 60_000;

/// Makes orders.
pub struct Shop {
    rng: StdRng,
    users: u32,
    prefix: String,
    next: u64,
}

/// One record for the orders topic.
#[derive(Debug)]
pub struct NewOrder {
    /// The record's key.
    pub user: String,
    /// The record's value.
    pub json: String,
}

impl Shop {
    /// A shop with `users` customers. The same seed gives the same orders but for their times; order
    /// ids begin with `prefix`.
    pub fn new(seed: u64, users: u32, prefix: &str) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), users, prefix: prefix.to_owned(), next: 0 }
    }

    /// The next order, placed within the three seconds before `now_ms`; one in fifty ten minutes earlier.
    pub fn order(&mut self, now_ms: i64) -> NewOrder {
        let user = self.user();
        let (product, price) = PRODUCTS[self.rng.random_range(0..PRODUCTS.len())];
        let city = CITIES[self.rng.random_range(0..CITIES.len())];
        let quantity = self.rng.random_range(1..=3_u64);
        let suspicious = self.rng.random_bool(0.05);
        let total =
            if suspicious { self.rng.random_range(100_000_000..150_000_000) } else { price * quantity };
        let former = if self.rng.random_bool(0.02) { FORMER_HOUR_MS } else { 0 };
        let time = iso(now_ms - former - self.rng.random_range(0..DISORDER_MS));
        let id = format!("{}-{}", self.prefix, self.next);
        self.next += 1;
        let json = match self.rng.random_range(0..10) {
            0 => format!(
                r#"{{ "total" : {total} , "city":"{}","quantity":{quantity},"timestamp":"{time}",
                 "product":"{}","userId":"{user}","orderId":"{id}", "note":{{"a":[1,"}}",null]}} }}"#,
                escaped(city),
                escaped(product)
            ),
            1 => format!(
                r#"{{"orderId":"{id}","userId":"{user}","product":"{product}","quantity":{quantity},"total":{total},"city":"{city}","timestamp":"{time}"}}"#
            ),
            _ => format!(
                r#"{{"orderId":"{id}","userId":"{user}","product":"{product}","quantity":{quantity},"unitPrice":{price},"total":{total},"city":"{city}","timestamp":"{time}","isSuspicious":{suspicious}}}"#
            ),
        };
        NewOrder { user, json }
    }

    /// A customer.
    pub fn user(&mut self) -> String {
        format!("user-{}", self.rng.random_range(0..self.users))
    }

    /// Whether something that happens once in `n` times happens now.
    pub fn once_in(&mut self, n: u32) -> bool {
        self.rng.random_ratio(1, n)
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.rng.random_range(0..choices.len())]
    }
}

/// An instant as JavaScript's `toISOString` writes it.
pub fn iso(ms: i64) -> String {
    let instant = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{instant:.3}")
}

/// Now, in ms since the Unix epoch.
pub fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// JSON text in which every character beyond ASCII is a `\u` escape.
fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_is_json_with_the_needed_fields() {
        let mut shop = Shop::new(1, 10, "t");
        for _ in 0..1000 {
            let order: serde_json::Value = serde_json::from_str(&shop.order(1_700_000_000_000).json).unwrap();
            for field in ["orderId", "userId", "product", "quantity", "total", "city", "timestamp"] {
                assert!(!order[field].is_null(), "{field} in {order}");
            }
        }
    }

    #[test]
    fn escapes_and_times_are_as_javascript_writes_them() {
        assert_eq!(escaped("Hà Nội"), "H\\u00e0 N\\u1ed9i");
        assert_eq!(iso(1_795_366_800_000), "2026-11-22T17:00:00.000Z");
        assert_eq!(iso(1_795_366_800_007), "2026-11-22T17:00:00.007Z");
    }
}
