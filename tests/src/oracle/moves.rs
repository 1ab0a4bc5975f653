//! Users whose orders of one minute lie in several partitions, as they do when partitions are added in that minute. They
//! are the only ones of whom an alert may be missing.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;

use super::order::Order;
use crate::load::EXPECTED_REASON;
use crate::shop::iso;
use crate::topic::{self, Record};

/// A minute, counted from the Unix epoch, and a user.
type Key = (i64, String);

/// How many orders each user placed in each minute, by partition.
#[derive(Debug, Default)]
pub struct Minutes(BTreeMap<Key, BTreeMap<i32, u64>>);

/// A user who moved between partitions within a minute.
#[derive(Debug, PartialEq, Eq)]
pub struct Moved {
    /// The user.
    pub user: String,
    /// The minute, counted from the Unix epoch.
    pub minute: i64,
    /// Orders in each of the partitions.
    pub orders: BTreeMap<i32, u64>,
}

impl Minutes {
    /// Reads the whole orders topic.
    ///
    /// # Errors
    /// When it cannot be read, or holds what claims to be an order and is none.
    pub fn read(brokers: &str, orders_topic: &str) -> Result<Self> {
        let mut minutes = Self::default();
        topic::visit(brokers, orders_topic, |record| minutes.fold(&record))?;
        Ok(minutes)
    }

    fn fold(&mut self, record: &Record) -> Result<()> {
        if record.header(EXPECTED_REASON).is_none() {
            let order = Order::read(record)?;
            let key = (order.time.div_euclid(60_000), order.user);
            *self.0.entry(key).or_default().entry(record.partition).or_default() += 1;
        }
        Ok(())
    }

    /// Who moved.
    pub fn moved(&self) -> Vec<Moved> {
        let several = self.0.iter().filter(|(_, orders)| orders.len() > 1);
        let moved = several.map(|((minute, user), orders)| Moved {
            user: user.clone(),
            minute: *minute,
            orders: orders.clone(),
        });
        moved.collect()
    }

    /// How many velocity alerts each user deserves for each minute: one for each order above the threshold, wherever it
    /// lies.
    pub fn deserved(&self, orders_per_minute: u64) -> BTreeMap<Key, u64> {
        let alerts =
            |orders: &BTreeMap<i32, u64>| orders.values().sum::<u64>().saturating_sub(orders_per_minute);
        let deserved = self.0.iter().map(|(key, orders)| (key.clone(), alerts(orders)));
        deserved.filter(|(_, alerts)| *alerts > 0).collect()
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, minute, orders } = self;
        write!(f, "{user} at {}: orders by partition {orders:?}", &iso(minute * 60_000)[..16])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOON: i64 = 1_795_348_800_000;

    fn minutes(orders: &[(&str, i32, i64)]) -> Minutes {
        let mut minutes = Minutes::default();
        for (offset, (user, partition, time)) in (0..).zip(orders) {
            let value = json!({
                "orderId": "o", "userId": user, "product": "Laptop", "quantity": 1, "total": 1, "city": "HCM",
                "timestamp": iso(*time),
            });
            let value = Some(value.to_string().into_bytes());
            let (key, headers) = (Some((*user).into()), Vec::new());
            let record = Record { partition: *partition, offset, time: *time, key, value, headers };
            minutes.fold(&record).unwrap();
        }
        minutes
    }

    #[test]
    fn only_who_has_orders_of_one_minute_in_two_partitions_moved() {
        let next = NOON + 60_000;
        let minutes = minutes(&[("u", 0, NOON), ("v", 0, NOON), ("u", 1, next), ("v", 1, NOON + 59_999)]);
        let moved = minutes.moved();
        let [Moved { user, minute, orders }] = &moved[..] else { panic!("{moved:?}") };
        assert_eq!((user.as_str(), *minute), ("v", NOON / 60_000));
        assert_eq!(orders, &[(0, 1), (1, 1)].into());
        assert_eq!(moved[0].to_string(), "v at 2026-11-22T12:00: orders by partition {0: 1, 1: 1}");
    }

    #[test]
    fn orders_above_the_threshold_deserve_an_alert_wherever_they_lie() {
        let minutes = minutes(&[("u", 0, NOON), ("u", 1, NOON), ("u", 1, NOON), ("v", 0, NOON)]);
        assert_eq!(minutes.deserved(1), [((NOON / 60_000, "u".to_owned()), 2)].into());
    }
}
