//! Revenue and orders per UTC hour, kept as far as the watermark allows.

use std::collections::BTreeMap;

use contract::keys::{HOURS_KEPT, ORDERS_HOURLY, REVENUE_HOURLY};
use contract::{Hour, Timestamp};

use crate::counters::CounterWriter;

/// How many hours before that of its watermark a partition keeps: two days more than the view shows.
pub const HOURS_IN_STATE: i64 = HOURS_KEPT + 48;

/// The hourly counters of one partition.
#[derive(Default)]
pub(crate) struct Hours {
    counters: BTreeMap<Hour, HourCounter>,
    /// The oldest hour that is kept, as far as a watermark was seen.
    oldest_kept: Option<Hour>,
    dirty: Vec<Hour>,
    evicted: Vec<Hour>,
}

#[derive(Default)]
struct HourCounter {
    revenue: i128,
    orders: i128,
    dirty: bool,
}

impl Hours {
    /// Gives up the hours that are too old for `watermark`.
    pub(crate) fn advance(&mut self, watermark: Timestamp) {
        let oldest = Hour(watermark.hour().0 - HOURS_IN_STATE);
        if self.oldest_kept.is_some_and(|kept| kept >= oldest) {
            return;
        }
        self.oldest_kept = Some(oldest);
        while let Some(first) = self.counters.first_entry().filter(|first| *first.key() < oldest) {
            self.evicted.push(*first.key());
            first.remove();
        }
    }

    /// Counts an order, unless its hour is not kept any more.
    pub(crate) fn add(&mut self, hour: Hour, total: u64) {
        if self.oldest_kept.is_some_and(|oldest| hour < oldest) {
            return;
        }
        let counter = self.counters.entry(hour).or_default();
        counter.revenue += i128::from(total);
        counter.orders += 1;
        if !counter.dirty {
            counter.dirty = true;
            self.dirty.push(hour);
        }
    }

    /// Writes the hours that changed and deletes those given up.
    pub(crate) fn checkpoint(&mut self, writer: &mut CounterWriter<'_>) {
        for hour in self.dirty.drain(..) {
            // An hour that was given up since is among the deleted ones.
            if let Some(counter) = self.counters.get_mut(&hour) {
                counter.dirty = false;
                writer.put(REVENUE_HOURLY, hour, counter.revenue);
                writer.put(ORDERS_HOURLY, hour, counter.orders);
            }
        }
        for hour in self.evicted.drain(..) {
            writer.delete(REVENUE_HOURLY, hour);
            writer.delete(ORDERS_HOURLY, hour);
        }
    }

    pub(crate) fn load_revenue(&mut self, hour: Hour, sum: i128) {
        self.counters.entry(hour).or_default().revenue = sum;
    }

    pub(crate) fn load_orders(&mut self, hour: Hour, sum: i128) {
        self.counters.entry(hour).or_default().orders = sum;
    }
}
