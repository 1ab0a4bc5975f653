//! The alert: a record of the `alerts` topic.

use crate::Timestamp;
use crate::json::{write_escaped, write_string, write_u64};

/// A rule that can raise an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// One order's total is above the threshold.
    HighValue,
    /// A user placed more orders in one UTC minute than the threshold.
    Velocity,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Look at it today.
    High,
    /// Look at it now.
    Critical,
}

/// One alert. Everything in it derives from the order, the state and the settings, so that raising it
/// again gives the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert<'a> {
    /// The rule that raised it.
    pub rule: Rule,
    /// The order that raised it.
    pub order_id: &'a str,
    /// The order's user; also the record's key.
    pub user_id: &'a str,
    /// The order's own time.
    pub timestamp: Timestamp,
    /// What was measured: the total in VND, or the orders in the minute.
    pub value: u64,
    /// What it was compared with, in the same unit.
    pub threshold: u64,
    /// The generation of the settings that the threshold comes from.
    pub settings_generation: u64,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 2] = [Self::HighValue, Self::Velocity];

    /// The `type` in JSON, as the original course project names it.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::HighValue => "HIGH_VALUE",
            Self::Velocity => "VELOCITY",
        }
    }

    /// The `rule` in JSON, the first part of an alert's id, and the label of metrics.
    pub const fn id(self) -> &'static str {
        match self {
            Self::HighValue => "high-value",
            Self::Velocity => "velocity",
        }
    }

    /// How bad it is when this rule is broken.
    pub const fn severity(self) -> Severity {
        match self {
            Self::HighValue => Severity::High,
            Self::Velocity => Severity::Critical,
        }
    }
}

impl Severity {
    /// The `severity` in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl Alert<'_> {
    /// Appends the alert as one JSON object:
    /// `{"alertId","type","rule","message","severity","orderId","userId","timestamp","value","threshold","settingsGeneration"}`.
    ///
    /// `alertId` is `<rule>:<orderId>`, `timestamp` RFC 3339 in UTC, the last three are numbers.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Self { rule, order_id, user_id, timestamp, value, threshold, settings_generation } = *self;
        out.extend_from_slice(b"{\"alertId\":\"");
        out.extend_from_slice(rule.id().as_bytes());
        out.push(b':');
        write_escaped(out, order_id);
        out.extend_from_slice(b"\",\"type\":\"");
        out.extend_from_slice(rule.type_name().as_bytes());
        out.extend_from_slice(b"\",\"rule\":\"");
        out.extend_from_slice(rule.id().as_bytes());
        out.extend_from_slice(b"\",\"message\":\"");
        self.write_message(out);
        out.extend_from_slice(b"\",\"severity\":\"");
        out.extend_from_slice(rule.severity().as_str().as_bytes());
        out.extend_from_slice(b"\",\"orderId\":");
        write_string(out, order_id);
        out.extend_from_slice(b",\"userId\":");
        write_string(out, user_id);
        out.extend_from_slice(b",\"timestamp\":\"");
        timestamp.write_rfc3339(out);
        out.extend_from_slice(b"\",\"value\":");
        write_u64(out, value);
        out.extend_from_slice(b",\"threshold\":");
        write_u64(out, threshold);
        out.extend_from_slice(b",\"settingsGeneration\":");
        write_u64(out, settings_generation);
        out.push(b'}');
    }

    /// Appends the sentence for people, escaped for JSON.
    fn write_message(&self, out: &mut Vec<u8>) {
        match self.rule {
            Rule::HighValue => {
                out.extend_from_slice(b"Order ");
                write_escaped(out, self.order_id);
                out.extend_from_slice(b": ");
                write_millions(out, self.value);
                out.extend_from_slice(b"M exceeds threshold");
            }
            Rule::Velocity => {
                out.extend_from_slice(b"User ");
                write_escaped(out, self.user_id);
                out.extend_from_slice(b": ");
                write_u64(out, self.value);
                out.extend_from_slice(b" orders in 1 minute");
            }
        }
    }
}

