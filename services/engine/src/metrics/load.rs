//! How much a stage has to do.

use prometheus::{Counter, Gauge, IntCounterVec, IntGauge, IntGaugeVec};
use runtime::metrics::{Label, Maker};

use super::Metrics;

/// What arrives, what waits, and how busy the stage is with it.
#[derive(Clone)]
pub(super) struct Load {
    arrived: IntCounterVec,
    lag: IntGaugeVec,
    oldest_unread_seconds: Gauge,
    busy_seconds: Counter,
    folding_seconds: Counter,
    partitions: IntGauge,
    lost: IntGauge,
}

impl Load {
    pub(super) fn make(make: &Maker) -> prometheus::Result<Self> {
        let partition = || Label::described("partition", "the partition of the orders topic");
        Ok(Self {
            arrived: make.counters(
                "stage_arrived_records_total",
                "Records seen to be written to the partitions while they were assigned here",
                &[partition()],
            )?,
            lag: make.gauges("stage_lag_records", "Records not read yet", &[partition()])?,
            oldest_unread_seconds: make.float_gauge(
                "stage_oldest_unread_age_seconds",
                "Age of the oldest unread order, at most; 0 without lag",
            )?,
            busy_seconds: make.float_counter(
                "stage_busy_seconds_total",
                "Time spent folding and committing; its rate is the busy share",
            )?,
            folding_seconds: make.float_counter(
                "stage_folding_seconds_total",
                "Time spent folding, of the time that the stage was busy",
            )?,
            partitions: make
                .gauge("stage_assigned_partitions", "Partitions that are restored and read here")?,
            lost: make.gauge(
                "stage_lost_records",
                "Records that were given up with `millrace state accept-loss`, of the partitions read here",
            )?,
        })
    }
}

impl Metrics {
    pub(crate) fn record_busy(&self, seconds: f64) {
        self.load.busy_seconds.inc_by(seconds);
    }

    pub(crate) fn record_folding(&self, seconds: f64) {
        self.load.folding_seconds.inc_by(seconds);
        self.record_busy(seconds);
    }

    /// Forgets the lag of partitions that are not ours any more.
    pub(crate) fn reset_lag(&self) {
        self.load.lag.reset();
        self.record_partitions(0, 0);
        self.load.oldest_unread_seconds.set(0.0);
    }

    pub(crate) fn record_lag(&self, partition: i32, records: u64) {
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.load.lag.with_label_values(&[&partition.to_string()]).set(records);
    }

    pub(crate) fn record_arrived(&self, partition: i32, records: u64) {
        self.load.arrived.with_label_values(&[&partition.to_string()]).inc_by(records);
    }

    pub(crate) fn record_oldest_unread(&self, seconds: f64) {
        self.load.oldest_unread_seconds.set(seconds);
    }

    /// How many partitions are read, and how many records of them were given up.
    pub(crate) fn record_partitions(&self, partitions: usize, lost: u64) {
        self.load.partitions.set(i64::try_from(partitions).unwrap_or(i64::MAX));
        self.load.lost.set(i64::try_from(lost).unwrap_or(i64::MAX));
    }
}
