//! The shapes of the answers. All numbers are exact integers of any size: VND, or a count of orders.

use std::collections::BTreeMap;
use std::str::FromStr;

use contract::{Hour, keys};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::StatsError;
use crate::rest::document::{TrendWindow, integer};

/// `GET /api/stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// VND over all orders.
    #[schema(schema_with = integer)]
    pub total_revenue: i128,
    /// Orders.
    #[schema(schema_with = integer)]
    pub total_orders: i128,
    /// VND per order, rounded half up; 0 without orders.
    #[schema(schema_with = integer)]
    pub avg_order_value: i128,
}

/// An entry of `GET /api/stats/cities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CityRevenue {
    /// The city's name.
    pub city: String,
    /// VND.
    #[schema(schema_with = integer)]
    pub revenue: i128,
}

/// An entry of `GET /api/stats/products`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProductOrders {
    /// The product's name.
    pub product: String,
    /// Orders (not pieces).
    #[schema(schema_with = integer)]
    pub orders: i128,
}

/// An entry of `GET /api/stats/hourly`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourStats {
    /// The UTC hour, `YYYY-MM-DDTHH`.
    pub hour: String,
    /// VND.
    #[schema(schema_with = integer)]
    pub revenue: i128,
    /// Orders.
    #[schema(schema_with = integer)]
    pub orders: i128,
}

/// `GET /api/trends`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trends {
    /// The newest minute of event time that the rankings go up to (RFC 3339); null before the first order.
    #[schema(format = DateTime)]
    pub as_of: Option<String>,
    /// One object per window, shortest window first, as the views wrote it.
    #[schema(value_type = Vec<TrendWindow>)]
    pub windows: Vec<Box<RawValue>>,
}

/// Revenue and orders per hour.
pub type Hours = BTreeMap<Hour, Counts>;

/// Revenue and orders of one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    revenue: i128,
    orders: i128,
}

impl Totals {
    /// With the average that follows from them.
    pub fn new(total_revenue: i128, total_orders: i128) -> Self {
        let avg_order_value = match total_orders {
            ..=0 => 0,
            orders => {
                let (whole, rest) = (total_revenue.div_euclid(orders), total_revenue.rem_euclid(orders));
                whole + i128::from(rest >= orders - rest)
            }
        };
        Self { total_revenue, total_orders, avg_order_value }
    }
}

/// By revenue, highest first, then by name. The catalogue's cities are always there.
pub fn cities(revenue: Vec<(String, i128)>) -> Vec<CityRevenue> {
    let mut by_name: BTreeMap<String, i128> = keys::CATALOGUE_CITIES.map(|city| (city.to_owned(), 0)).into();
    by_name.extend(revenue);
    let mut cities: Vec<_> =
        by_name.into_iter().map(|(city, revenue)| CityRevenue { city, revenue }).collect();
    // stable, so that equals stay in the order of their names
    cities.sort_by_key(|c| std::cmp::Reverse(c.revenue));
    cities
}

/// By orders, most first, then by name.
pub fn products(orders: Vec<(String, i128)>) -> Vec<ProductOrders> {
    let by_name = BTreeMap::from_iter(orders);
    let mut products: Vec<_> =
        by_name.into_iter().map(|(product, orders)| ProductOrders { product, orders }).collect();
    products.sort_by_key(|p| std::cmp::Reverse(p.orders));
    products
}

/// Takes the value of one key of the hourly families. A key that names no hour is not ours and left out.
pub fn add_hour(hours: &mut Hours, key: &str, value: i128) {
    let hour_of = |prefix| key.strip_prefix(prefix).and_then(|hour| Hour::from_str(hour).ok());
    if let Some(hour) = hour_of(keys::REVENUE_HOURLY) {
        hours.entry(hour).or_default().revenue = value;
    } else if let Some(hour) = hour_of(keys::ORDERS_HOURLY) {
        hours.entry(hour).or_default().orders = value;
    }
}

/// The last `count` hours up to the newest, oldest first; hours without orders are zeros.
pub fn last_hours(hours: &Hours, count: u16) -> Vec<HourStats> {
    let Some((newest, _)) = hours.last_key_value() else {
        return Vec::new();
    };
    let first = newest.0 - i64::from(count) + 1;
    (first..=newest.0)
        .map(|hour| {
            let Counts { revenue, orders } = hours.get(&Hour(hour)).copied().unwrap_or_default();
            HourStats { hour: Hour(hour).to_string(), revenue, orders }
        })
        .collect()
}

impl Trends {
    /// From the values of the trend keys.
    ///
    /// # Errors
    /// When a window's value is not a JSON object.
    pub fn new(
        as_of: Option<String>,
        windows: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, StatsError> {
        let mut by_length = BTreeMap::new();
        for (key, value) in windows {
            let window = key.strip_prefix(keys::TREND_WINDOW).unwrap_or(&key);
            let order = (window_minutes(window), window.to_owned());
            let ranking = match RawValue::from_string(value) {
                Ok(json) if json.get().starts_with('{') => json,
                _ => return Err(StatsError::Foreign { key, wanted: "JSON object" }),
            };
            by_length.insert(order, ranking);
        }
        Ok(Self { as_of, windows: by_length.into_values().collect() })
    }
}

/// `5m` → 5, `1h` → 60; a name that is no duration sorts last.
fn window_minutes(window: &str) -> u64 {
    let scaled = |unit, minutes: u64| {
        window.strip_suffix(unit).and_then(|n| n.parse::<u64>().ok()).and_then(|n| n.checked_mul(minutes))
    };
    scaled('m', 1).or_else(|| scaled('h', 60)).or_else(|| scaled('d', 24 * 60)).unwrap_or(u64::MAX)
}
