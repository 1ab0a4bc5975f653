//! The oracle's own reading of an order.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::topic::Record;

/// The fields that the results depend on.
pub struct Order {
    /// `orderId`.
    pub id: String,
    /// `userId`.
    pub user: String,
    /// `product`.
    pub product: String,
    /// `city`.
    pub city: String,
    /// `total`, in VND.
    pub total: u64,
    /// `timestamp`, in ms since the Unix epoch.
    pub time: i64,
}

impl Order {
    /// Reads a record that its producer says is an order.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(record: &Record) -> Result<Self> {
        let json = record.json()?;
        let text = |name: &str| -> Result<String> {
            let value = json.get(name).and_then(Value::as_str);
            Ok(value.with_context(|| format!("{name} of {json}"))?.to_owned())
        };
        let time: jiff::Timestamp = text("timestamp")?.parse().context("timestamp")?;
        Ok(Self {
            id: text("orderId")?,
            user: text("userId")?,
            product: text("product")?,
            city: text("city")?,
            total: json.get("total").and_then(Value::as_u64).context("total")?,
            time: time.as_millisecond(),
        })
    }
}
