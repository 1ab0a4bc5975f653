//! What the dashboard is told.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use contract::Topics;
use runtime::config::{KafkaArgs, RedisAddress};

use crate::Reader;

/// The dashboard's own options.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Dashboard")]
pub struct DashboardArgs {
    /// Address of the web page, the REST routes and Socket.IO. Port 0 takes a free one and logs it.
    #[arg(long, env = "DASHBOARD_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:3001")]
    pub listen: SocketAddr,
}

/// What [`run`](crate::run) needs.
#[derive(Clone, Debug)]
pub struct DashboardConfig {
    /// The own options.
    pub args: DashboardArgs,
    /// Where updates and alerts come from.
    pub kafka: KafkaArgs,
    /// In which topics they are.
    pub topics: Topics,
    /// Where statistics are read.
    pub store: Store,
}

/// Where statistics are read.
#[derive(Clone)]
pub enum Store {
    /// From Redis.
    Redis(RedisAddress),
    /// From something else, such as the in-memory store of the views in the same process.
    Reader(Arc<dyn Reader>),
}

impl Store {
    /// What health calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Redis(_) => "redis",
            Self::Reader(_) => "store",
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(args) => f.debug_tuple("Redis").field(args).finish(),
            Self::Reader(_) => f.debug_tuple("Reader").finish(),
        }
    }
}
