//! Revenue, counted plainly.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Hour, Update};
use foldtest::{TestOrder, watermarks};

pub type Counters = BTreeMap<String, i128>;

pub struct State {
    pub counters: Counters,
    pub over_limit: u64,
}

pub struct Shown {
    pub keys: BTreeMap<String, String>,
    pub update: Option<Update>,
}

/// What one partition holds after `orders`, with at most `names` products and cities by name.
pub fn state(orders: &[&TestOrder], names: usize) -> State {
    let (mut products, mut cities) = (BTreeSet::new(), BTreeSet::new());
    let mut state = State { counters: Counters::new(), over_limit: 0 };
    let watermarks = watermarks(orders);
    for (order, watermark) in orders.iter().zip(&watermarks) {
        let total = i128::from(order.total);
        let product = state.limited(&mut products, &order.product, names);
        let city = state.limited(&mut cities, &order.city, names);
        let hour = order.time.hour();
        state.add("revenue:total".into(), total);
        state.add("orders:total".into(), 1);
        state.add(format!("orders:product:{product}"), 1);
        state.add(format!("revenue:city:{city}"), total);
        // Kept when it came, and kept at the end.
        if [Some(watermark), watermarks.last()].into_iter().flatten().all(|w| hour.0 >= w.hour().0 - 92 * 24)
        {
            state.add(format!("revenue:hourly:{hour}"), total);
            state.add(format!("orders:hourly:{hour}"), 1);
        }
    }
    state
}

/// What all partitions show together.
pub fn shown(orders: &[&TestOrder]) -> Shown {
    let Some(newest) = orders.iter().map(|order| order.time.hour()).max() else {
        return Shown { keys: BTreeMap::new(), update: None };
    };
    let mut state = State { counters: Counters::new(), over_limit: 0 };
    for order in orders {
        let (total, hour) = (i128::from(order.total), order.time.hour());
        state.add("revenue:total".into(), total);
        state.add("orders:total".into(), 1);
        state.add(format!("orders:product:{}", order.product), 1);
        state.add(format!("revenue:city:{}", order.city), total);
        if hour >= Hour(newest.0 - 90 * 24) {
            state.add(format!("revenue:hourly:{hour}"), total);
            state.add(format!("orders:hourly:{hour}"), 1);
        }
    }
    let update = Update::Revenue {
        total_revenue: state.counters["revenue:total"],
        total_orders: state.counters["orders:total"],
        hourly_revenue: state.counters[&format!("revenue:hourly:{newest}")],
        timestamp: "2027-01-15T08:00:00.000Z".to_owned(),
        sequence: 0,
    };
    let keys = state.counters.into_iter().map(|(key, sum)| (key, sum.to_string())).collect();
    Shown { keys, update: Some(update) }
}

impl State {
    fn add(&mut self, key: String, amount: i128) {
        *self.counters.entry(key).or_default() += amount;
    }

    fn limited<'a>(&mut self, known: &mut BTreeSet<&'a str>, name: &'a str, most: usize) -> &'a str {
        if name == "(other)" || known.contains(name) {
            name
        } else if known.len() < most {
            known.insert(name);
            name
        } else {
            self.over_limit += 1;
            "(other)"
        }
    }
}
