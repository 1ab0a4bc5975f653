//! Revenue: what was ordered, in all, per UTC hour, per city and per product.
//!
//! # What is counted
//! Every valid order once. The keys of the state records are the Redis names of [`contract::keys`], the
//! values absolute decimal integers, so that a state topic is legible and merging partitions is a sum:
//!
//! | key | value |
//! |---|---|
//! | `revenue:total`, `orders:total` | VND, orders |
//! | `revenue:hourly:H`, `orders:hourly:H` | the same for the UTC hour `H` (`YYYY-MM-DDTHH`) of the order's own time |
//! | `revenue:city:C` | VND |
//! | `orders:product:P` | orders |
//!
//! # Limits
//! - A partition counts [`contract::keys::NAMES_PER_PARTITION`] products and as many cities by name, in the
//!   order in which they first appear. Orders of any further name are counted under `(other)` and as
//!   [`Fact::NameOverLimit`](contract::Fact::NameOverLimit). A name that reads `(other)` shares that counter
//!   and takes no place.
//! - A partition keeps hours that are at most [`HOURS_IN_STATE`] older than the hour of its watermark. Older
//!   hours are given up, and orders older than that are counted in everything but hours.
//! - The view shows hours that are at most [`contract::keys::HOURS_KEPT`] older than the newest hour of all
//!   partitions. A partition keeps them two days longer, so that what it gives up has been hidden before.
//! - Sums are 128-bit: with totals below 2^53 they hold 2^74 orders.

mod counters;
mod hours;
mod names;
mod processor;
mod view;

pub use hours::HOURS_IN_STATE;
pub use processor::{Revenue, RevenueKind};
pub use view::RevenueView;
