//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::lab::Lab;
use crate::roof::EmptyDrain;
use crate::workload::Workload;
use crate::{drain, idle, latency, machine, micro, restore, traces};

const EXAMPLES: &str = "\
Without a part, all of them run, one after the other.

Examples:
  cargo run --release -p millrace-bench                                   everything
  cargo run --release -p millrace-bench -- drain --workload plain         throughput on one workload
  cargo run --release -p millrace-bench -- --orders 500000 --no-build drain

Topics once filled are kept under the data directory and used again by the next run.";

/// Measures Millrace on a real Kafka and a real Redis that it starts on this machine.
#[derive(Debug, Parser)]
#[command(name = "millrace-bench", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What holds for all parts.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Orders in each filled topic.
    #[arg(long, global = true, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(10_000..))]
    pub orders: u64,

    /// Partitions of the orders topic.
    #[arg(long, global = true, default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub partitions: i32,

    /// Where servers keep their data and processes their logs.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../.run/bench"))]
    pub data: PathBuf,

    /// Fill topics anew even if they are there.
    #[arg(long, global = true)]
    pub refill: bool,

    /// Take target/release/millrace and target/release/millrace-faults as they are.
    #[arg(long, global = true)]
    pub no_build: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum Part {
    /// Throughput, CPU and memory while draining a filled topic.
    Drain(drain::Drain),
    /// Time from an order to its alert, at a steady rate.
    Latency(latency::Latency),
    /// CPU without orders.
    Idle(idle::Idle),
    /// Time and bytes of a restart with a million active users.
    Restore,
    /// What tracing costs a stage at full speed (needs Go, to build a collector).
    Traces(traces::Traces),
    /// Nanoseconds per order of parser and folds, without Kafka.
    Micro,
    /// The empty drain that `drain` starts as a process of its own.
    #[command(hide = true)]
    EmptyDrain(EmptyDrain),
}

impl Cli {
    /// Runs what was asked for.
    ///
    /// # Errors
    /// When something cannot be started or measured.
    pub fn run(self) -> Result<()> {
        let Self { options, part } = self;
        match part {
            Some(Part::EmptyDrain(empty)) => empty.run(options.partitions, options.orders),
            Some(Part::Micro) => {
                introduce();
                micro::run()
            }
            Some(part) => {
                introduce();
                part.run(&Lab::open(options)?)
            }
            None => {
                introduce();
                all(&Lab::open(options)?)
            }
        }
    }
}

impl Part {
    fn run(self, lab: &Lab) -> Result<()> {
        match self {
            Self::Drain(drain) => drain.run(lab),
            Self::Latency(latency) => latency.run(lab),
            Self::Idle(idle) => idle.run(lab),
            Self::Restore => restore::run(lab),
            Self::Traces(traces) => traces.run(lab),
            Self::Micro => micro::run(),
            Self::EmptyDrain(empty) => empty.run(lab.options.partitions, lab.options.orders),
        }
    }
}

fn all(lab: &Lab) -> Result<()> {
    let parts = [
        Part::Drain(drain::Drain::default()),
        Part::Latency(latency::Latency::default()),
        Part::Idle(idle::Idle::default()),
        Part::Restore,
        Part::Traces(traces::Traces::default()),
        Part::Micro,
    ];
    for part in parts {
        part.run(lab)?;
        println!();
    }
    Ok(())
}

/// What is measured, on what, and the command that does it again.
fn introduce() {
    println!("Millrace benchmark, {}", machine::occasion());
    println!("{}", machine::Machine::here());
    println!("cargo run --release -p millrace-bench -- {}", arguments());
    println!();
}

fn arguments() -> String {
    std::env::args().skip(1).collect::<Vec<_>>().join(" ")
}

/// The workloads to measure when none is named.
pub const ALL_WORKLOADS: [Workload; 4] =
    [Workload::Plain, Workload::ManyUsers, Workload::HotUser, Workload::Escaped];
