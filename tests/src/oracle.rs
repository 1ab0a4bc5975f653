//! The oracle: what the results must be, computed from the orders topic by plain code of its own.
//!
//! It shares nothing with the project: own reading of JSON, own sums, own rules. It expects input without
//! late orders (older than the velocity windows reach back) and refuses any other.

pub mod moves;
mod order;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::load::EXPECTED_REASON;
use crate::shop::iso;
use crate::topic::{self, Record};
use order::Order;

/// An order this much older than its partition's watermark could be late: a minute less than the rule allows.
const LATE_MS: i64 = 14 * 60_000;

/// The thresholds that apply from one input position on.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// VND above which an order raises `HIGH_VALUE`.
    pub high_value: u64,
    /// Orders of a user per minute above which each raises `VELOCITY`.
    pub orders_per_minute: u64,
    /// The generation of the settings.
    pub generation: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { high_value: 50_000_000, orders_per_minute: 10, generation: 0 }
    }
}

/// What the results must be.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Redis keys of the course project and their values.
    pub counters: BTreeMap<String, String>,
    /// Alerts by `alertId`; several when several orders share an id.
    pub alerts: BTreeMap<String, Vec<Value>>,
    /// Dead letters: reason by input partition and offset.
    pub dead_letters: BTreeMap<(i32, i64), String>,
    /// Orders, valid ones.
    pub orders: u64,
    /// VND over all orders.
    pub revenue: u64,
    /// VND in the hour of the newest order.
    pub hourly_revenue: u64,
}

/// Replays the whole orders topic under one set of thresholds.
///
/// # Errors
/// When the topic cannot be read, or holds what the oracle does not cover.
pub fn replay(brokers: &str, orders_topic: &str, thresholds: Thresholds) -> Result<Expected> {
    let mut oracle = Oracle::default();
    topic::visit(brokers, orders_topic, |record| oracle.fold(&record, thresholds))?;
    Ok(oracle.finish())
}

/// The replay: records go in, in offset order per partition.
#[derive(Debug, Default)]
pub struct Oracle {
    sums: BTreeMap<String, u64>,
    alerts: BTreeMap<String, Vec<Value>>,
    dead_letters: BTreeMap<(i32, i64), String>,
    watermarks: BTreeMap<i32, i64>,
    per_minute: BTreeMap<(i32, i64, String), u64>,
    newest_hour: String,
}

impl Oracle {
    /// Takes one record of the orders topic.
    ///
    /// # Errors
    /// When it claims to be an order and is not, or is late.
    pub fn fold(&mut self, record: &Record, thresholds: Thresholds) -> Result<()> {
        if let Some(reason) = record.header(EXPECTED_REASON) {
            self.dead_letters.insert((record.partition, record.offset), reason);
            return Ok(());
        }
        let order = Order::read(record)
            .with_context(|| format!("order at {}/{}", record.partition, record.offset))?;
        let watermark = self.watermarks.entry(record.partition).or_insert(i64::MIN);
        *watermark = (*watermark).max(order.time.min(record.time));
        ensure!(
            order.time > *watermark - LATE_MS,
            "order {} is late: the oracle does not judge that",
            order.id
        );
        self.count(&order);
        self.judge(record.partition, &order, thresholds);
        Ok(())
    }

    fn count(&mut self, order: &Order) {
        let hour = iso(order.time)[..13].to_owned();
        for (key, amount) in [
            ("revenue:total".to_owned(), order.total),
            ("orders:total".to_owned(), 1),
            (format!("revenue:hourly:{hour}"), order.total),
            (format!("orders:hourly:{hour}"), 1),
            (format!("revenue:city:{}", order.city), order.total),
            (format!("orders:product:{}", order.product), 1),
        ] {
            *self.sums.entry(key).or_default() += amount;
        }
        self.newest_hour = hour.max(std::mem::take(&mut self.newest_hour));
    }

