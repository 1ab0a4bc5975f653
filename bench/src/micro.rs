//! Parser and folds alone: no Kafka, one thread, one partition.

use std::hint::black_box;

use anyhow::Result;
use contract::{OrderParser, Outputs, Processor, ProcessorKind, Settings, Timestamp};
use fraud::FraudKind;
use revenue::RevenueKind;
use trend::TrendKind;

use crate::machine;
use crate::progress;
use crate::quantile::Sorted;
use crate::report::{Table, to_f64};
use crate::usage;
use crate::workload::{Orders, Workload};

const ORDERS: usize = 200_000;
const ROUNDS: usize = 9;
/// As many alerts are gathered as a busy commit would.
const KEPT_ALERTS: usize = 1_000;
const BEGIN: Timestamp = Timestamp(1_790_000_000_000);

/// Orders as the parser gets them.
struct Records {
    bytes: Vec<u8>,
    ends: Vec<(usize, Timestamp)>,
}

/// Something that is done to each order.
struct Job<'a> {
    name: String,
    records: &'a Records,
    processors: Vec<Box<dyn ProcessorKind>>,
}

/// Measures and prints.
///
/// # Errors
/// When an order cannot be written or read.
pub fn run() -> Result<()> {
    progress::step("parser and folds");
    let (plain, escaped) = (Records::of(Workload::Plain)?, Records::of(Workload::Escaped)?);
    let jobs = jobs(&plain, &escaped);
    let mut times = vec![Vec::new(); jobs.len()];
    // Round by round, so that a busy moment of the machine hits all of them.
    for _ in 0..ROUNDS {
        for (job, times) in jobs.iter().zip(&mut times) {
            times.push(job.time()?);
        }
    }
    let mut table = Table::new(&["CPU ns per order", "best", "median"]);
    for (job, times) in jobs.into_iter().zip(times) {
        let times = Sorted::new(times);
        let cell = |percent| format!("{:.0}", times.percentile(percent));
        table.row(vec![job.name, cell(1), cell(50)]);
    }
    println!(
        "MICRO: {ORDERS} orders of one partition, {ROUNDS} rounds, one thread without Kafka, load {}",
        machine::load()
    );
    table.print();
    Ok(())
}

fn jobs<'a>(plain: &'a Records, escaped: &'a Records) -> Vec<Job<'a>> {
    let parse = |workload: Workload, records| Job {
        name: format!("parse, {}", workload.name()),
        records,
        processors: Vec::new(),
    };
    let fold =
        |name: &str, processors| Job { name: format!("parse and fold {name}"), records: plain, processors };
    let (revenue, fraud, trend) = (
        || Box::new(RevenueKind::default()) as Box<dyn ProcessorKind>,
        || Box::new(FraudKind::default()) as Box<dyn ProcessorKind>,
        || Box::new(TrendKind::default()) as Box<dyn ProcessorKind>,
    );
    vec![
        parse(Workload::Plain, plain),
        parse(Workload::Escaped, escaped),
        fold("revenue", vec![revenue()]),
        fold("fraud", vec![fraud()]),
        fold("trend", vec![trend()]),
        fold("all three", vec![revenue(), fraud(), trend()]),
    ]
}

impl Job<'_> {
    /// CPU nanoseconds per order of one round, with empty state.
    fn time(&self) -> Result<f64> {
        let settings = Settings::default();
        let mut processors: Vec<Box<dyn Processor>> =
            self.processors.iter().map(|kind| kind.start(&settings)).collect();
        let mut out = Outputs::default();
        let before = usage::thread_cpu()?;
        self.records.each(|value, time, parser| {
            let order = black_box(parser.parse(value, time)?);
            for processor in &mut processors {
                processor.fold(&order, time, &mut out);
            }
            if out.alerts().len() > KEPT_ALERTS {
                out.clear();
            }
            Ok(())
        })?;
        let used = usage::thread_cpu()?.saturating_sub(before);
        black_box(&processors);
        Ok(used.as_secs_f64() * 1e9 / to_f64(ORDERS as u64))
    }
}

impl Records {
    fn of(workload: Workload) -> Result<Self> {
        let (mut orders, mut value) = (Orders::new(workload, BEGIN), Vec::new());
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..ORDERS {
            let time = orders.write(&mut value)?.time;
            bytes.extend_from_slice(&value);
            ends.push((bytes.len(), time));
        }
        Ok(Self { bytes, ends })
    }

    fn each(&self, mut handle: impl FnMut(&[u8], Timestamp, &mut OrderParser) -> Result<()>) -> Result<()> {
        let (mut parser, mut begin) = (OrderParser::default(), 0);
        for &(end, time) in &self.ends {
            handle(&self.bytes[begin..end], time, &mut parser)?;
            begin = end;
        }
        Ok(())
    }
}
