//! Options of a stage.

use std::sync::Arc;
use std::time::Duration;

use contract::{ProcessorKind, Topics};
use runtime::config::KafkaArgs;
use runtime::settings::Directory;
use tokio::sync::watch;

/// Where a stage begins that has never run before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StartAt {
    /// With the oldest order that the topic holds.
    #[default]
    Earliest,
    /// With orders that come after the start.
    Latest,
}

/// Options of `millrace process`.
#[derive(Clone, Debug, clap::Args)]
pub struct StageArgs {
    /// How often to commit while orders flow, for example 50ms; 1ms to 10s [default: from the live settings, 50ms]
    #[arg(long, env = "COMMIT_INTERVAL", value_parser = commit_interval)]
    pub commit_interval: Option<Duration>,

    /// After this long without a commit the brokers undo what a replica has begun and not finished; readers of its
    /// results wait for that. 1s to 15m [default: 10s]
    #[arg(long, env = "TRANSACTION_TIMEOUT", value_parser = transaction_timeout)]
    pub transaction_timeout: Option<Duration>,

    /// Where to begin on the stage's very first start
    #[arg(long, env = "START", value_enum, default_value_t)]
    pub start: StartAt,

    /// Name of this replica, stable across its restarts and unlike the other replicas' [default: host name]
    #[arg(long, env = "INSTANCE")]
    pub instance: Option<String>,
}

fn commit_interval(text: &str) -> Result<Duration, String> {
    let interval = runtime::config::duration(text)?;
    if (Duration::from_millis(1)..=Duration::from_secs(10)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be 1ms to 10s".to_owned())
    }
}

fn transaction_timeout(text: &str) -> Result<Duration, String> {
    let timeout = runtime::config::duration(text)?;
    // brokers take no more than this unless they are configured to (`transaction.max.timeout.ms`)
    if (Duration::from_secs(1)..=Duration::from_mins(15)).contains(&timeout) {
        Ok(timeout)
    } else {
        Err("must be 1s to 15m".to_owned())
    }
}

/// Everything a stage needs.
#[derive(Clone)]
pub struct StageConfig {
    /// How to reach Kafka.
    pub kafka: KafkaArgs,
    /// Names of topics, groups and ids.
    pub topics: Topics,
    /// The stage's own options.
    pub args: StageArgs,
    /// The processors it runs.
    pub processors: Vec<Arc<dyn ProcessorKind>>,
    /// Whether the cluster has an admin API. False on librdkafka's mock cluster alone: there the orders topic is
    /// not checked.
    pub has_admin_api: bool,
    /// The pipeline's live settings.
    pub settings: watch::Receiver<Arc<Directory>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_and_timeouts_have_limits() {
        for (parse, taken, refused) in [
            (commit_interval as fn(&str) -> _, ["1ms", "10s"], ["0ms", "11s", "soon"]),
            (transaction_timeout, ["1s", "15m"], ["999ms", "16m", "late"]),
        ] {
            assert!(taken.iter().all(|text| parse(text).is_ok()), "{taken:?}");
            assert!(refused.iter().all(|text| parse(text).is_err()), "{refused:?}");
        }
    }
}
