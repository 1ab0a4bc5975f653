//! What is logged, and how it is written.

use std::str::FromStr;

use tracing_subscriber::EnvFilter;

/// What is logged (to standard error), and how it is written.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Operation")]
pub struct LogArgs {
    /// What to log: a level, or directives such as `info,millrace=debug,librdkafka=error`.
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", default_value = "info")]
    pub log: LogFilter,

    /// How log lines are written.
    #[arg(long, env = "LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// A filter in the syntax of `RUST_LOG`, checked.
#[derive(Clone, Debug)]
pub struct LogFilter(String);

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFilter {
    /// The filter as the subscriber takes it.
    pub(crate) fn to_filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match EnvFilter::builder().parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("{error}; write for example info or info,librdkafka=error")),
        }
    }
}
