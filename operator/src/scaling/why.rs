//! Decisions in sentences. Numbers are rounded to two digits: a sentence that changes with every sample says less.

use std::time::Duration;

use super::verdict::{Verdict, count};
use super::{CALM, CONFIRM, REST};
use crate::api::ScalingReason;

/// Why replicas that are needed are not added yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GrowWait {
    /// Other pods work than are meant to.
    Pending,
    /// What a change leaves behind is being worked off.
    Settling { since: Duration, of: Duration },
    /// The need may pass.
    Unconfirmed,
}

/// Why replicas that are not needed are not taken away yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShrinkWait {
    /// Orders have piled up.
    CatchingUp,
    /// The need is known for less than the time that counts.
    Unknown { known: Duration },
    /// More were needed within the time that counts.
    Peak { highest: i32 },
    /// The replicas changed a moment ago, or are about to.
    Resting { highest: i32 },
}

impl ShrinkWait {
    pub(super) fn reason(self) -> ScalingReason {
        match self {
            Self::CatchingUp => ScalingReason::CatchUp,
            Self::Unknown { .. } | Self::Peak { .. } | Self::Resting { .. } => ScalingReason::Stabilising,
        }
    }
}

pub(super) fn waits_to_grow(wanted: i32, wait: &GrowWait) -> String {
    let until = match wait {
        GrowWait::Pending => "when the pods of the last change work".to_owned(),
        GrowWait::Settling { since, of } => {
            format!("not before {} s after the last change ({} s now)", of.as_secs(), since.as_secs())
        }
        GrowWait::Unconfirmed => format!("when that has been so for {} s", CONFIRM.as_secs()),
    };
    format!("; {} needed, and come {until}", are(wanted))
}

pub(super) fn waits_to_shrink(wanted: i32, wait: &ShrinkWait) -> String {
    let calm = minutes(CALM);
    match wait {
        ShrinkWait::CatchingUp => format!("; {wanted} would do when what has piled up is read"),
        ShrinkWait::Unknown { known } => {
            format!("; {wanted} would do, but the last {calm} min count and {} are known", minutes(*known))
        }
        ShrinkWait::Peak { highest } => {
            format!("; {wanted} would do, but within the last {calm} min {} needed", were(*highest))
        }
        ShrinkWait::Resting { highest } => {
            let rest = minutes(REST);
            format!("; for {calm} min {} enough, but the last change was within {rest} min", were(*highest))
        }
    }
}

pub(super) fn shrinks(calm: i32) -> String {
    format!("; for {} min {} enough, with a tenth to spare", minutes(CALM), were(calm))
}

impl Verdict<'_> {
    /// What arrives, what waits, and what a pod can do.
    pub(super) fn situation(&self) -> String {
        let (arrival, lag) = (self.demand.arrival(), count(self.demand.lag()));
        let Some(capacity) = self.capacity else { return "no orders arrive and none wait".to_owned() };
        let age = match self.demand.oldest_seconds {
            Some(age) if lag > 0.0 => format!(", the oldest for {} s", figure(age)),
            _ => String::new(),
        };
        format!(
            "{} orders/s arrive and {} wait{age}; a pod reads {}/s, so that takes {} pods",
            figure(arrival),
            figure(lag),
            figure(capacity),
            figure(self.pods()),
        )
    }

    /// Why it is so many replicas.
    pub(super) fn explain(&self, replicas: i32) -> String {
        match self.driver() {
            ScalingReason::HotPartition => {
                let (partition, pods) = self.hottest();
                let pods = figure(pods);
                format!("; partition {partition} alone takes {pods}, which more replicas cannot share")
            }
            ScalingReason::AtPartitionLimit if self.limits.max < self.limits.partitions => {
                format!("; scaling.max allows {}", self.limits.max)
            }
            ScalingReason::AtPartitionLimit => {
                format!("; {} partitions cannot be shared by more", self.limits.partitions)
            }
            ScalingReason::CatchUp => format!("; {} would do had nothing piled up", self.without_lag()),
            _ if self.capacity.is_none() => String::new(),
            _ => format!("; the busiest of {replicas} has {} to do", figure(self.busiest(replicas))),
        }
    }
}

fn are(replicas: i32) -> String {
    if replicas == 1 { "1 is".to_owned() } else { format!("{replicas} are") }
}

fn were(replicas: i32) -> String {
    if replicas == 1 { "1 was".to_owned() } else { format!("{replicas} were") }
}

fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
}

/// Two digits, with commas: `0.83`, `12`, `12,000`.
fn figure(value: f64) -> String {
    if value < 0.01 {
        return "0".to_owned();
    }
    let unit = 10_f64.powf(value.log10().floor() - 1.0);
    let rounded = (value / unit).round() * unit;
    if rounded < 10.0 {
        let text = format!("{rounded:.2}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{rounded:.0}");
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::figure;

    #[test]
    fn figures_have_two_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.004, "0"),
            (0.826, "0.83"),
            (1.0, "1"),
            (2.449, "2.4"),
            (9.97, "10"),
            (12.4, "12"),
            (995.0, "1,000"),
            (12_437.0, "12,000"),
            (3_149_000.0, "3,100,000"),
        ] {
            assert_eq!(figure(value), text);
        }
    }
}
