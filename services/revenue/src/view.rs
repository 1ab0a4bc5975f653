//! The merge: sums over all partitions become Redis keys and the `revenue_update`.

use std::collections::{BTreeMap, BTreeSet};

use contract::keys::{
    HOURS_KEPT, ORDERS_HOURLY, ORDERS_PRODUCT, ORDERS_TOTAL, REVENUE_CITY, REVENUE_HOURLY, REVENUE_TOTAL,
};
use contract::{Hour, ProcessorName, Publication, Settings, Timestamp, Update, View};

/// Shows the merged counters under their own names, hourly ones for 90 days, and the totals as
/// `revenue_update` whenever they changed. Shows nothing before the first order; when all state is
/// gone (a reset) the keys are deleted and the update says 0.
#[derive(Default)]
pub struct RevenueView {
    totals: Sums,
    totals_changed: bool,
    hours: BTreeMap<Hour, Sums>,
    /// Hours whose keys are to be written: shown, or deleted when hidden or gone.
    pending_hours: BTreeSet<Hour>,
    /// The newest hour as of the last publication; decides which hours were shown.
    newest: Option<Hour>,
    /// Keys other than hourly ones that are to be written.
    pending: BTreeMap<String, Option<i128>>,
}

/// `None` when no partition holds the counter.
#[derive(Clone, Copy, Default)]
struct Sums {
    revenue: Option<i128>,
    orders: Option<i128>,
}

impl View for RevenueView {
    fn processor(&self) -> ProcessorName {
        ProcessorName::Revenue
    }

    fn families(&self) -> &'static [&'static str] {
        &["revenue:", "orders:"]
    }

    fn changed(&mut self, key: &str, sum: Option<i128>) {
        if key == REVENUE_TOTAL {
            self.totals.revenue = sum;
            self.totals_changed = true;
        } else if key == ORDERS_TOTAL {
            self.totals.orders = sum;
            self.totals_changed = true;
        } else if let Some(hour) = key.strip_prefix(REVENUE_HOURLY) {
            self.change_hour(hour, |sums| sums.revenue = sum);
        } else if let Some(hour) = key.strip_prefix(ORDERS_HOURLY) {
            self.change_hour(hour, |sums| sums.orders = sum);
        } else if key.starts_with(REVENUE_CITY) || key.starts_with(ORDERS_PRODUCT) {
            self.pending.insert(key.to_owned(), sum);
        }
    }

    fn publish(&mut self, _settings: &Settings, now: Timestamp, out: &mut Publication) {
        self.publish_hours(out);
        for (key, sum) in std::mem::take(&mut self.pending) {
            out.keys.push((key, text(sum)));
        }
        if std::mem::take(&mut self.totals_changed) {
            out.keys.push((REVENUE_TOTAL.to_owned(), text(self.totals.revenue)));
            out.keys.push((ORDERS_TOTAL.to_owned(), text(self.totals.orders)));
            out.updates.push(self.update(now));
        }
    }
}

impl RevenueView {
    fn change_hour(&mut self, hour: &str, change: impl FnOnce(&mut Sums)) {
        // A key that the processor cannot have written is nothing to show.
        let Ok(hour) = hour.parse::<Hour>() else { return };
        let sums = self.hours.entry(hour).or_default();
        change(sums);
        if sums.revenue.is_none() && sums.orders.is_none() {
            self.hours.remove(&hour);
        }
        self.pending_hours.insert(hour);
    }

    fn publish_hours(&mut self, out: &mut Publication) {
        let newest = self.newest_hour();
        self.hide_or_show_between(oldest_shown(self.newest), oldest_shown(newest));
        self.newest = newest;
        for hour in std::mem::take(&mut self.pending_hours) {
            let shown = Some(hour) >= oldest_shown(newest);
            let sums = self.hours.get(&hour).copied().filter(|_| shown).unwrap_or_default();
            out.keys.push((format!("{REVENUE_HOURLY}{hour}"), text(sums.revenue)));
            out.keys.push((format!("{ORDERS_HOURLY}{hour}"), text(sums.orders)));
        }
    }

    /// Marks the hours between two limits of what is shown: they come into sight or go out of it.
    fn hide_or_show_between(&mut self, before: Option<Hour>, after: Option<Hour>) {
        if let (Some(before), Some(after)) = (before, after) {
            let changed = before.min(after)..before.max(after);
            self.pending_hours.extend(self.hours.range(changed).map(|(hour, _)| *hour));
        }
    }

    fn newest_hour(&self) -> Option<Hour> {
        self.hours.keys().next_back().copied()
    }

    fn update(&self, now: Timestamp) -> Update {
        let newest = self.newest_hour().and_then(|hour| self.hours.get(&hour));
        Update::Revenue {
            total_revenue: self.totals.revenue.unwrap_or(0),
            total_orders: self.totals.orders.unwrap_or(0),
            hourly_revenue: newest.and_then(|sums| sums.revenue).unwrap_or(0),
            timestamp: now.to_string(),
            sequence: 0,
        }
    }
}

fn oldest_shown(newest: Option<Hour>) -> Option<Hour> {
    newest.map(|hour| Hour(hour.0 - HOURS_KEPT))
}

fn text(sum: Option<i128>) -> Option<String> {
    sum.map(|sum| sum.to_string())
}
