//! The order: what it must hold, and the one parser that everything uses.

use crate::Timestamp;

/// A valid order, borrowed from the record it was parsed from.
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

/// Why a record is no order. Has a stable code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("placeholder")]
pub struct Rejection;

impl Rejection {
    /// The stable reason code: label of metrics, header of dead letters.
    pub fn code(self) -> &'static str {
        "placeholder"
    }
}

/// Parses orders; owns the buffers that unescaping needs, so that parsing allocates nothing.
#[derive(Debug, Default)]
pub struct OrderParser {}

impl OrderParser {
    /// Parses the value of one record of the orders topic. `record_time` is the record's Kafka timestamp.
    ///
    /// # Errors
    /// When the value is not a valid order.
    pub fn parse<'a>(&'a mut self, value: &'a [u8], record_time: Timestamp) -> Result<Order<'a>, Rejection> {
        let _ = (value, record_time);
        Err(Rejection)
    }
}
