//! Options that several commands share, one clap group per concern.
//!
//! Every option is also an environment variable; the option wins. A value that cannot be right ends the
//! process with exit code 2 and the option's name before a port opens or a broker is asked.

mod kafka;
mod log;
mod pipeline;
mod secret;

pub use kafka::{KafkaArgs, KafkaProperties};
pub use log::{LogArgs, LogFilter, LogFormat};
pub use pipeline::PipelineArgs;

use std::net::SocketAddr;
use std::time::Duration;

use secret::Unechoed;

/// Where Redis is and how our keys are named there. Plain strings: only the crates that talk to Redis link a client.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Redis")]
pub struct RedisArgs {
    /// Redis or Valkey: redis://[user:password@]host:port[/db], or rediss:// for TLS.
    #[arg(long, env = "REDIS_URL", value_name = "URL", default_value = "redis://localhost:6379")]
    #[arg(hide_env_values = true, value_parser = Unechoed(redis_url))]
    pub redis_url: String,

    /// Put before every key. A part in braces keeps all keys in one slot of a Redis Cluster.
    #[arg(long, env = "REDIS_KEY_PREFIX", value_name = "PREFIX", default_value = "")]
    pub key_prefix: String,
}

/// Where the process answers about itself.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Operation")]
pub struct AdminArgs {
    /// Address of /livez, /readyz, /metrics and /status. Port 0 takes a free one and logs it.
    #[arg(long, env = "ADMIN_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:9464")]
    pub admin_listen: SocketAddr,
}

impl std::fmt::Debug for RedisArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { redis_url: _, key_prefix } = self;
        f.debug_struct("RedisArgs").field("key_prefix", key_prefix).finish_non_exhaustive()
    }
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

fn redis_url(text: &str) -> Result<String, String> {
    let known = ["redis://", "rediss://", "valkey://", "valkeys://", "redis+unix://", "unix://"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        Ok(text.to_owned())
    } else {
        Err("must begin with redis:// or rediss://, for example redis://localhost:6379".to_owned())
    }
}

#[cfg(test)]
mod tests;
