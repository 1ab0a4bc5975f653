//! The port through which a domain crate plugs its fold into the engine.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{Alert, Order, Rule, Settings, Timestamp};

/// The processors there are, in canonical order (the order in which they name a stage).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessorName {
    /// Totals by hour, city and product.
    Revenue,
    /// Alerts on single orders and on users who order too often.
    Fraud,
    /// Orders and revenue per product and city in one-minute panes of event time.
    Trend,
}

/// A kind of processor: what the engine needs to start one per input partition.
pub trait ProcessorKind: Send + Sync {
    /// Which processor this is; also the prefix of its state keys.
    fn name(&self) -> ProcessorName;

    /// The version of the keys and values it writes. It must be able to load this one and the one before.
    fn format_version(&self) -> u32;

    /// How long changes may wait for the next checkpoint while orders flow.
    fn checkpoint_interval(&self) -> Duration;

    /// An empty state for one input partition.
    fn start(&self, settings: &Settings) -> Box<dyn Processor>;
}

/// The pure fold over one input partition: `state × order → state, outputs`.
///
/// # Guarantees the engine gives
/// Every valid order of the partition is folded exactly once in offset order, as seen from the outputs
/// and the state that become visible. After a crash the state is loaded from the last checkpoint and the
/// orders since are folded again with their outputs thrown away.
///
/// # What the engine relies on
/// The result depends on the arguments alone: no clock, no randomness, no I/O. Loading what `checkpoint`
/// wrote gives a state that behaves as the one that wrote it.
pub trait Processor: Send {
    /// Folds one order. `watermark` is the greatest `min(order time, record time)` of the partition so far,
    /// this order included; time-based eviction goes by it.
    fn fold(&mut self, order: &Order<'_>, watermark: Timestamp, out: &mut Outputs);

    /// Hands over everything that changed since the last call, as absolute values and tombstones.
    fn checkpoint(&mut self, state: &mut dyn StateWriter);

    /// Takes back one record that an earlier `checkpoint` wrote (never a tombstone).
    /// `format_version` is that of the writer: the current one or the one before. A record of the version before
    /// counts as changed, so that the next checkpoint writes it anew: that checkpoint bears the current version.
    ///
    /// # Errors
    /// When key or value is not one that `checkpoint` writes.
    fn load(&mut self, format_version: u32, key: &str, value: &[u8]) -> Result<(), StateError>;

    /// Applies new settings from the next order on.
    fn configure(&mut self, settings: &Settings);
}

/// Receives a checkpoint. Keys are the processor's own; the engine adds its prefix.
pub trait StateWriter {
    /// The value of `key` is now `value` (at most 500 KiB).
    fn put(&mut self, key: &str, value: &[u8]);
    /// `key` has no value any more.
    fn delete(&mut self, key: &str);
}

/// A state record that the processor cannot have written.
#[derive(Debug, thiserror::Error)]
#[error("state record {key:?} cannot be read: {problem}")]
pub struct StateError {
    /// The record's key, without the engine's prefix.
    pub key: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Something a fold noticed that only metrics care about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Fact {
    /// An order older than what the velocity windows reach back to; not judged for velocity.
    LateOrder,
    /// Velocity was not judged because the partition holds the most windows it may.
    VelocityNotJudged,
    /// A product or city beyond the partition's limit of names, counted under `(other)`.
    NameOverLimit,
}

impl Fact {
    /// All facts, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::LateOrder, Self::VelocityNotJudged, Self::NameOverLimit];

    /// The metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::LateOrder => "late_order",
            Self::VelocityNotJudged => "velocity_not_judged",
            Self::NameOverLimit => "name_over_limit",
        }
    }
}

/// What folds put out, gathered in buffers that are reused from batch to batch.
#[derive(Debug, Default)]
pub struct Outputs {
    bytes: Vec<u8>,
    records: Vec<OutputRecord>,
    facts: [u64; Fact::ALL.len()],
}

#[derive(Debug)]
struct OutputRecord {
    rule: Rule,
    key_start: usize,
    value_start: usize,
    end: usize,
}

