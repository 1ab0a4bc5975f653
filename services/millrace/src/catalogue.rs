//! Which processors and views there are.

use std::sync::Arc;

use contract::{ProcessorKind, ProcessorName, View};
use fraud::FraudKind;
use revenue::{RevenueKind, RevenueView};
use trend::{TrendKind, TrendView};

/// The processor of that name.
pub fn processor(name: ProcessorName) -> Arc<dyn ProcessorKind> {
    match name {
        ProcessorName::Revenue => Arc::new(RevenueKind::default()),
        ProcessorName::Fraud => Arc::new(FraudKind::default()),
        ProcessorName::Trend => Arc::new(TrendKind::default()),
    }
}

/// All views; the views process uses those whose processors are claimed.
pub fn views() -> Vec<Box<dyn View>> {
    vec![Box::new(RevenueView::default()), Box::new(TrendView::default())]
}
