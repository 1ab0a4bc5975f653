//! The `OpenAPI` document: what the routes answer, and what Socket.IO sends.
//!
//! Alerts and updates are relayed as they stand in their topics; the structs here say what ours look like.

use axum::response::Response;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::{OpenApi, ToSchema};

use super::json_text;

/// Where it is served.
pub const PATH: &str = "/api/openapi.json";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Millrace dashboard",
        description = "What a pipeline has found out. Money is whole VND; all numbers are exact integers however \
                       large, and JavaScript rounds those beyond 2^53. Socket.IO (protocol v5, default namespace) \
                       sends the events `metrics` (RevenueUpdate or TrendUpdate) and `alerts` (Alert).",
    ),
    paths(
        super::totals,
        super::cities,
        super::products,
        super::hourly,
        super::recent,
        super::trends,
        super::alerts,
        super::pipeline
    ),
    components(schemas(RevenueUpdate, TrendUpdate))
)]
struct Document;

/// The document as it is committed and served.
pub fn openapi() -> String {
    let document = Document::openapi().to_pretty_json();
    // plain strings and numbers: nothing in them can fail
    document.map(|text| text + "\n").unwrap_or_default()
}

/// Serves it.
pub async fn serve() -> Response {
    json_text(openapi().into_bytes())
}

/// A whole number of any size.
pub fn integer() -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).build()
}

/// An alert.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, clippy::struct_field_names, reason = "describes what others write")]
pub struct Alert {
    /// `rule:orderId`; the same order and rule give the same id.
    alert_id: String,
    /// What kind of alert it is: `HIGH_VALUE` or `VELOCITY`.
    #[schema(rename = "type")]
    kind: String,
    /// The rule that raised it: `high-value` or `velocity`.
    rule: String,
    /// What happened, in English.
    message: String,
    /// `HIGH` or `CRITICAL`.
    severity: String,
    /// The order that raised it.
    order_id: String,
    /// The order's user.
    user_id: String,
    /// The order's own time (RFC 3339, UTC).
    #[schema(format = DateTime)]
    timestamp: String,
    /// What was measured: the order's total in VND, or the orders in the minute.
    #[schema(schema_with = integer)]
    value: u64,
    /// What it was compared with.
    #[schema(schema_with = integer)]
    threshold: u64,
    /// The generation of the settings that the threshold comes from; 0 is the built-in defaults.
    #[schema(schema_with = integer)]
    settings_generation: u64,
}

/// A snapshot of the totals.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what others write")]
struct RevenueUpdate {
    /// `revenue_update`.
    #[schema(rename = "type", pattern = "^revenue_update$")]
    kind: String,
    /// VND over all orders.
    #[schema(schema_with = integer)]
    total_revenue: i128,
    /// Orders.
    #[schema(schema_with = integer)]
    total_orders: i128,
    /// VND in the UTC hour of the newest order.
    #[schema(schema_with = integer)]
    hourly_revenue: i128,
    /// When this snapshot was made (RFC 3339, UTC).
    #[schema(format = DateTime)]
    timestamp: String,
    /// Grows with every update.
    #[schema(schema_with = integer)]
    sequence: u64,
}

/// What sells unusually much or little now.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what others write")]
struct TrendUpdate {
    /// `trend_update`.
    #[schema(rename = "type", pattern = "^trend_update$")]
    kind: String,
    /// The newest minute of event time seen (RFC 3339, UTC).
    #[schema(format = DateTime)]
    as_of: String,
    /// One entry per window, shortest first.
    windows: Vec<TrendWindow>,
    /// When this snapshot was made (RFC 3339, UTC).
    #[schema(format = DateTime)]
    timestamp: String,
    /// Grows with every update.
    #[schema(schema_with = integer)]
    sequence: u64,
}

/// The rankings of one sliding window.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what others write")]
pub struct TrendWindow {
    /// `5m` or `1h`.
    window: String,
    /// Products with the highest score, highest first.
    products_by_score: Vec<TrendEntry>,
    /// Products with the most orders, most first.
    products_by_orders: Vec<TrendEntry>,
    /// Cities with the highest score, highest first.
    cities_by_score: Vec<TrendEntry>,
    /// Cities with the most orders, most first.
    cities_by_orders: Vec<TrendEntry>,
}

/// One product or city in one window.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what others write")]
struct TrendEntry {
    /// The product's or city's name.
    name: String,
    /// Orders in the window.
    #[schema(schema_with = integer)]
    orders: i128,
    /// VND in the window.
    #[schema(schema_with = integer)]
    revenue: i128,
    /// Orders in the window before.
    #[schema(schema_with = integer)]
    previous_orders: i128,
    /// VND in the window before.
    #[schema(schema_with = integer)]
    previous_revenue: i128,
    /// `orders / previousOrders - 1`; null when there were none before.
    growth: Option<f64>,
    /// `(orders - previous) / sqrt(orders + previous)`: the change in standard deviations.
    score: f64,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        serde_json::from_str(&openapi()).unwrap()
    }

    #[test]
    fn the_committed_document_is_the_one_that_is_served() {
        let committed = include_str!("../../openapi.json");
        assert!(
            committed == openapi(),
            "services/dashboard/openapi.json is out of date; write it anew with \
             `cargo run --package millrace-dashboard --example openapi > services/dashboard/openapi.json` \
             and then `npm run types` in services/dashboard/ui"
        );
    }

    #[test]
    fn every_route_is_described() {
        let document = document();
        let described: BTreeSet<_> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let routes = crate::rest::paths().into_iter().filter(|path| *path != PATH).collect();
        assert_eq!(described, routes);
    }

    /// The fields of `value` are those of the schema, and those that must be there are.
    fn assert_described(document: &Value, schema: &str, value: &Value) {
        let schema = &document["components"]["schemas"][schema];
        let named = schema["properties"].as_object().unwrap();
        let fields: BTreeSet<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(fields, named.keys().collect(), "{schema}");
    }

    #[test]
    fn alerts_and_updates_are_described_as_they_are_written() {
        let document = document();
        let alert = contract::Alert {
            rule: contract::alert::Rule::Velocity,
            order_id: "o",
            user_id: "u",
            timestamp: contract::Timestamp(0),
            value: 11,
            threshold: 10,
            settings_generation: 3,
        };
        let mut written = Vec::new();
        alert.write_json(&mut written);
        assert_described(&document, "Alert", &serde_json::from_slice(&written).unwrap());

        let entry = json!({"name": "x", "orders": 1, "revenue": 1, "previousOrders": 0, "previousRevenue": 0,
                           "growth": null, "score": 1.0});
        let window = json!({"window": "5m", "productsByScore": [entry], "productsByOrders": [],
                            "citiesByScore": [], "citiesByOrders": []});
        let revenue = json!({"type": "revenue_update", "totalRevenue": 1, "totalOrders": 1, "hourlyRevenue": 1,
                             "timestamp": "", "sequence": 1});
        let trend =
            json!({"type": "trend_update", "asOf": "", "windows": [window], "timestamp": "", "sequence": 1});
        for (schema, update) in [("RevenueUpdate", revenue), ("TrendUpdate", trend)] {
            let read: contract::Update = serde_json::from_value(update).unwrap();
            let written = serde_json::to_value(&read).unwrap();
            assert_described(&document, schema, &written);
            if schema == "TrendUpdate" {
                assert_described(&document, "TrendWindow", &written["windows"][0]);
                assert_described(&document, "TrendEntry", &written["windows"][0]["productsByScore"][0]);
            }
        }
    }
}
