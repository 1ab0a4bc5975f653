//! The fold.

use std::time::Duration;

use contract::keys::NAMES_PER_PARTITION;
use contract::{
    Fact, Order, Outputs, Processor, ProcessorKind, ProcessorName, Settings, StateError, StateWriter,
    Timestamp,
};

use crate::key::{CellKey, Subject};
use crate::panes::{CELLS_PER_PARTITION, Limits, Panes, Place};
use crate::tally::Tally;

/// Starts a [`Trend`] per partition.
#[derive(Clone, Debug)]
pub struct TrendKind {
    limits: Limits,
}

/// The panes of one partition.
pub struct Trend {
    products: Panes,
    cities: Panes,
}

impl Default for TrendKind {
    fn default() -> Self {
        Self::with_limits(NAMES_PER_PARTITION, CELLS_PER_PARTITION)
    }
}

impl TrendKind {
    /// A kind whose partitions count `names` products, and as many cities, by name, and keep `cells` cells
    /// for each of the two.
    pub fn with_limits(names: usize, cells: usize) -> Self {
        Self { limits: Limits { names, cells } }
    }
}

impl ProcessorKind for TrendKind {
    fn name(&self) -> ProcessorName {
        ProcessorName::Trend
    }

    fn format_version(&self) -> u32 {
        1
    }

    fn checkpoint_interval(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn start(&self, _settings: &Settings) -> Box<dyn Processor> {
        Box::new(Trend {
            products: Panes::new(Subject::Product, self.limits),
            cities: Panes::new(Subject::City, self.limits),
        })
    }
}

impl Processor for Trend {
    fn fold(&mut self, order: &Order<'_>, watermark: Timestamp, out: &mut Outputs) {
        let minute = order.timestamp.minute();
        for (panes, name) in [(&mut self.products, order.product), (&mut self.cities, order.city)] {
            panes.advance(watermark);
            if panes.add(minute, name, order.total) == Place::Other {
                out.count(Fact::NameOverLimit);
            }
        }
    }

    fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        self.products.checkpoint(state);
        self.cities.checkpoint(state);
    }

    fn load(&mut self, _format_version: u32, key: &str, value: &[u8]) -> Result<(), StateError> {
        let unreadable = |problem| StateError { key: key.to_owned(), problem };
        let cell =
            CellKey::parse(key).ok_or_else(|| unreadable("the key is not <minute>/<subject>/<name>"))?;
        let tally = Tally::parse(value).ok_or_else(|| unreadable("the value is not a tally of orders"))?;
        let panes = match cell.subject {
            Subject::Product => &mut self.products,
            Subject::City => &mut self.cities,
        };
        panes.load(cell.minute, cell.name, tally);
        Ok(())
    }

    fn configure(&mut self, _settings: &Settings) {}
}
