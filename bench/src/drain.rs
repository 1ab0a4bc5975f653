//! How fast, and at what cost, a stage works off a filled topic.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::ALL_WORKLOADS;
use crate::lab::Lab;
use crate::machine;
use crate::pipeline::Pipeline;
use crate::progress;
use crate::report::{Table, mebibytes, per_million, rate, thousands};
use crate::roof::{self, Roof};
use crate::service::Service;
use crate::topic::GroupOffsets;
use crate::web;
use crate::workload::Workload;

/// Options of the drain.
#[derive(Clone, Debug, clap::Args)]
pub struct Drain {
    /// What the orders are like; may be repeated.
    #[arg(long = "workload", value_enum, default_values_t = ALL_WORKLOADS)]
    workloads: Vec<Workload>,

    /// Measure each row so often.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
}

/// What a drain took.
pub struct Measured {
    orders: u64,
    wall: Duration,
    /// Orders within `wall`: the first commit ends the start-up and begins the clock.
    timed: u64,
    /// CPU time of the stage.
    pub stage: Duration,
    views: Duration,
    broker: Duration,
    redis: Duration,
    peak: u64,
    alerts: f64,
    commits: f64,
}

const HEADINGS: [&str; 10] = [
    "drain",
    "orders/s",
    "CPU stage",
    "CPU views",
    "CPU broker",
    "CPU Redis",
    "peak RSS MiB",
    "alerts",
    "commits",
    "load",
];

/// How often the group's progress is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A drain that makes no progress for so long has failed.
const STUCK: Duration = Duration::from_mins(1);

impl Default for Drain {
    fn default() -> Self {
        Self { workloads: ALL_WORKLOADS.to_vec(), repeat: 1 }
    }
}

impl Drain {
    /// Measures and prints.
    ///
    /// # Errors
    /// When a process or server fails.
    pub fn run(&self, lab: &Lab) -> Result<()> {
        let mut table = Table::new(&HEADINGS);
        for &workload in &self.workloads {
            let topic = lab.filled(workload)?;
            progress::step("warming up");
            // Thrown away: brings the log into memory, and the broker's compiler to rest.
            measure(lab, &topic, &lab.binaries.plain, &[])?;
            for _ in 0..self.repeat {
                rows(lab, workload, &topic, &mut table)?;
            }
        }
        explain(lab);
        table.print();
        Ok(())
    }
}

fn rows(lab: &Lab, workload: Workload, topic: &str, table: &mut Table) -> Result<()> {
    let name = workload.name();
    progress::step(&format!("empty drain, {name}"));
    let load = machine::load();
    let roof = roof::measure(lab, topic)?;
    table.row(roof_row(format!("empty librdkafka drain, {name}"), lab.options.orders, &roof, load));
    progress::step(&format!("exactly once, {name}"));
    let load = machine::load();
    let measured = measure(lab, topic, &lab.binaries.plain, &[])?;
    table.row(measured.row(format!("exactly once, 50 ms, {name}"), load));
    if workload == Workload::Plain {
        progress::step(&format!("without transactions, {name}"));
        let load = machine::load();
        let off = [("MILLRACE_MUTATION", "no-transaction")];
        let measured = measure(lab, topic, &lab.binaries.faults, &off)?;
        table.row(measured.row(format!("without transactions *, {name}"), load));
    }
    Ok(())
}

fn explain(lab: &Lab) {
    let (orders, partitions) = (lab.options.orders, lab.options.partitions);
    println!(
        "DRAIN: {} orders in {partitions} partitions (zstd, about 200 bytes each), revenue + fraud + trend in one stage.",
        thousands(crate::report::to_f64(orders))
    );
    println!(
        "  stage: `millrace process revenue fraud trend --commit-interval 50ms`; `millrace views` runs beside it."
    );
    println!(
        "  orders/s: from the first commit to the last. CPU: seconds per million orders, whole processes from"
    );
    println!(
        "  their start until Redis holds the final totals (checked); broker and Redis: what they used meanwhile."
    );
    println!(
        "  * a test build whose outputs and offsets are sent outside of a transaction, each commit still flushed."
    );
}

fn roof_row(name: String, orders: u64, roof: &Roof, load: String) -> Vec<String> {
    let none = || "-".to_owned();
    let (cpu, broker) = (per_million(roof.cpu, orders), per_million(roof.broker, orders));
    vec![
        name,
        rate(orders, roof.wall),
        cpu,
        none(),
        broker,
        none(),
        mebibytes(roof.peak),
        none(),
        none(),
        load,
    ]
}

impl Measured {
    fn row(&self, name: String, load: String) -> Vec<String> {
        let cpu = |time| per_million(time, self.orders);
        vec![
            name,
            rate(self.timed, self.wall),
            cpu(self.stage),
            cpu(self.views),
            cpu(self.broker),
            cpu(self.redis),
            mebibytes(self.peak),
            thousands(self.alerts),
            thousands(self.commits),
            load,
        ]
    }
}

/// Drains `topic` once with `program` in this environment.
///
/// # Errors
/// When a process or server fails.
pub fn measure(lab: &Lab, topic: &str, program: &Path, environment: &[(&str, &str)]) -> Result<Measured> {
    let orders = lab.options.orders;
    let pipeline = Pipeline::new(lab, topic)?;
    let mut views = pipeline.views()?;
    let (broker, redis) = (lab.broker.cpu()?, lab.redis.cpu()?);
    let mut stage = pipeline.stage(program, environment)?;
    let (timed, wall) = watch(&pipeline.offsets()?, orders, &mut stage)?;
    pipeline.wait_for_redis(orders, &mut views)?;
    let used = stage.cpu()?;
    let metrics = stage.metrics()?;
    let measured = Measured {
        orders,
        wall,
        timed,
        stage: used,
        views: views.cpu()?,
        broker: lab.broker.cpu()?.saturating_sub(broker),
        redis: lab.redis.cpu()?.saturating_sub(redis),
        peak: stage.peak_memory()?,
        alerts: web::metric(&metrics, "millrace_alerts_total"),
        commits: web::metric(&metrics, "millrace_stage_commits_total"),
    };
    stage.stop()?;
    views.stop()?;
    Ok(measured)
}

/// Watches the group until it has committed `orders`; how many orders came after the first commit that was
/// seen, and in what time.
///
/// # Errors
/// When the stage ends or is stuck.
pub fn watch(offsets: &GroupOffsets, orders: u64, stage: &mut Service) -> Result<(u64, Duration)> {
    let bar = progress::bar(orders);
    let mut first: Option<(u64, Instant)> = None;
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        stage.check()?;
        let committed = offsets.committed()?;
        if committed != last {
            (last, moved) = (committed, Instant::now());
            bar.set_position(committed);
        }
        anyhow::ensure!(moved.elapsed() < STUCK, "no progress since order {last} for {STUCK:?}");
        match first {
            Some((begin, at)) if committed >= orders => {
                bar.finish_and_clear();
                return Ok((committed - begin, at.elapsed()));
            }
            None if committed > 0 => first = Some((committed, Instant::now())),
            _ => {}
        }
        std::thread::sleep(LOOK);
    }
}
