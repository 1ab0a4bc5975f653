//! What the views process is told.

use std::sync::Arc;
use std::time::Duration;

use contract::{Topics, View};
use runtime::config::{KafkaArgs, RedisAddress, duration};
use runtime::settings::Directory;
use tokio::sync::watch;

use crate::store::MemoryStore;

/// How views publish.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Views")]
pub struct ViewsArgs {
    /// At most one batch and one update of a type in this time; unless given, the live settings say.
    #[arg(long, env = "VIEWS_INTERVAL", value_name = "DURATION", value_parser = interval)]
    pub interval: Option<Duration>,
}

/// Everything [`run`](crate::run) needs besides the process.
pub struct ViewsConfig {
    /// The process's own options.
    pub args: ViewsArgs,
    /// How to reach Kafka.
    pub kafka: KafkaArgs,
    /// Where the results go.
    pub store: StoreChoice,
    /// The pipeline's topics.
    pub topics: Topics,
    /// What is merged, at most one view a processor.
    pub views: Vec<Box<dyn View>>,
    /// Settings, and which stages run which processors.
    pub directory: watch::Receiver<Arc<Directory>>,
}

/// Where the results go.
#[derive(Clone, Debug)]
pub enum StoreChoice {
    /// Redis or Valkey, alone or as a cluster.
    Redis(RedisAddress),
    /// Memory of this process, gone when it ends.
    Memory(MemoryStore),
}

/// An empty memory.
impl Default for StoreChoice {
    fn default() -> Self {
        Self::Memory(MemoryStore::default())
    }
}

/// Below this the views would do nothing but publish.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);
const LONGEST_INTERVAL: Duration = Duration::from_mins(1);

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 10ms and 60s".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_limits() {
        assert_eq!(interval("10ms"), Ok(Duration::from_millis(10)));
        assert_eq!(interval("60s"), Ok(Duration::from_mins(1)));
        for refused in ["9ms", "61s", "fast", ""] {
            assert!(interval(refused).is_err(), "{refused}");
        }
    }
}
