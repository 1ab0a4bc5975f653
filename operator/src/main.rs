//! The operator of Millrace.

use std::process::ExitCode;

use clap::Parser;

// The feature `override` replaces C's malloc too, which librdkafka uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    operator::run(operator::Cli::parse())
}
