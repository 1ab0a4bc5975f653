//! What the REST routes answer, computed from the keys that views write.

mod shape;

pub use shape::{CityRevenue, HourStats, ProductOrders, Totals, Trends};

use std::sync::Arc;

use contract::keys;

use crate::cached::Cached;
use crate::reader::{ReadError, Reader};

/// Why a statistic cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatsError {
    /// The store cannot be read.
    #[error("the statistics cannot be read")]
    Read(#[from] ReadError),
    /// Somebody else wrote to our keys.
    #[error("key {key:?} holds no {wanted}")]
    Foreign {
        /// The key, without the configured prefix.
        key: String,
        /// What it should hold.
        wanted: &'static str,
    },
}

type Shared<T> = Result<Arc<T>, StatsError>;
type Computed<T> = Cached<T, StatsError>;

/// Computes statistics, each at most about ten times a second however many ask.
pub struct Stats {
    reader: Arc<dyn Reader>,
    totals: Computed<Totals>,
    cities: Computed<Vec<CityRevenue>>,
    products: Computed<Vec<ProductOrders>>,
    hours: Computed<shape::Hours>,
    trends: Computed<Trends>,
}

impl Stats {
    /// Statistics read by `reader`.
    pub fn new(reader: Arc<dyn Reader>) -> Self {
        Self {
            reader,
            totals: Cached::default(),
            cities: Cached::default(),
            products: Cached::default(),
            hours: Cached::default(),
            trends: Cached::default(),
        }
    }

    /// Revenue, orders and their average.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn totals(&self) -> Shared<Totals> {
        self.totals.get(self.read_totals()).await
    }

    /// Revenue per city, highest first.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn cities(&self) -> Shared<Vec<CityRevenue>> {
        self.cities.get(async { Ok(shape::cities(self.family(keys::REVENUE_CITY).await?)) }).await
    }

    /// Orders per product, most first.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn products(&self) -> Shared<Vec<ProductOrders>> {
        self.products.get(async { Ok(shape::products(self.family(keys::ORDERS_PRODUCT).await?)) }).await
    }

    /// The `hours` hours up to the newest that has an order, oldest first, gaps filled with zeros.
    /// Empty without orders.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn hourly(&self, hours: u16) -> Result<Vec<HourStats>, StatsError> {
        let all = self.hours.get(self.read_hours()).await?;
        Ok(shape::last_hours(&all, hours))
    }

    /// What sells unusually much or little.
    ///
    /// # Errors
    /// When the keys cannot be read.
    pub async fn trends(&self) -> Shared<Trends> {
        self.trends.get(self.read_trends()).await
    }

    async fn read_totals(&self) -> Result<Totals, StatsError> {
        let wanted = [keys::REVENUE_TOTAL.to_owned(), keys::ORDERS_TOTAL.to_owned()];
        let values = self.reader.get(&wanted).await?;
        let number = |at: usize| match values.get(at) {
            Some(Some(value)) => integer(&wanted[at], value),
            _ => Ok(0),
        };
        Ok(Totals::new(number(0)?, number(1)?))
    }

    async fn read_hours(&self) -> Result<shape::Hours, StatsError> {
        // one read for both families, so that revenue and orders of an hour agree
        let mut names = self.reader.names(keys::REVENUE_HOURLY).await?;
        names.extend(self.reader.names(keys::ORDERS_HOURLY).await?);
        let mut hours = shape::Hours::new();
        for (name, value) in self.integers(names).await? {
            shape::add_hour(&mut hours, &name, value);
        }
        Ok(hours)
    }

    async fn read_trends(&self) -> Result<Trends, StatsError> {
        let mut names = self.reader.names(keys::TREND_WINDOW).await?;
        names.push(keys::TREND_AS_OF.to_owned());
        let mut values = self.reader.get(&names).await?;
        let as_of = values.pop().flatten();
        let windows = names.into_iter().zip(values);
        Trends::new(as_of, windows.filter_map(|(name, value)| Some((name, value?))))
    }

    /// The keys that begin with `prefix`, by what follows it.
    async fn family(&self, prefix: &'static str) -> Result<Vec<(String, i128)>, StatsError> {
        let names = self.reader.names(prefix).await?;
        let values = self.integers(names).await?;
        Ok(values
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value)))
            .collect())
    }

    /// A key that went away between naming and reading it is left out.
    async fn integers(&self, names: Vec<String>) -> Result<Vec<(String, i128)>, StatsError> {
        let values = self.reader.get(&names).await?;
        names
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((name, value?)))
            .map(|(name, value)| integer(&name, &value).map(|number| (name, number)))
            .collect()
    }
}

fn integer(key: &str, value: &str) -> Result<i128, StatsError> {
    value.parse().map_err(|_| StatsError::Foreign { key: key.to_owned(), wanted: "decimal integer" })
}

#[cfg(test)]
mod tests;
