//! Parser and folds alone: no Kafka, one thread, one partition.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Result;
use contract::{OrderParser, Outputs, Processor, ProcessorKind, Settings, Timestamp};
use fraud::FraudKind;
use revenue::RevenueKind;
use trend::TrendKind;

use crate::progress;
use crate::quantile::Sorted;
use crate::report::{Table, to_f64};
use crate::workload::{Orders, Workload};

const ORDERS: usize = 200_000;
const ROUNDS: usize = 9;
const BEGIN: Timestamp = Timestamp(1_790_000_000_000);

/// Orders as the parser gets them.
struct Records {
    bytes: Vec<u8>,
    ends: Vec<(usize, Timestamp)>,
}

/// Measures and prints.
///
/// # Errors
/// When an order cannot be written or read.
pub fn run() -> Result<()> {
    progress::step("parser and folds");
    let mut table = Table::new(&["ns per order", "best", "median"]);
    for workload in [Workload::Plain, Workload::Escaped] {
        let records = Records::of(workload)?;
        let times = rounds(|| {
            records.each(|value, time, parser| {
                black_box(parser.parse(value, time)?);
                Ok(())
            })
        })?;
        table.row(row(format!("parse, {}", workload.name()), &times));
    }
    let records = Records::of(Workload::Plain)?;
    let kinds: [(&str, Vec<Box<dyn ProcessorKind>>); 4] = [
        ("parse and fold revenue", vec![Box::new(RevenueKind::default())]),
        ("parse and fold fraud", vec![Box::new(FraudKind::default())]),
        ("parse and fold trend", vec![Box::new(TrendKind::default())]),
        (
            "parse and fold all three",
            vec![
                Box::new(RevenueKind::default()),
                Box::new(FraudKind::default()),
                Box::new(TrendKind::default()),
            ],
        ),
    ];
    for (name, kinds) in kinds {
        let times = rounds(|| fold(&records, &kinds))?;
        table.row(row(name.to_owned(), &times));
    }
    println!("MICRO: {ORDERS} orders of one partition, {ROUNDS} rounds, in this process without Kafka");
    table.print();
    Ok(())
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

fn fold(records: &Records, kinds: &[Box<dyn ProcessorKind>]) -> Result<()> {
    let settings = Settings::default();
    let mut processors: Vec<Box<dyn Processor>> = kinds.iter().map(|kind| kind.start(&settings)).collect();
    let mut out = Outputs::default();
    records.each(|value, time, parser| {
        let order = parser.parse(value, time)?;
        for processor in &mut processors {
            processor.fold(&order, time, &mut out);
        }
        if out.alerts().len() > 1_000 {
            out.clear();
        }
        Ok(())
    })?;
    black_box(&processors);
    Ok(())
}

/// Nanoseconds per order of each round.
fn rounds(mut round: impl FnMut() -> Result<()>) -> Result<Sorted> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        round()?;
        times.push(started.elapsed().as_secs_f64() * 1e9 / to_f64(ORDERS as u64));
    }
    Ok(Sorted::new(times))
}

fn row(name: String, times: &Sorted) -> Vec<String> {
    vec![name, format!("{:.0}", times.percentile(1)), format!("{:.0}", times.percentile(50))]
}
