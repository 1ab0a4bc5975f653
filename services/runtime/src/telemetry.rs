//! Log lines: filtered, as text or JSON, to standard error.

mod librdkafka;

use std::io::{self, IsTerminal};

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::config::{LogArgs, LogFormat};
use librdkafka::Quiet;

/// Starts logging for the whole process. Call it once, first.
///
/// # Errors
/// When logging was started before.
pub fn init(args: &LogArgs) -> Result<(), tracing_subscriber::util::TryInitError> {
    let LogArgs { log, log_format } = args;
    let lines = match log_format {
        LogFormat::Text => fmt::layer().with_ansi(colours()).with_writer(io::stderr).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(io::stderr).boxed(),
    };
    tracing_subscriber::registry().with(log.to_filter()).with(lines.with_filter(Quiet::default())).try_init()
}

/// Only for eyes, and not for those who do not want them (see no-color.org).
fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
