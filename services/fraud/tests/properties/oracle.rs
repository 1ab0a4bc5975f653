//! The fraud rules, applied plainly.

use std::collections::BTreeMap;

use contract::Settings;
use foldtest::{Event, orders_of, watermarks};

/// User and UTC minute, and how many orders.
pub type Counts = BTreeMap<(i64, String), u32>;

/// What matters of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    pub rule: String,
    pub order: String,
    pub user: String,
    pub value: u64,
    pub threshold: u64,
    pub generation: u64,
}

#[derive(Default)]
pub struct Judged {
    pub raised: Vec<Raised>,
    /// The counts that are kept at the end.
    pub counts: Counts,
    pub late: u64,
    pub unjudged: u64,
}

impl Raised {
    pub fn parse(json: &str) -> Self {
        let json: serde_json::Value = serde_json::from_str(json).unwrap();
        let text = |field: &str| json[field].as_str().unwrap().to_owned();
        let number = |field: &str| json[field].as_u64().unwrap();
        Self {
            rule: text("type"),
            order: text("orderId"),
            user: text("userId"),
            value: number("value"),
            threshold: number("threshold"),
            generation: number("settingsGeneration"),
        }
    }
}

/// What one partition makes of `events`, with at most `limit` counts.
pub fn judge(events: &[Event], limit: usize) -> Judged {
    let mut judged = Judged::default();
    let mut settings = Settings::default();
    let mut watermarks = watermarks(&orders_of(events)).into_iter();
    for event in events {
        let order = match event {
            Event::Settings(new) => {
                settings = new.clone();
                continue;
            }
            Event::Order(order) => order,
        };
        let raise = |rule: &str, value, threshold| Raised {
            rule: rule.to_owned(),
            order: order.id.clone(),
            user: order.user.clone(),
            value,
            threshold,
            generation: settings.generation,
        };
        if order.total > settings.fraud.high_value {
            judged.raised.push(raise("HIGH_VALUE", order.total, settings.fraud.high_value));
        }
        let oldest = (watermarks.next().unwrap().0 - 15 * 60_000).div_euclid(60_000);
        judged.counts.retain(|(minute, _), _| *minute >= oldest);
        let minute = order.time.0.div_euclid(60_000);
        let key = (minute, order.user.clone());
        if minute < oldest {
            judged.late += 1;
        } else if judged.counts.len() >= limit && !judged.counts.contains_key(&key) {
            judged.unjudged += 1;
        } else {
            let count = judged.counts.entry(key).or_default();
            *count += 1;
            let threshold = settings.fraud.orders_per_minute;
            if *count > threshold {
                judged.raised.push(raise("VELOCITY", (*count).into(), threshold.into()));
            }
        }
    }
    judged
}

/// Reads state records by what the crate's documentation says of them.
pub fn decode(state: &BTreeMap<String, Vec<u8>>) -> Counts {
    let mut counts = Counts::new();
    for (key, value) in state {
        let minute: i64 = key.split('/').next().unwrap().parse().unwrap();
        let mut bytes = value.iter().copied();
        while let Some(length) = bytes.next() {
            let count: Vec<u8> = bytes.by_ref().take(4).collect();
            let user: Vec<u8> = bytes.by_ref().take(length.into()).collect();
            let count = u32::from_le_bytes(count.try_into().unwrap());
            let before = counts.insert((minute, String::from_utf8(user).unwrap()), count);
            assert_eq!(before, None, "a user is counted in two places");
        }
    }
    counts
}
