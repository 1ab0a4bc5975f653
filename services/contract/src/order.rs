//! The order: what it must hold, and the one parser that everything uses.
//!
//! An order is one JSON object (RFC 8259) in UTF-8:
//!
//! | field | JSON | valid |
//! |---|---|---|
//! | `orderId`, `userId`, `product`, `city` | string | 1 to 200 bytes of UTF-8 without control characters (Unicode Cc) |
//! | `quantity` | integer | 1 to 2^53 - 1 |
//! | `unitPrice` | integer, may be absent or null | 0 to 2^53 - 1 |
//! | `total` | integer | 0 to 2^53 - 1 |
//! | `timestamp` | string | RFC 3339 with offset, from 1970 to 9999 in UTC, at most 5 minutes after the record's own timestamp |
//! | `isSuspicious` | boolean, may be absent or null | absent means false |
//!
//! An integer is written in digits alone: `1.0`, `1e3` and `-0` are none. Key order, whitespace, escapes in
//! keys and values, and unknown fields of any type do not matter. What breaks these rules has a
//! [`Rejection`].

mod check;
mod cursor;
mod fields;
mod parser;
mod rejection;
mod write;

pub use check::{LARGEST_INTEGER, LONGEST_TEXT, MOST_AHEAD_MS};
pub use parser::{DEEPEST_NESTING, MOST_FIELDS, OrderParser};
pub use rejection::Rejection;

use crate::Timestamp;

/// A valid order, borrowed from the record it was parsed from.
///
/// Made by [`OrderParser::parse`] and [`Order::checked`] alone, so that whoever holds one need not check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order<'a> {
    /// Names the order; not checked for uniqueness (one record is one order).
    pub order_id: &'a str,
    /// Who ordered.
    pub user_id: &'a str,
    /// What was ordered.
    pub product: &'a str,
    /// How many, at least 1.
    pub quantity: u64,
    /// VND per piece, when the sender says so. Not checked against `total`.
    pub unit_price: Option<u64>,
    /// VND, 0 to 2^53 - 1.
    pub total: u64,
    /// Where it goes.
    pub city: &'a str,
    /// When it was placed, by the sender's clock.
    pub timestamp: Timestamp,
    /// The sender's own mark. Says nothing to our rules.
    pub is_suspicious: bool,
}

/// What an order is made of, before it is checked. Fields as in [`Order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderFields<'a> {
    /// Names the order.
    pub order_id: &'a str,
    /// Who ordered.
    pub user_id: &'a str,
    /// What was ordered.
    pub product: &'a str,
    /// How many.
    pub quantity: u64,
    /// VND per piece, if known.
    pub unit_price: Option<u64>,
    /// VND.
    pub total: u64,
    /// Where it goes.
    pub city: &'a str,
    /// When it was placed.
    pub timestamp: Timestamp,
    /// The sender's own mark.
    pub is_suspicious: bool,
}
