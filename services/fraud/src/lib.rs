//! Fraud: alerts on single orders and on users who order too often.
//!
//! # Rules
//! - `HIGH_VALUE`: an order whose total is above `fraud.highValue`.
//! - `VELOCITY`: each order of a user beyond `fraud.ordersPerMinute` in one UTC minute of the orders' own
//!   time. The alert's value is the user's orders in that minute so far, this one included.
//!
//! An order can raise both, `HIGH_VALUE` first. Orders are counted whatever the thresholds are, so that
//! changed settings judge the next order by all orders of its minute.
//!
//! # Limits
//! - The minutes that are at most [`MINUTES_KEPT`] older than that of the partition's watermark are kept. An
//!   order of an older minute is late: it is judged for its value, which needs no state, but not for
//!   velocity, and counted as [`Fact::LateOrder`](contract::Fact::LateOrder).
//! - A partition keeps at most [`USER_MINUTES_PER_PARTITION`] counts. While it is full, orders that would
//!   need a new count are not judged for velocity and counted as
//!   [`Fact::VelocityNotJudged`](contract::Fact::VelocityNotJudged); counts that exist go on.
//! - Users are told apart by their whole id, never by a hash alone.
//!
//! # State records
//! The users of a minute are packed, in the order of their first orders, into chunks of at most 16 KiB. A
//! minute of a few hundred users is one record, one of 100,000 about a hundred, and a checkpoint writes the
//! chunks in which a count changed. No hash is persisted. The key is `<minute>/<chunk>`: the minute since
//! the Unix epoch and the number of the chunk from 0, in decimal. The value is a sequence of entries: the
//! length of the user id in bytes (1 byte), the count (4 bytes, little endian), the user id (UTF-8).

mod chunk;
mod processor;
mod window;
mod windows;

pub use processor::{Fraud, FraudKind};
pub use windows::{MINUTES_KEPT, USER_MINUTES_PER_PARTITION};
