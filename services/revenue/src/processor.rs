//! The fold.

use std::time::Duration;

use contract::keys::{
    NAMES_PER_PARTITION, ORDERS_HOURLY, ORDERS_PRODUCT, ORDERS_TOTAL, REVENUE_CITY, REVENUE_HOURLY,
    REVENUE_TOTAL,
};
use contract::{
    Fact, Order, Outputs, Processor, ProcessorKind, ProcessorName, Settings, StateError, StateWriter,
    Timestamp,
};

use crate::counters::{self, CounterWriter};
use crate::hours::Hours;
use crate::names::{NameCounters, Place};

/// Starts a [`Revenue`] per partition.
#[derive(Clone, Debug)]
pub struct RevenueKind {
    names: usize,
}

/// The revenue counters of one partition.
pub struct Revenue {
    vnd: i128,
    orders: i128,
    totals_dirty: bool,
    hours: Hours,
    cities: NameCounters,
    products: NameCounters,
}

impl Default for RevenueKind {
    fn default() -> Self {
        Self::with_names(NAMES_PER_PARTITION)
    }
}

impl RevenueKind {
    /// A kind whose partitions count `names` products, and as many cities, by name.
    pub fn with_names(names: usize) -> Self {
        Self { names }
    }
}

impl ProcessorKind for RevenueKind {
    fn name(&self) -> ProcessorName {
        ProcessorName::Revenue
    }

    fn format_version(&self) -> u32 {
        1
    }

    fn checkpoint_interval(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn start(&self, _settings: &Settings) -> Box<dyn Processor> {
        Box::new(Revenue {
            vnd: 0,
            orders: 0,
            totals_dirty: false,
            hours: Hours::default(),
            cities: NameCounters::new(self.names),
            products: NameCounters::new(self.names),
        })
    }
}

impl Processor for Revenue {
    fn fold(&mut self, order: &Order<'_>, watermark: Timestamp, out: &mut Outputs) {
        self.vnd += i128::from(order.total);
        self.orders += 1;
        self.totals_dirty = true;
        self.hours.advance(watermark);
        self.hours.add(order.timestamp.hour(), order.total);
        let city = self.cities.add(order.city, i128::from(order.total));
        let product = self.products.add(order.product, 1);
        for place in [city, product] {
            if place == Place::Other {
                out.count(Fact::NameOverLimit);
            }
        }
    }

    fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        let mut writer = CounterWriter::new(state);
        if std::mem::take(&mut self.totals_dirty) {
            writer.put(REVENUE_TOTAL, "", self.vnd);
            writer.put(ORDERS_TOTAL, "", self.orders);
        }
        self.hours.checkpoint(&mut writer);
        self.cities.checkpoint(REVENUE_CITY, &mut writer);
        self.products.checkpoint(ORDERS_PRODUCT, &mut writer);
    }

    fn load(&mut self, _format_version: u32, key: &str, value: &[u8]) -> Result<(), StateError> {
        let unreadable = |problem| StateError { key: key.to_owned(), problem };
        let sum = counters::parse(value).ok_or_else(|| unreadable("the value is not a decimal integer"))?;
        self.load_counter(key, sum).ok_or_else(|| unreadable("the key is not one of revenue"))
    }

    fn configure(&mut self, _settings: &Settings) {}
}

impl Revenue {
    /// Sets the counter `key`; `None` when there is no such counter.
    fn load_counter(&mut self, key: &str, sum: i128) -> Option<()> {
        if key == REVENUE_TOTAL {
            self.vnd = sum;
        } else if key == ORDERS_TOTAL {
            self.orders = sum;
        } else if let Some(hour) = key.strip_prefix(REVENUE_HOURLY) {
            self.hours.load_revenue(hour.parse().ok()?, sum);
        } else if let Some(hour) = key.strip_prefix(ORDERS_HOURLY) {
            self.hours.load_orders(hour.parse().ok()?, sum);
        } else if let Some(city) = name_after(REVENUE_CITY, key) {
            self.cities.load(city, sum);
        } else {
            self.products.load(name_after(ORDERS_PRODUCT, key)?, sum);
        }
        Some(())
    }
}

fn name_after<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(prefix).filter(|name| !name.is_empty())
}
