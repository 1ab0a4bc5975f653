//! How long an alert takes from its order.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use contract::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::lab::Lab;
use crate::machine;
use crate::pipeline::Pipeline;
use crate::progress;
use crate::quantile::Sorted;
use crate::report::thousands;
use crate::service::Service;
use crate::web;

/// Options of the latency measurement.
#[derive(Clone, Debug, clap::Args)]
pub struct Latency {
    /// Orders per second.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(2..=200_000))]
    rate: u32,

    /// For how long to measure, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
}

/// What was measured.
struct Measured {
    /// Of each alert, in ms.
    latencies: Sorted,
    /// CPU of the stage, in percent of a core.
    stage_share: f64,
    commit_ms: f64,
    commits_per_second: f64,
    load: String,
}

/// Commits of a stage, and the time they took.
#[derive(Clone, Copy)]
struct Commits {
    count: f64,
    seconds: f64,
}

/// So many users that velocity alerts stay rare: about one order in ten raises an alert.
const USERS: u32 = 1_000_000;
/// Not measured: caches fill, the broker's code is compiled.
const WARM_UP: Duration = Duration::from_secs(5);

impl Default for Latency {
    fn default() -> Self {
        Self { rate: 5_000, seconds: 30 }
    }
}

impl Latency {
    /// Measures and prints.
    ///
    /// # Errors
    /// When a process fails, or no alert comes.
    pub fn run(&self, lab: &Lab) -> Result<()> {
        progress::step(&format!("latency at {} orders/s", self.rate));
        let topic = format!("{}-orders", lab.new_pipeline());
        lab.kafka.create(&topic, lab.options.partitions)?;
        let measured = self.measure(lab, &topic);
        lab.kafka.delete(&[&topic])?;
        let Measured { latencies, stage_share, commit_ms, commits_per_second, load } = measured?;
        ensure!(latencies.len() > 0, "no alert came");
        println!(
            "LATENCY: order -> alert, {} orders/s for {} s, {} alerts, load {load}",
            thousands(self.rate.into()),
            self.seconds,
            thousands(crate::report::to_f64(latencies.len() as u64))
        );
        println!(
            "  `millrace simulate --rate {} --users {USERS}`, one stage (revenue, fraud, trend), views beside it.",
            self.rate
        );
        println!(
            "  From the order's timestamp, set when it is handed to the producer (which lingers 5 ms), to a"
        );
        println!(
            "  read_committed consumer that holds the alert. Both clocks are this machine's, in whole ms."
        );
        println!(
            "  p50 {:.0} ms   p90 {:.0} ms   p99 {:.0} ms   max {:.0} ms",
            latencies.percentile(50),
            latencies.percentile(90),
            latencies.percentile(99),
            latencies.max(),
        );
        println!(
            "  stage: {stage_share:.1} % of a core, {commits_per_second:.0} commits/s of {commit_ms:.1} ms on average"
        );
        Ok(())
    }

    fn measure(&self, lab: &Lab, topic: &str) -> Result<Measured> {
        let pipeline = Pipeline::new(lab, topic)?;
        let views = pipeline.views()?;
        let mut stage = pipeline.stage(&lab.binaries.plain, &[])?;
        stage.wait_until_ready()?;
        let alerts = reader(lab, &pipeline.alerts())?;
        let shop = pipeline.shop(self.rate, USERS)?;
        collect(&alerts, WARM_UP, &mut stage)?;
        let (load, before) = (machine::load(), Commits::of(&stage)?);
        let cpu_before = stage.cpu()?;
        let latencies = Sorted::new(collect(&alerts, Duration::from_secs(self.seconds), &mut stage)?);
        let used = stage.cpu()?.saturating_sub(cpu_before);
        let commits = Commits::of(&stage)?.since(before);
        shop.stop()?;
        stage.stop()?;
        views.stop()?;
        let seconds = Duration::from_secs(self.seconds).as_secs_f64();
        Ok(Measured {
            latencies,
            stage_share: used.as_secs_f64() / seconds * 100.0,
            commit_ms: commits.seconds / commits.count * 1_000.0,
            commits_per_second: commits.count / seconds,
            load,
        })
    }
}

impl Commits {
    fn of(stage: &Service) -> Result<Self> {
        let metrics = stage.metrics()?;
        let value = |part| web::metric(&metrics, &format!("millrace_stage_commit_duration_seconds_{part}"));
        Ok(Self { count: value("count"), seconds: value("sum") })
    }

    fn since(self, before: Self) -> Self {
        Self { count: self.count - before.count, seconds: self.seconds - before.seconds }
    }
}

/// A consumer of all alerts from now on.
fn reader(lab: &Lab, topic: &str) -> Result<BaseConsumer> {
    let consumer: BaseConsumer = lab
        .kafka
        .client()
        .set("group.id", "millrace-bench-latency")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "1")
        .create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..lab.options.partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    Ok(consumer)
}

/// The latency, in ms, of each alert that comes within `time`.
fn collect(alerts: &BaseConsumer, time: Duration, stage: &mut Service) -> Result<Vec<f64>> {
    let deadline = Instant::now() + time;
    let mut latencies = Vec::new();
    while Instant::now() < deadline {
        let Some(message) = alerts.poll(Duration::from_millis(100)) else {
            stage.check()?;
            continue;
        };
        let message = message?;
        let ordered =
            timestamp(message.payload().unwrap_or_default()).context("an alert without a timestamp")?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let ordered = Duration::from_millis(u64::try_from(ordered.0)?);
        latencies.push(now.saturating_sub(ordered).as_secs_f64() * 1_000.0);
    }
    Ok(latencies)
}

/// The `timestamp` of an alert as Millrace writes it.
fn timestamp(alert: &[u8]) -> Option<Timestamp> {
    let alert = std::str::from_utf8(alert).ok()?;
    let (_, rest) = alert.split_once("\"timestamp\":\"")?;
    let (text, _) = rest.split_once('"')?;
    Timestamp::parse_rfc3339(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alerts_time_is_its_orders() {
        let alert = br#"{"alertId":"a","timestamp":"1970-01-01T00:00:01.500Z","value":1}"#;
        assert_eq!(timestamp(alert), Some(Timestamp(1_500)));
        assert_eq!(timestamp(b"{}"), None);
    }
}
