//! Trend: what sells unusually much or little now, by product and by city.
//!
//! # What is counted
//! Orders and VND in panes of one UTC minute of the orders' own time, per product and per city. A cell is
//! one pane's tally of one name. The state record of a cell has the key `<minute>/product/<name>` or
//! `<minute>/city/<name>`, the minute written `YYYY-MM-DDTHH:MM`, and as value one decimal integer,
//! `orders × 10^26 + VND`: the last 26 digits are the VND, what stands before them the orders. Such values
//! add up as two counters would, in half the records, as long as the orders of a window are fewer than
//! 10^10 (each is below 2^53 VND).
//!
//! # What is shown
//! "Now" is the newest minute of any partition that holds an order (`asOf`). A window of 5 minutes, and one
//! of 1 hour, ends with that minute, and is compared with the window of equal length just before. Names
//! with an order in either are ranked by score, those with an order in the window also by orders; names
//! that tie stand in byte order. The score is `(a - b) / sqrt(a + b)` for `a` orders in the window and `b`
//! before: the difference of two Poisson counts over its standard deviation. Growth is `a / b - 1`.
//!
//! # Limits
//! - A partition keeps panes that are at most [`MINUTES_KEPT`] older than the minute of its watermark:
//!   twice the longest window. Older ones are given up, and orders older than that are not counted. As the
//!   newest minute of all partitions is never before any watermark, no window reaches back to them.
//! - A partition counts [`contract::keys::NAMES_PER_PARTITION`] products and as many cities by name, and
//!   keeps [`CELLS_PER_PARTITION`] cells for each of the two. What would need another name or cell is counted
//!   under `(other)` in its minute, and as [`Fact::NameOverLimit`](contract::Fact::NameOverLimit). A name is
//!   forgotten with its last pane. A name that reads `(other)` shares that cell; `(other)` takes no place and
//!   is ranked as a name is.

mod key;
mod merged;
mod names;
mod panes;
mod processor;
mod ranking;
mod tally;
mod view;
mod window;

pub use panes::{CELLS_PER_PARTITION, MINUTES_KEPT};
pub use processor::{Trend, TrendKind};
pub use view::TrendView;
