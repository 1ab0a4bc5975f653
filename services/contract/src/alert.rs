//! The alert: a record of the `alerts` topic.

use crate::Timestamp;

/// A rule that can raise an alert. The name in JSON (`type` and, lower case with dashes, `rule`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// One order's total is above the threshold.
    HighValue,
    /// A user placed more orders in one UTC minute than the threshold.
    Velocity,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Look at it today.
    High,
    /// Look at it now.
    Critical,
}

/// One alert. Everything in it derives from the order, the state and the settings, so that raising it
/// again gives the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert<'a> {
    /// The rule that raised it.
    pub rule: Rule,
    /// The order that raised it.
    pub order_id: &'a str,
    /// The order's user; also the record's key.
    pub user_id: &'a str,
    /// The order's own time.
    pub timestamp: Timestamp,
    /// What was measured: the total in VND, or the orders in the minute.
    pub value: u64,
    /// What it was compared with, in the same unit.
    pub threshold: u64,
    /// The generation of the settings that the threshold comes from.
    pub settings_generation: u64,
}
