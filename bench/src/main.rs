//! Measures Millrace on a real Kafka and a real Redis of this machine: `cargo run --release -p millrace-bench`.
//!
//! Figures go to standard output, progress to standard error. See `--help` for parts and options.

mod alloc;
mod binaries;
mod cli;
mod drain;
mod fill;
mod idle;
mod lab;
mod latency;
mod machine;
mod micro;
mod native;
mod pipeline;
mod progress;
mod quantile;
mod report;
mod restore;
mod roof;
mod server;
mod service;
mod topic;
mod traces;
mod usage;
mod web;
mod workload;

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    cli::Cli::parse().run()
}
