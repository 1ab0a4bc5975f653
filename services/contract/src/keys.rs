//! Names of the Redis keys that the original course project's readers know. All values are decimal strings.
//!
//! `revenue` uses the same names as keys of its state records, so that state is legible and merging is a sum.

/// VND over all orders.
pub const REVENUE_TOTAL: &str = "revenue:total";
/// Number of orders.
pub const ORDERS_TOTAL: &str = "orders:total";
/// Prefix of VND per UTC hour; the hour (`YYYY-MM-DDTHH`) follows.
pub const REVENUE_HOURLY: &str = "revenue:hourly:";
/// Prefix of orders per UTC hour; the hour (`YYYY-MM-DDTHH`) follows.
pub const ORDERS_HOURLY: &str = "orders:hourly:";
/// Prefix of VND per city; the city's name follows.
pub const REVENUE_CITY: &str = "revenue:city:";
/// Prefix of orders per product; the product's name follows.
pub const ORDERS_PRODUCT: &str = "orders:product:";
/// Prefix of rankings per window; the window (`5m`, `1h`) follows. The value is the JSON of a
/// [`TrendWindow`](crate::update::TrendWindow).
pub const TREND_WINDOW: &str = "trend:window:";
/// The newest minute of event time that the rankings go up to (RFC 3339).
pub const TREND_AS_OF: &str = "trend:as-of";

/// The cities of the course project's catalogue; statistics show them even before their first order.
pub const CATALOGUE_CITIES: [&str; 5] = ["HCM", "Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng"];
/// Where products and cities beyond a partition's limit are counted.
pub const OTHER: &str = "(other)";
/// Distinct products, and distinct cities, that one partition counts by name.
pub const NAMES_PER_PARTITION: usize = 10_000;
/// How long hourly counters are kept, in hours: 90 days before the newest hour.
pub const HOURS_KEPT: i64 = 90 * 24;
