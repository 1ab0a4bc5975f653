//! The shop itself: draws orders. Pure; it knows neither Kafka nor the clock.

use std::fmt::Write as _;

use contract::keys::CATALOGUE_CITIES;
use contract::order::OrderFields;
use contract::{Order, Rejection, Timestamp};
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

use crate::dice::below;

/// Something the shop sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// As it stands in orders.
    pub name: &'static str,
    /// VND per piece.
    pub price: u32,
}

/// All products, each as likely as the others.
pub const CATALOGUE: [Product; 6] = [
    Product { name: "Laptop", price: 25_000_000 },
    Product { name: "Điện thoại", price: 15_000_000 },
    Product { name: "Tai nghe", price: 2_000_000 },
    Product { name: "Chuột gaming", price: 800_000 },
    Product { name: "Bàn phím", price: 1_500_000 },
    Product { name: "Màn hình", price: 8_000_000 },
];

/// Pieces per order: 1 to this many, each as likely.
pub const MAX_QUANTITY: u32 = 3;
/// VND: the smallest total of a suspicious order.
pub const SUSPICIOUS_TOTAL: u32 = 100_000_000;
/// How many totals a suspicious order can have, from [`SUSPICIOUS_TOTAL`] on.
pub const SUSPICIOUS_SPREAD: u32 = 50_000_000;

/// Draws one order after the other.
///
/// The seed alone decides what is drawn: the n-th order of a seed is the same in every process, on every
/// machine and in every version of this crate (the generator is `ChaCha8` and the mapping to ranges is our
/// own, so no library's notion of "the standard generator" comes in). Only the timestamp is the caller's.
///
/// Order ids are `order-<seed in hexadecimal>-<n>`, n from 0: unique over runs as long as their seeds are.
#[derive(Debug)]
pub struct Shop {
    dice: ChaCha8Rng,
    users: u32,
    suspicious_percent: u8,
    placed: u64,
    order_id: String,
    order_id_stem: usize,
    user_id: String,
}

const USER_STEM: &str = "user-";

impl Shop {
    /// A shop with `users` customers (at least 1; `user-0` and up), where `suspicious_percent` of 100 orders
    /// are suspicious.
    pub fn new(seed: u64, users: u32, suspicious_percent: u8) -> Self {
        let order_id = format!("order-{seed:x}-");
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            dice: ChaCha8Rng::from_seed(key),
            users: users.max(1),
            suspicious_percent,
            placed: 0,
            order_id_stem: order_id.len(),
            order_id,
            user_id: USER_STEM.to_owned(),
        }
    }

    /// Draws the next order, placed at `at`. Allocates nothing once the first orders are drawn.
    ///
    /// # Errors
    /// When `at` is no time an order may have.
    pub fn next_order(&mut self, at: Timestamp) -> Result<Order<'_>, Rejection> {
        let draw = self.draw();
        self.order_id.truncate(self.order_id_stem);
        self.user_id.truncate(USER_STEM.len());
        // Writing into a String cannot fail.
        let _ = write!(self.order_id, "{}", self.placed);
        let _ = write!(self.user_id, "{}", draw.user);
        self.placed += 1;
        let fields = OrderFields {
            order_id: &self.order_id,
            user_id: &self.user_id,
            product: draw.product.name,
            quantity: draw.quantity.into(),
            unit_price: Some(draw.product.price.into()),
            total: draw.total.into(),
            city: draw.city,
            timestamp: at,
            is_suspicious: draw.suspicious,
        };
        Order::checked(fields, at)
    }

    /// From the next order on, this many of 100 are suspicious.
    pub fn set_suspicious_percent(&mut self, percent: u8) {
        self.suspicious_percent = percent;
    }

    /// How many orders were drawn.
    pub fn placed(&self) -> u64 {
        self.placed
    }

    /// Takes the same six numbers from the generator for every order, so that asking for more or fewer
    /// suspicious orders leaves users, products, quantities and cities as they are.
    fn draw(&mut self) -> Draw {
        let user = below(&mut self.dice, self.users);
        let product = *pick(&mut self.dice, &CATALOGUE);
        let quantity = 1 + below(&mut self.dice, MAX_QUANTITY);
        let city = *pick(&mut self.dice, &CATALOGUE_CITIES);
        let suspicious = below(&mut self.dice, 100) < u32::from(self.suspicious_percent);
        let high_total = SUSPICIOUS_TOTAL + below(&mut self.dice, SUSPICIOUS_SPREAD);
        let total = if suspicious { high_total } else { product.price * quantity };
        Draw { user, product, quantity, city, suspicious, total }
    }
}

struct Draw {
    user: u32,
    product: Product,
    quantity: u32,
    city: &'static str,
    suspicious: bool,
    total: u32,
}

fn pick<'a, T, const N: usize>(dice: &mut ChaCha8Rng, from: &'a [T; N]) -> &'a T {
    const { assert!(N > 0 && N <= 256) };
    #[expect(clippy::cast_possible_truncation, reason = "N is at most 256, asserted above")]
    let count = N as u32;
    &from[below(dice, count) as usize]
}

#[cfg(test)]
mod tests;