/// One alert that waits to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertRecord<'a> {
    /// The rule that raised it.
    pub rule: Rule,
    /// The record's key: the user id.
    pub key: &'a [u8],
    /// The record's value: JSON.
    pub value: &'a [u8],
}

impl Outputs {
    /// Adds an alert.
    pub fn alert(&mut self, alert: &Alert<'_>) {
        let key_start = self.bytes.len();
        self.bytes.extend_from_slice(alert.user_id.as_bytes());
        let value_start = self.bytes.len();
        alert.write_json(&mut self.bytes);
        self.records.push(OutputRecord { rule: alert.rule, key_start, value_start, end: self.bytes.len() });
    }

    /// Counts a fact.
    pub fn count(&mut self, fact: Fact) {
        self.facts[fact as usize] += 1;
    }

    /// The alerts, in the order they were raised.
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = AlertRecord<'_>> {
        self.records.iter().map(|r| AlertRecord {
            rule: r.rule,
            key: &self.bytes[r.key_start..r.value_start],
            value: &self.bytes[r.value_start..r.end],
        })
    }

    /// How often `fact` was counted since the last `clear`.
    pub fn facts(&self, fact: Fact) -> u64 {
        self.facts[fact as usize]
    }

    /// Whether no alert waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Forgets alerts and facts; keeps the buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.facts = [0; Fact::ALL.len()];
    }
}

impl ProcessorName {
    /// All of them, in canonical order.
    pub const ALL: [Self; 3] = [Self::Revenue, Self::Fraud, Self::Trend];

    /// The name as it stands on the command line, in stage names and in state keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revenue => "revenue",
            Self::Fraud => "fraud",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for ProcessorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProcessorName {
    type Err = UnknownProcessor;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|p| p.as_str() == name).ok_or_else(|| UnknownProcessor(name.to_owned()))
    }
}

/// A name that is no processor's.
#[derive(Debug, thiserror::Error)]
#[error("there is no processor {0:?}; there are: revenue, fraud, trend")]
pub struct UnknownProcessor(String);

#[cfg(test)]
mod tests {
    use super::{AlertRecord, Fact, Outputs, ProcessorName};
    use crate::{Alert, Rule, Timestamp};

    fn alert(rule: Rule, user_id: &str) -> Alert<'_> {
        Alert {
            rule,
            order_id: "o-1",
            user_id,
            timestamp: Timestamp(0),
            value: 11,
            threshold: 10,
            settings_generation: 0,
        }
    }

    #[test]
    fn names_read_back() {
        for name in ProcessorName::ALL {
            assert_eq!(name.to_string().parse::<ProcessorName>().unwrap(), name);
        }
        let error = "frauds".parse::<ProcessorName>().unwrap_err().to_string();
        assert_eq!(error, "there is no processor \"frauds\"; there are: revenue, fraud, trend");
    }

    #[test]
    fn outputs_hold_alerts_apart_and_in_order() {
        let mut outputs = Outputs::default();
        let alerts = [alert(Rule::HighValue, "user-1"), alert(Rule::Velocity, "user-22")];
        for round in 0..2 {
            assert!(outputs.is_empty(), "round {round}");
            for alert in &alerts {
                outputs.alert(alert);
            }
            let values = alerts.map(|alert| {
                let mut value = Vec::new();
                alert.write_json(&mut value);
                value
            });
            let expected = [
                AlertRecord { rule: Rule::HighValue, key: b"user-1", value: &values[0] },
                AlertRecord { rule: Rule::Velocity, key: b"user-22", value: &values[1] },
            ];
            assert_eq!(outputs.alerts().collect::<Vec<_>>(), expected);
            outputs.clear();
        }
    }

    #[test]
    fn facts_are_counted_one_by_one() {
        let mut outputs = Outputs::default();
        for (times, fact) in Fact::ALL.into_iter().enumerate() {
            (0..=times).for_each(|_| outputs.count(fact));
        }
        assert_eq!(Fact::ALL.map(|fact| outputs.facts(fact)), [1, 2, 3]);
        outputs.clear();
        assert_eq!(Fact::ALL.map(|fact| outputs.facts(fact)), [0, 0, 0]);
    }
}
