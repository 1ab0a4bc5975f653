//! The update: a record of the `metrics` topic, a snapshot of global totals.

use serde::{Deserialize, Serialize};

/// A snapshot, tagged by `type` in JSON. `sequence` grows with every update of the pipeline, so that a
/// reader can drop one older than what it has; `timestamp` is when it was made (RFC 3339, UTC).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Update {
    /// Totals over all orders.
    #[serde(rename = "revenue_update")]
    Revenue {
        /// VND.
        total_revenue: i128,
        /// Orders.
        total_orders: i128,
        /// VND in the UTC hour of the newest order.
        hourly_revenue: i128,
        /// When this snapshot was made.
        timestamp: String,
        /// Grows with every update.
        sequence: u64,
    },
    /// What sells unusually much or little now.
    #[serde(rename = "trend_update")]
    Trend {
        /// The newest minute of event time seen (RFC 3339, UTC): the "now" of all windows.
        as_of: String,
        /// One entry per window, shortest first.
        windows: Vec<TrendWindow>,
        /// When this snapshot was made.
        timestamp: String,
        /// Grows with every update.
        sequence: u64,
    },
}

/// The rankings of one sliding window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrendWindow {
    /// `5m` or `1h`.
    pub window: String,
    /// Products with the highest score, highest first.
    pub products_by_score: Vec<TrendEntry>,
    /// Products with the most orders, most first.
    pub products_by_orders: Vec<TrendEntry>,
    /// Cities with the highest score, highest first.
    pub cities_by_score: Vec<TrendEntry>,
    /// Cities with the most orders, most first.
    pub cities_by_orders: Vec<TrendEntry>,
}

/// One product or city in one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrendEntry {
    /// The product's or city's name.
    pub name: String,
    /// Orders in the window.
    pub orders: i128,
    /// VND in the window.
    pub revenue: i128,
    /// Orders in the window before.
    pub previous_orders: i128,
    /// VND in the window before.
    pub previous_revenue: i128,
    /// `orders / previous_orders - 1`; absent when there were none before.
    pub growth: Option<f64>,
    /// How surprising the change is: `(orders - previous) / sqrt(orders + previous)`, the difference of two
    /// Poisson counts over its standard deviation; 0 when both are 0.
    pub score: f64,
}
