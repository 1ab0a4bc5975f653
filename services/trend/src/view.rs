//! The merge: tallies of all partitions become rankings.

use contract::keys::{TREND_AS_OF, TREND_WINDOW};
use contract::update::TrendWindow;
use contract::{Minute, ProcessorName, Publication, Settings, Timestamp, Update, View};

use crate::key::{CellKey, Subject};
use crate::merged::Merged;
use crate::ranking::{self, Candidate};
use crate::tally::Tally;
use crate::window::WINDOWS;

/// Ranks products and cities in each window: `trend:window:<window>`, `trend:as-of` and the `trend_update`,
/// whenever a tally in a window or the newest minute changed, or the number of names to show. When all
/// state is gone (a reset) the keys are deleted; there is no update without a newest minute.
pub struct TrendView {
    products: Merged,
    cities: Merged,
    newest: Option<Minute>,
    changed: bool,
    /// How many names the last publication showed.
    top_k: Option<usize>,
}

impl Default for TrendView {
    fn default() -> Self {
        Self { products: Merged::new(), cities: Merged::new(), newest: None, changed: false, top_k: None }
    }
}

impl View for TrendView {
    fn processor(&self) -> ProcessorName {
        ProcessorName::Trend
    }

    fn families(&self) -> &'static [&'static str] {
        &["trend:"]
    }

    fn changed(&mut self, key: &str, sum: Option<i128>) {
        // A key that the processor cannot have written is nothing to show.
        let Some(CellKey { minute, subject, name }) = CellKey::parse(key) else { return };
        let merged = match subject {
            Subject::Product => &mut self.products,
            Subject::City => &mut self.cities,
        };
        merged.set(minute, name, sum.map(Tally::from_sum), self.newest);
        self.changed = true;
        self.slide();
    }

    fn publish(&mut self, settings: &Settings, now: Timestamp, out: &mut Publication) {
        let resized = self.top_k.is_some_and(|shown| shown != settings.trend_top_k);
        if !std::mem::take(&mut self.changed) && !resized {
            return;
        }
        self.top_k = Some(settings.trend_top_k);
        let Some(newest) = self.newest else {
            return delete(out);
        };
        let as_of = newest.start().to_string();
        let windows: Vec<_> = (0..WINDOWS.len()).map(|at| self.rank(at, settings.trend_top_k)).collect();
        for window in &windows {
            let json = serde_json::to_string(window).expect("a ranking is plain data");
            out.keys.push((format!("{TREND_WINDOW}{}", window.window), Some(json)));
        }
        out.keys.push((TREND_AS_OF.to_owned(), Some(as_of.clone())));
        out.updates.push(Update::Trend { as_of, windows, timestamp: now.to_string(), sequence: 0 });
    }
}

impl TrendView {
    /// Lets the windows end with the newest minute.
    fn slide(&mut self) {
        let newest = self.products.newest().max(self.cities.newest());
        if newest != self.newest {
            self.products.slide(self.newest, newest);
            self.cities.slide(self.newest, newest);
            self.newest = newest;
        }
    }

    fn rank(&self, at: usize, most: usize) -> TrendWindow {
        let products = candidates(&self.products, at);
        let cities = candidates(&self.cities, at);
        TrendWindow {
            window: WINDOWS[at].label.to_owned(),
            products_by_score: ranking::by_score(&products, most),
            products_by_orders: ranking::by_orders(&products, most),
            cities_by_score: ranking::by_score(&cities, most),
            cities_by_orders: ranking::by_orders(&cities, most),
        }
    }
}

fn candidates(merged: &Merged, at: usize) -> Vec<Candidate<'_>> {
    merged.names().filter_map(|named| Candidate::new(&named.name, named.about[at])).collect()
}

fn delete(out: &mut Publication) {
    let windows = WINDOWS.iter().map(|window| format!("{TREND_WINDOW}{}", window.label));
    out.keys.extend(windows.chain([TREND_AS_OF.to_owned()]).map(|key| (key, None)));
}