    fn judge(&mut self, partition: i32, order: &Order, thresholds: Thresholds) {
        if order.total > thresholds.high_value {
            let tenths = (order.total + 50_000) / 100_000;
            let message = format!("Order {}: {}.{}M exceeds threshold", order.id, tenths / 10, tenths % 10);
            self.alert(
                order,
                ["high-value", "HIGH_VALUE", "HIGH"],
                &message,
                [order.total, thresholds.high_value, thresholds.generation],
            );
        }
        let minute = order.time.div_euclid(60_000);
        let count = self.per_minute.entry((partition, minute, order.user.clone())).or_default();
        *count += 1;
        let count = *count;
        if count > thresholds.orders_per_minute {
            let message = format!("User {}: {count} orders in 1 minute", order.user);
            self.alert(
                order,
                ["velocity", "VELOCITY", "CRITICAL"],
                &message,
                [count, thresholds.orders_per_minute, thresholds.generation],
            );
        }
    }

    fn alert(&mut self, order: &Order, rule: [&str; 3], message: &str, numbers: [u64; 3]) {
        let ([rule, type_name, severity], [value, threshold, generation]) = (rule, numbers);
        let id = format!("{rule}:{}", order.id);
        let alert = json!({
            "alertId": id, "type": type_name, "rule": rule, "message": message, "severity": severity,
            "orderId": order.id, "userId": order.user, "timestamp": iso(order.time),
            "value": value, "threshold": threshold, "settingsGeneration": generation,
        });
        self.alerts.entry(id).or_default().push(alert);
    }

    /// The results.
    pub fn finish(self) -> Expected {
        let sum = |key: &str| self.sums.get(key).copied().unwrap_or_default();
        Expected {
            orders: sum("orders:total"),
            revenue: sum("revenue:total"),
            hourly_revenue: sum(&format!("revenue:hourly:{}", self.newest_hour)),
            counters: self.sums.iter().map(|(key, sum)| (key.clone(), sum.to_string())).collect(),
            alerts: self.alerts,
            dead_letters: self.dead_letters,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(offset: i64, user: &str, total: u64, time: i64) -> Record {
        let value = json!({
            "orderId": format!("o-{offset}"), "userId": user, "product": "Laptop", "quantity": 1,
            "total": total, "city": "HCM", "timestamp": iso(time),
        });
        Record {
            partition: 0,
            offset,
            time,
            key: Some(user.into()),
            value: Some(value.to_string().into_bytes()),
            headers: Vec::new(),
        }
    }

    const NOON: i64 = 1_795_348_800_000;

    #[test]
    fn sums_and_alerts_of_a_small_log_are_those_computed_by_hand() {
        let mut oracle = Oracle::default();
        for offset in 0..11 {
            oracle.fold(&record(offset, "u", 1_000, NOON + offset), Thresholds::default()).unwrap();
        }
        oracle.fold(&record(11, "v", 50_000_001, NOON + 3_600_000), Thresholds::default()).unwrap();
        let expected = oracle.finish();
        assert_eq!(expected.orders, 12);
        assert_eq!(expected.revenue, 50_011_001);
        assert_eq!(expected.hourly_revenue, 50_000_001);
        assert_eq!(expected.counters["orders:hourly:2026-11-22T12"], "11");
        assert_eq!(expected.counters["revenue:city:HCM"], "50011001");
        let ids: Vec<_> = expected.alerts.keys().map(String::as_str).collect();
        assert_eq!(ids, ["high-value:o-11", "velocity:o-10"]);
        assert_eq!(expected.alerts["velocity:o-10"][0]["message"], "User u: 11 orders in 1 minute");
        assert_eq!(expected.alerts["high-value:o-11"][0]["message"], "Order o-11: 50.0M exceeds threshold");
    }

    #[test]
    fn a_late_order_is_refused() {
        let mut oracle = Oracle::default();
        oracle.fold(&record(0, "u", 1, NOON), Thresholds::default()).unwrap();
        assert!(oracle.fold(&record(1, "u", 1, NOON - LATE_MS), Thresholds::default()).is_err());
    }
}
