//! What became of the orders: counted once, for metrics, progress lines and the final word alike.

use prometheus::{IntCounter, Registry};
use runtime::metrics::{Family, Maker};

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

/// What the simulator registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<Vec<Family>> {
    Maker::describe(Tally::make)
}

impl Tally {
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        Self::make(&Maker::new(registry))
    }

    fn make(make: &Maker) -> prometheus::Result<Self> {
        Ok(Self {
            accepted: make.counter("simulator_orders_accepted_total", "Orders handed to the Kafka client")?,
            delivered: make
                .counter("simulator_orders_delivered_total", "Orders acknowledged by the brokers")?,
            failed: make.counter("simulator_orders_failed_total", "Orders given up after all attempts")?,
            queue_full: make.counter(
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
