//! Options that several commands share, one clap group per concern.
//!
//! Every option is also an environment variable; the option wins. A value that cannot be right ends the
//! process with exit code 2 and the option's name before a port opens or a broker is asked.

mod kafka;
mod log;
mod pipeline;
mod redis;
mod secret;
mod security;

pub use kafka::{KafkaArgs, KafkaProperties};
pub use log::{LogArgs, LogFilter, LogFormat};
pub use pipeline::PipelineArgs;
pub use redis::{InvalidCredentials, RedisAddress, RedisArgs};
pub use secret::Secret;
pub use security::{SaslMechanism, SecurityArgs};

use std::net::SocketAddr;
use std::time::Duration;

/// Where the process answers about itself.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Operation")]
pub struct AdminArgs {
    /// Address of /livez, /readyz, /metrics and /status. Port 0 takes a free one and logs it.
    #[arg(long, env = "ADMIN_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:9464")]
    pub admin_listen: SocketAddr,
}

/// Value parser for durations as people write them: `50ms`, `10s`, `2m 30s`. Never negative.
///
/// # Errors
/// With a sentence for the command line when `text` is no such duration.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<jiff::SignedDuration> = text.parse().ok();
    parsed
        .and_then(|d| Duration::try_from(d).ok())
        .ok_or_else(|| "not a duration; write for example 50ms, 10s or 2m".to_owned())
}

#[cfg(test)]
mod tests;
