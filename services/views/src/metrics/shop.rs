//! What the shop does, as the store says: the same figures under the same conditions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::keys::{
    CATALOGUE_CITIES, ORDERS_HOURLY, ORDERS_TOTAL, OTHER, REVENUE_CITY, REVENUE_HOURLY, REVENUE_TOTAL,
};
use prometheus::{Gauge, GaugeVec};
use runtime::metrics::{Label, Maker};

/// Figures of the store that Prometheus shows too.
#[derive(Clone)]
pub(super) struct Shop {
    revenue: Gauge,
    orders: Gauge,
    cities: GaugeVec,
    hour: [Hour; 2],
}

/// What was counted in the newest hour.
#[derive(Clone)]
struct Hour {
    family: &'static str,
    gauge: Gauge,
    /// The store's hours: a few thousand at most.
    hours: Arc<Mutex<BTreeMap<String, f64>>>,
}

impl Shop {
    pub(super) fn make(make: &Maker) -> prometheus::Result<Self> {
        let cities = CATALOGUE_CITIES.into_iter().chain([OTHER]);
        let hour = |family, name, help| {
            Ok::<_, prometheus::Error>(Hour {
                family,
                gauge: make.float_gauge(name, help)?,
                hours: Arc::default(),
            })
        };
        Ok(Self {
            revenue: make.float_gauge(
                "shop_revenue_vnd",
                "Revenue over all orders, as the store says (`revenue:total`); exact up to 9 * 10^15",
            )?,
            orders: make.float_gauge("shop_orders", "Orders, as the store says (`orders:total`)")?,
            cities: make.float_gauges(
                "shop_city_revenue_vnd",
                "Revenue by city of the catalogue (`revenue:city:`), and of all other cities together",
                &[Label::known("city", cities)],
            )?,
            hour: [
                hour(
                    REVENUE_HOURLY,
                    "shop_hour_revenue_vnd",
                    "Revenue in the UTC hour of the newest order (`revenue:hourly:`)",
                )?,
                hour(
                    ORDERS_HOURLY,
                    "shop_hour_orders",
                    "Orders in the UTC hour of the newest order (`orders:hourly:`)",
                )?,
            ],
        })
    }

    /// The store holds these keys and not those.
    pub(super) fn record(&self, sets: &[(String, String)], deletes: &[String]) {
        let sets = sets.iter().map(|(key, value)| (key, value.parse().ok()));
        for (key, value) in sets.chain(deletes.iter().map(|key| (key, None))) {
            self.take(key, value);
        }
        self.hour.iter().for_each(Hour::show);
        let named = CATALOGUE_CITIES.map(|city| self.cities.with_label_values(&[city]).get());
        let other = self.revenue.get() - named.iter().sum::<f64>();
        self.cities.with_label_values(&[OTHER]).set(other);
    }

    fn take(&self, key: &str, value: Option<f64>) {
        match key {
            REVENUE_TOTAL => self.revenue.set(value.unwrap_or(0.0)),
            ORDERS_TOTAL => self.orders.set(value.unwrap_or(0.0)),
            _ => {
                if let Some(city) = key.strip_prefix(REVENUE_CITY).filter(|c| CATALOGUE_CITIES.contains(c)) {
                    self.cities.with_label_values(&[city]).set(value.unwrap_or(0.0));
                }
                self.hour.iter().for_each(|hour| hour.take(key, value));
            }
        }
    }

    /// Another process writes the store: what it says is not known here.
    pub(super) fn forget(&self) {
        self.revenue.set(0.0);
        self.orders.set(0.0);
        for city in CATALOGUE_CITIES.into_iter().chain([OTHER]) {
            self.cities.with_label_values(&[city]).set(0.0);
        }
        for hour in &self.hour {
            hour.hours.lock().unwrap_or_else(PoisonError::into_inner).clear();
            hour.show();
        }
    }
}

impl Hour {
    fn take(&self, key: &str, value: Option<f64>) {
        let Some(hour) = key.strip_prefix(self.family) else { return };
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => drop(hours.insert(hour.to_owned(), value)),
            None => drop(hours.remove(hour)),
        }
    }

    fn show(&self) {
        let hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        self.gauge.set(hours.last_key_value().map_or(0.0, |(_, value)| *value));
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    fn sets(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn shop() -> (Shop, impl Fn(&str) -> f64) {
        let registry = Registry::new();
        let shop = Shop::make(&Maker::new(&registry)).unwrap();
        let cities = shop.cities.clone();
        (shop, move |city| cities.with_label_values(&[city]).get())
    }

    #[test]
    fn figures_are_those_of_the_store() {
        let (shop, city) = shop();
        shop.record(
            &sets(&[
                ("revenue:total", "600"),
                ("orders:total", "6"),
                ("revenue:city:HCM", "100"),
                ("revenue:city:Huế", "500"),
                ("revenue:hourly:2026-01-01T09", "250"),
                ("revenue:hourly:2026-01-01T10", "350"),
                ("orders:hourly:2026-01-01T10", "4"),
                ("trend:window:5m", "{}"),
            ]),
            &[],
        );
        assert_eq!((shop.revenue.get(), shop.orders.get()), (600.0, 6.0));
        assert_eq!((city("HCM"), city("Hà Nội"), city(OTHER)), (100.0, 0.0, 500.0));
        assert_eq!((shop.hour[0].gauge.get(), shop.hour[1].gauge.get()), (350.0, 4.0));
    }

    #[test]
    fn what_is_gone_from_the_store_is_gone_here() {
        let (shop, city) = shop();
        shop.record(
            &sets(&[
                ("revenue:total", "350"),
                ("revenue:city:HCM", "350"),
                ("revenue:hourly:2026-01-01T10", "350"),
            ]),
            &[],
        );
        let gone = ["revenue:city:HCM", "revenue:hourly:2026-01-01T10"].map(str::to_owned);
        shop.record(&sets(&[("revenue:total", "0")]), &gone);
        assert_eq!(
            (shop.revenue.get(), city("HCM"), city(OTHER), shop.hour[0].gauge.get()),
            (0.0, 0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn who_stands_by_knows_nothing_of_the_store() {
        let (shop, city) = shop();
        shop.record(&sets(&[("revenue:total", "5"), ("orders:total", "1"), ("revenue:city:HCM", "5")]), &[]);
        shop.forget();
        assert_eq!((shop.revenue.get(), shop.orders.get(), city("HCM")), (0.0, 0.0, 0.0));
    }
}