/// Appends `value` in millions with one decimal, rounded half up.
fn write_millions(out: &mut Vec<u8>, value: u64) {
    let tenths = value / 100_000 + u64::from(value % 100_000 >= 50_000);
    write_u64(out, tenths / 10);
    out.push(b'.');
    write_u64(out, tenths % 10);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{Alert, Rule, write_millions};
    use crate::Timestamp;

    fn alert(rule: Rule) -> Alert<'static> {
        Alert {
            rule,
            order_id: "o-1",
            user_id: "user-7",
            timestamp: Timestamp(1_795_366_800_120),
            value: if rule == Rule::HighValue { 120_000_000 } else { 11 },
            threshold: if rule == Rule::HighValue { 50_000_000 } else { 10 },
            settings_generation: 3,
        }
    }

    fn json_of(alert: &Alert<'_>) -> String {
        let mut out = Vec::new();
        alert.write_json(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn high_value_is_written_to_the_byte() {
        assert_eq!(
            json_of(&alert(Rule::HighValue)),
            "{\"alertId\":\"high-value:o-1\",\"type\":\"HIGH_VALUE\",\"rule\":\"high-value\",\
             \"message\":\"Order o-1: 120.0M exceeds threshold\",\"severity\":\"HIGH\",\"orderId\":\"o-1\",\
             \"userId\":\"user-7\",\"timestamp\":\"2026-11-22T17:00:00.120Z\",\"value\":120000000,\
             \"threshold\":50000000,\"settingsGeneration\":3}"
        );
    }

    #[test]
    fn velocity_is_written_to_the_byte() {
        assert_eq!(
            json_of(&alert(Rule::Velocity)),
            "{\"alertId\":\"velocity:o-1\",\"type\":\"VELOCITY\",\"rule\":\"velocity\",\
             \"message\":\"User user-7: 11 orders in 1 minute\",\"severity\":\"CRITICAL\",\"orderId\":\"o-1\",\
             \"userId\":\"user-7\",\"timestamp\":\"2026-11-22T17:00:00.120Z\",\"value\":11,\
             \"threshold\":10,\"settingsGeneration\":3}"
        );
    }

    #[test]
    fn millions_round_half_up() {
        for (value, text) in [
            (0, "0.0"),
            (49_999, "0.0"),
            (50_000, "0.1"),
            (50_000_001, "50.0"),
            (50_050_000, "50.1"),
            (50_049_999, "50.0"),
            (99_950_000, "100.0"),
            (149_999_999, "150.0"),
            (9_007_199_254_740_991, "9007199254.7"),
            (u64::MAX, "18446744073709.6"),
        ] {
            let mut out = Vec::new();
            write_millions(&mut out, value);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{value}");
        }
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        prop_oneof![Just(Rule::HighValue), Just(Rule::Velocity)]
    }

    proptest! {
        #[test]
        fn is_the_json_that_serde_json_reads(
            rule in any_rule(),
            (order_id, user_id) in (".{0,60}", "(?s).{0,60}"),
            ms in 0..=Timestamp::LATEST.0,
            (value, threshold, generation) in any::<(u64, u64, u64)>(),
        ) {
            let alert = Alert {
                rule,
                order_id: &order_id,
                user_id: &user_id,
                timestamp: Timestamp(ms),
                value,
                threshold,
                settings_generation: generation,
            };
            let read: serde_json::Value = serde_json::from_str(&json_of(&alert)).unwrap();
            let message = match rule {
                Rule::HighValue => {
                    let tenths = (u128::from(value) + 50_000) / 100_000;
                    format!("Order {order_id}: {}.{}M exceeds threshold", tenths / 10, tenths % 10)
                }
                Rule::Velocity => format!("User {user_id}: {value} orders in 1 minute"),
            };
            prop_assert_eq!(read, json!({
                "alertId": format!("{}:{order_id}", rule.id()),
                "type": rule.type_name(),
                "rule": rule.id(),
                "message": message,
                "severity": if rule == Rule::HighValue { "HIGH" } else { "CRITICAL" },
                "orderId": order_id,
                "userId": user_id,
                "timestamp": Timestamp(ms).to_string(),
                "value": value,
                "threshold": threshold,
                "settingsGeneration": generation,
            }));
        }
    }
}
