//! The last `revenue_update` of the metrics topic against the oracle.

use anyhow::Result;
use serde_json::{Value, json};

use super::Differences;
use crate::oracle::Expected;
use crate::pipeline::Pipeline;
use crate::topic;

/// Compares the last revenue update, and checks that none before it went back.
///
/// # Errors
/// When the topic cannot be read.
pub fn last_update(pipeline: &Pipeline, expected: &Expected) -> Result<Differences> {
    let mut updates = Vec::new();
    topic::visit(pipeline.brokers(), &pipeline.metrics(), |record| {
        updates.push(record.json()?);
        Ok(())
    })?;
    updates.retain(|update| update["type"] == "revenue_update");
    Ok(differences(expected, &updates))
}

fn differences(expected: &Expected, updates: &[Value]) -> Differences {
    let mut differences = Differences::of("revenue updates");
    for _ in updates {
        differences.compared();
    }
    let wanted = json!({
        "totalRevenue": expected.revenue,
        "totalOrders": expected.orders,
        "hourlyRevenue": expected.hourly_revenue,
    });
    let last = updates.last().unwrap_or(&Value::Null);
    for (field, value) in wanted.as_object().into_iter().flatten() {
        if last[field] != *value {
            differences.add(format!("{field} of the last one is {}, must be {value}", last[field]));
        }
    }
    for pair in updates.windows(2) {
        // after a quiet time the same one is sent again
        if pair[1] != pair[0] && pair[1]["sequence"].as_u64() <= pair[0]["sequence"].as_u64() {
            differences.add(format!("{} does not come after {} by its sequence", pair[1], pair[0]));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(sequence: u64, orders: u64) -> Value {
        json!({"totalRevenue": 5, "totalOrders": orders, "hourlyRevenue": 2, "sequence": sequence})
    }

    #[test]
    fn a_last_update_that_is_off_by_one_missing_or_out_of_order_is_found() {
        let expected = Expected { orders: 3, revenue: 5, hourly_revenue: 2, ..Expected::default() };
        assert!(differences(&expected, &[update(1, 2), update(2, 3)]).is_empty());
        assert!(differences(&expected, &[update(2, 3), update(2, 3)]).is_empty());
        assert_eq!(differences(&expected, &[update(1, 2)]).len(), 1);
        assert_eq!(differences(&expected, &[]).len(), 3);
        assert_eq!(differences(&expected, &[update(2, 2), update(2, 3)]).len(), 1);
    }
}
