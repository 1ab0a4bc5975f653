//! The update: a record of the `metrics` topic, a snapshot of global totals.

use serde::{Deserialize, Serialize};

/// A snapshot, tagged by `type` in JSON. `sequence` grows with every update of the pipeline, so that a
/// reader can drop one older than what it has; `timestamp` is when it was made (RFC 3339, UTC).
///
/// Numbers are written in full; they can be larger than what a JavaScript number holds exactly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", try_from = "AnyUpdate")]
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

/// The fields of all types of updates together. serde reads internally tagged enums through a buffer that
/// does not know `i128`, so the type is looked at after reading.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnyUpdate {
    #[serde(rename = "type")]
    kind: Kind,
    total_revenue: Option<i128>,
    total_orders: Option<i128>,
    hourly_revenue: Option<i128>,
    as_of: Option<String>,
    windows: Option<Vec<TrendWindow>>,
    timestamp: String,
    sequence: u64,
}

#[derive(Deserialize)]
enum Kind {
    #[serde(rename = "revenue_update")]
    Revenue,
    #[serde(rename = "trend_update")]
    Trend,
}

/// An update without a field that its type has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("missing field `{0}`")]
struct MissingField(&'static str);

impl TryFrom<AnyUpdate> for Update {
    type Error = MissingField;

    fn try_from(any: AnyUpdate) -> Result<Self, Self::Error> {
        let AnyUpdate {
            kind,
            total_revenue,
            total_orders,
            hourly_revenue,
            as_of,
            windows,
            timestamp,
            sequence,
        } = any;
        Ok(match kind {
            Kind::Revenue => Self::Revenue {
                total_revenue: total_revenue.ok_or(MissingField("totalRevenue"))?,
                total_orders: total_orders.ok_or(MissingField("totalOrders"))?,
                hourly_revenue: hourly_revenue.ok_or(MissingField("hourlyRevenue"))?,
                timestamp,
                sequence,
            },
            Kind::Trend => Self::Trend {
                as_of: as_of.ok_or(MissingField("asOf"))?,
                windows: windows.ok_or(MissingField("windows"))?,
                timestamp,
                sequence,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TrendEntry, TrendWindow, Update};

    fn trend() -> Update {
        let entry = TrendEntry {
            name: "Tai nghe".to_owned(),
            orders: 30,
            revenue: 60_000_000,
            previous_orders: 10,
            previous_revenue: 20_000_000,
            growth: Some(2.0),
            score: 3.162_277_660_168_379_5,
        };
        let new = TrendEntry { previous_orders: 0, previous_revenue: 0, growth: None, ..entry.clone() };
        let window = TrendWindow {
            window: "5m".to_owned(),
            products_by_score: vec![entry.clone()],
            products_by_orders: vec![entry],
            cities_by_score: vec![new],
            cities_by_orders: vec![],
        };
        Update::Trend {
            as_of: "2026-11-22T17:00:00.000Z".to_owned(),
            windows: vec![window],
            timestamp: "2026-11-22T17:00:07.100Z".to_owned(),
            sequence: 4,
        }
    }

    #[test]
    fn revenue_update_is_written_to_the_byte() {
        let update = Update::Revenue {
            total_revenue: 123_456_789,
            total_orders: 42,
            hourly_revenue: 7,
            timestamp: "2026-11-22T17:00:00.000Z".to_owned(),
            sequence: 3,
        };
        assert_eq!(
            serde_json::to_string(&update).unwrap(),
            "{\"type\":\"revenue_update\",\"totalRevenue\":123456789,\"totalOrders\":42,\"hourlyRevenue\":7,\
             \"timestamp\":\"2026-11-22T17:00:00.000Z\",\"sequence\":3}"
        );
    }

    #[test]
    fn trend_update_is_written_to_the_byte() {
        let text = serde_json::to_string(&trend()).unwrap();
        assert!(
            text.starts_with(
                "{\"type\":\"trend_update\",\"asOf\":\"2026-11-22T17:00:00.000Z\",\"windows\":[{\"window\":\"5m\",\
                 \"productsByScore\":[{\"name\":\"Tai nghe\",\"orders\":30,\"revenue\":60000000,\
                 \"previousOrders\":10,\"previousRevenue\":20000000,\"growth\":2.0,\"score\":3.1622776601683795}],"
            ),
            "{text}"
        );
        assert!(text.ends_with("\"timestamp\":\"2026-11-22T17:00:07.100Z\",\"sequence\":4}"), "{text}");
    }

    #[test]
    fn trend_update_reads_back() {
        let text = serde_json::to_string(&trend()).unwrap();
        assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), trend());
    }

    #[test]
    fn a_missing_field_and_an_unknown_type_are_named() {
        for (json, part) in [
            (
                r#"{"type":"revenue_update","totalRevenue":1,"totalOrders":1,"timestamp":"","sequence":1}"#,
                "hourlyRevenue",
            ),
            (r#"{"type":"trend_update","windows":[],"timestamp":"","sequence":1}"#, "asOf"),
            (r#"{"type":"other_update","timestamp":"","sequence":1}"#, "other_update"),
            (r#"{"timestamp":"","sequence":1}"#, "type"),
        ] {
            let error = serde_json::from_str::<Update>(json).unwrap_err().to_string();
            assert!(error.contains(part), "{json}: {error}");
        }
    }

    proptest! {
        #[test]
        fn revenue_update_reads_back_whatever_the_sums(
            (total_revenue, total_orders, hourly_revenue) in any::<(i128, i128, i128)>(),
            sequence: u64,
        ) {
            let timestamp = "2026-11-22T17:00:00.000Z".to_owned();
            let update = Update::Revenue { total_revenue, total_orders, hourly_revenue, timestamp, sequence };
            let text = serde_json::to_string(&update).unwrap();
            prop_assert_eq!(serde_json::from_str::<Update>(&text).unwrap(), update);
        }
    }
}
