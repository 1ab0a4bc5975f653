//! The fold.

use std::time::Duration;

use contract::settings::FraudSettings;
use contract::{
    Alert, Fact, Order, Outputs, Processor, ProcessorKind, ProcessorName, Rule, Settings, StateError,
    StateWriter, Timestamp,
};

use crate::windows::{USER_MINUTES_PER_PARTITION, Velocity, Windows};

/// Starts a [`Fraud`] per partition.
#[derive(Clone, Debug)]
pub struct FraudKind {
    user_minutes: usize,
}

/// The fraud rules over one partition.
pub struct Fraud {
    thresholds: FraudSettings,
    settings_generation: u64,
    windows: Windows,
}

impl Default for FraudKind {
    fn default() -> Self {
        Self::with_user_minutes(USER_MINUTES_PER_PARTITION)
    }
}

impl FraudKind {
    /// A kind whose partitions keep at most `user_minutes` counts.
    pub fn with_user_minutes(user_minutes: usize) -> Self {
        Self { user_minutes }
    }
}

impl ProcessorKind for FraudKind {
    fn name(&self) -> ProcessorName {
        ProcessorName::Fraud
    }

    fn format_version(&self) -> u32 {
        1
    }

    fn checkpoint_interval(&self) -> Duration {
        Duration::from_secs(10)
    }

    fn start(&self, settings: &Settings) -> Box<dyn Processor> {
        Box::new(Fraud {
            thresholds: settings.fraud.clone(),
            settings_generation: settings.generation,
            windows: Windows::new(self.user_minutes),
        })
    }
}

impl Processor for Fraud {
    fn fold(&mut self, order: &Order<'_>, watermark: Timestamp, out: &mut Outputs) {
        if order.total > self.thresholds.high_value {
            out.alert(&self.alert(Rule::HighValue, order, order.total, self.thresholds.high_value));
        }
        self.windows.advance(watermark);
        let limit = self.thresholds.orders_per_minute;
        match self.windows.count(order.timestamp.minute(), order.user_id) {
            Velocity::Orders(orders) if orders > limit => {
                out.alert(&self.alert(Rule::Velocity, order, orders.into(), limit.into()));
            }
            Velocity::Orders(_) => {}
            Velocity::Late => out.count(Fact::LateOrder),
            Velocity::Full => out.count(Fact::VelocityNotJudged),
        }
    }

    fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        self.windows.checkpoint(state);
    }

    fn load(&mut self, _format_version: u32, key: &str, value: &[u8]) -> Result<(), StateError> {
        self.windows.load(key, value).map_err(|problem| StateError { key: key.to_owned(), problem })
    }

    fn configure(&mut self, settings: &Settings) {
        self.thresholds = settings.fraud.clone();
        self.settings_generation = settings.generation;
    }
}

impl Fraud {
    fn alert<'a>(&self, rule: Rule, order: &Order<'a>, value: u64, threshold: u64) -> Alert<'a> {
        Alert {
            rule,
            order_id: order.order_id,
            user_id: order.user_id,
            timestamp: order.timestamp,
            value,
            threshold,
            settings_generation: self.settings_generation,
        }
    }
}
