//! Puts the parts together and runs them.

use std::sync::Arc;
use std::time::Duration;

use runtime::kafka::WaitError;
use runtime::{Need, Process, http};
use serde_json::json;
use socketioxide::SocketIo;

use crate::config::{DashboardConfig, Store};
use crate::feed::Feed;
use crate::groups::Groups;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::reader::{Reader, RedisReader};
use crate::recent::Recent;
use crate::relay::Relay;
use crate::rest::Rest;
use crate::server::CONNECTIONS;
use crate::sockets::Limits;
use crate::stats::{Stats, StatsError};
use crate::traces::Traces;
use crate::{app, server, sockets};

/// How often the store is tried, for readiness.
const TRY_INTERVAL: Duration = Duration::from_secs(2);
/// How long clients may take to be told goodbye.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why the dashboard cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The port cannot be opened.
    #[error(transparent)]
    Listen(#[from] http::ListenError),
    /// Two dashboards in one process.
    #[error("cannot register the dashboard's metrics")]
    Metrics(#[from] prometheus::Error),
    /// Kafka cannot be read.
    #[error("cannot follow the topics")]
    Relay(#[source] WaitError),
}

/// Serves until the process is told to stop. Serves at once; what is missing (Redis, the topics) stands in
/// the process's health, and meanwhile routes answer 503.
///
/// # Errors
/// When the port is taken or the configuration cannot be used.
pub async fn run(config: DashboardConfig, process: Process) -> Result<(), DashboardError> {
    let DashboardConfig { args, kafka, topics, store } = config;
    let Process { health, status, registry, tracer, shutdown } = process.clone();
    let listener = http::listen(args.listen, "--listen / DASHBOARD_LISTEN").await?;
    let metrics = Metrics::register(&registry)?;
    let reader: Arc<dyn Reader> = match &store {
        Store::Redis(args) => Arc::new(RedisReader::new(args, &metrics)),
        Store::Reader(reader) => Arc::clone(reader),
    };
    let (feed, recent) = (Feed::default(), Recent::default());
    let stats = Arc::new(Stats::new(reader));
    let stop = shutdown.child_token();
    let (socket_io, io) = sockets::router(feed.clone(), metrics.clone(), Limits::default(), stop.clone());
    let pipeline = Pipeline::new(process, feed.clone(), recent.clone());
    let rest = Rest { stats: Arc::clone(&stats), feed: feed.clone(), pipeline: pipeline.clone() };
    let app = app::router(rest, socket_io, &metrics, args.access());

    let address = listener.local_addr().unwrap_or(args.listen);
    tracing::info!(%address, "dashboard listens");
    let (shown, looks) = (metrics.clone(), metrics.clone());
    let looked = pipeline.clone();
    status.provide("dashboard", move || {
        let (listen, now) = (address.to_string(), looked.status());
        json!({"listen": listen, "clients": shown.clients(), "stages": now.stages, "unshownSeconds": now.unshown_seconds})
    });

    let groups = Groups::new(kafka.clone(), topics.clone());
    let relay = Relay { kafka, topics, feed, recent, metrics: metrics.clone(), traces: tracer.map(Traces) };
    let relaying = async {
        let ended = relay.run(&health, &stop).await;
        stop.cancel(); // a relay that cannot start takes the server with it
        ended.map_err(DashboardError::Relay)
    };
    let serving = server::serve(listener, app, metrics, CONNECTIONS, stop.clone());
    let watching = stop.run_until_cancelled(watch_store(&stats, health.need(store.name())));
    let looking = pipeline.watch(groups, &stop, &looks);
    let (relayed, (), (), _, ()) =
        tokio::join!(relaying, serving, say_goodbye(&io, &stop), watching, looking);
    relayed
}

/// Ends all clients when told to stop; they connect to another replica.
async fn say_goodbye(io: &SocketIo, stop: &runtime::Shutdown) {
    stop.cancelled().await;
    let _ = tokio::time::timeout(FAREWELL, io.close()).await; // the server cuts off who is left
}

/// Never ends.
async fn watch_store(stats: &Stats, need: Need) {
    let mut pace = tokio::time::interval(TRY_INTERVAL);
    loop {
        pace.tick().await;
        match stats.totals().await {
            Ok(_) => need.met(),
            Err(StatsError::Read(why)) => need.missing(format!("cannot be read: {why}")),
            Err(foreign) => need.missing(foreign.to_string()),
        }
    }
}
