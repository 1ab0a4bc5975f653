//! Gauges that are looked up when they are scraped.

use std::sync::Arc;

use prometheus::IntGaugeVec;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

/// Sets gauges just before they are read.
#[derive(Clone)]
pub(super) struct Shown {
    gauges: IntGaugeVec,
    look: Arc<dyn Fn(&IntGaugeVec) + Send + Sync>,
}

impl Shown {
    pub(super) fn new(gauges: IntGaugeVec, look: impl Fn(&IntGaugeVec) + Send + Sync + 'static) -> Self {
        Self { gauges, look: Arc::new(look) }
    }
}

impl Collector for Shown {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.look)(&self.gauges);
        self.gauges.collect()
    }
}
