//! What became of the orders: counted once, for metrics, progress lines and the final word alike.

use prometheus::{IntCounter, Registry};
use runtime::metrics::registered;

/// Counts of one run. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    accepted: IntCounter,
    delivered: IntCounter,
    failed: IntCounter,
    queue_full: IntCounter,
}

/// The counts at one moment. Every accepted order ends as delivered or failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders handed to the Kafka client.
    pub accepted: u64,
    /// Orders the brokers acknowledged.
    pub delivered: u64,
    /// Orders that were given up.
    pub failed: u64,
}

impl Tally {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name, help| registered(registry, IntCounter::new(name, help)?);
        Ok(Self {
            accepted: counter("simulator_orders_accepted_total", "Orders handed to the Kafka client")?,
            delivered: counter("simulator_orders_delivered_total", "Orders acknowledged by the brokers")?,
            failed: counter("simulator_orders_failed_total", "Orders given up after all attempts")?,
            queue_full: counter(
                "simulator_queue_full_total",
                "Times sending paused because the Kafka client's queue was full",
            )?,
        })
    }

    pub(crate) fn record_accepted(&self) {
        self.accepted.inc();
    }

    pub(crate) fn record_delivered(&self) {
        self.delivered.inc();
    }

    pub(crate) fn record_failed(&self) {
        self.failed.inc();
    }

    pub(crate) fn record_queue_full(&self) {
        self.queue_full.inc();
    }

    pub(crate) fn counts(&self) -> Counts {
        // What came of orders is read before how many there are, so that it never exceeds it.
        let (delivered, failed) = (self.delivered.get(), self.failed.get());
        Counts { accepted: self.accepted.get(), delivered, failed }
    }
}

impl Counts {
    /// Orders of which it is not known yet whether they were delivered.
    pub fn pending(self) -> u64 {
        self.accepted.saturating_sub(self.delivered + self.failed)
    }
}
