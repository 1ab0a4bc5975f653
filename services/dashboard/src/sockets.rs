//! Socket.IO (protocol v5, path `/socket.io/`, WebSocket and polling): events `metrics` and `alerts`.
//!
//! What stands between a slow client and the process's memory:
//! - the [`Feed`] keeps one copy of everything for all clients; a client is a cursor into it, and what it
//!   does not take in time is replaced (updates) or missed (alerts), and counted;
//! - socketioxide queues up to [`BUFFERED`] packets per client and then refuses more; a client whose queue
//!   is full is left alone for [`SLOW_PAUSE`](client::SLOW_PAUSE). If the queue is still full when a
//!   heartbeat is due (every 25 s), or no pong comes within 20 s, socketioxide ends the client;
//! - below that are the WebSocket writer's 128 KiB and the kernel's send buffer, which
//!   [`server`](crate::server) limits; it also ends connections on which writing makes no progress.
//!
//! Whatever clients send is ignored; messages over [`MESSAGE_MAX`] end them. Who may connect at all is decided
//! before: [`origins`](crate::origins) and [`guard`](crate::guard) stand before every route.

pub mod client;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Uri;
use runtime::Shutdown;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use socketioxide::{ParserConfig, SocketIo};
use tokio::sync::Semaphore;

use crate::feed::Feed;
use crate::metrics::{Metrics, Refusal};

/// Where Socket.IO answers; the default of all clients.
pub const PATH: &str = "/socket.io";
/// Packets queued for one client by socketioxide: a whole pass (ten alerts and the updates) and a heartbeat.
pub const BUFFERED: usize = 16;
/// Largest message taken from a client, in bytes.
pub const MESSAGE_MAX: usize = 64 * 1024;
/// Clients that are connected at once.
const CLIENTS: usize = 2_000;
/// A client that opens a session but does not join the namespace within this is ended.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What may be different in tests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clients that are connected at once.
    pub clients: usize,
    /// How often a client is asked for a sign of life.
    pub ping_interval: Duration,
    /// How long it may take to give one.
    pub ping_timeout: Duration,
}

#[derive(Clone)]
struct Clients {
    feed: Feed,
    metrics: Metrics,
    free: Arc<Semaphore>,
    stop: Shutdown,
}

#[derive(Debug, thiserror::Error)]
#[error("too many clients are connected; try again later")]
struct TooMany;

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: CLIENTS,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
        }
    }
}

/// What answers under [`PATH`], and the handle that closes all connections once `stop` is cancelled.
pub fn router(feed: Feed, metrics: Metrics, limits: Limits, stop: Shutdown) -> (Router, SocketIo) {
    let parser = ParserConfig::common().max_incoming_binary_buf_size(MESSAGE_MAX).max_incoming_binaries(1);
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .with_parser(parser)
        .max_payload(MESSAGE_MAX as u64)
        .ws_max_message_size(MESSAGE_MAX)
        .ws_max_frame_size(MESSAGE_MAX)
        .max_buffer_size(BUFFERED)
        .connect_timeout(JOIN_TIMEOUT)
        .ping_interval(limits.ping_interval)
        .ping_timeout(limits.ping_timeout)
        .build_svc();
    let clients = Clients { feed, metrics, free: Arc::new(Semaphore::new(limits.clients)), stop };
    let gate = clients.clone();
    let join = async move |socket: SocketRef| clients.serve(socket).await;
    io.ns("/", join.with(async move |_: SocketRef| gate.admit()));
    // a service, not a layer: axum may make a layer anew for each request, and it would know no session
    let router =
        paths().iter().fold(Router::new(), |router, path| router.route_service(path, service.clone()));
    (router, io)
}

/// The paths that answer.
pub fn paths() -> [String; 2] {
    [PATH.to_owned(), format!("{PATH}/")]
}

/// Whether a request is Socket.IO's.
pub fn is_socket_io(uri: &Uri) -> bool {
    uri.path().strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request is Socket.IO's and opens a session.
pub fn opens_session(uri: &Uri) -> bool {
    is_socket_io(uri) && !uri.query().unwrap_or_default().split('&').any(|part| part.starts_with("sid="))
}

impl Clients {
    /// A client that comes when all places are taken is told so, and ended after [`JOIN_TIMEOUT`].
    fn admit(&self) -> Result<(), TooMany> {
        if self.free.available_permits() > 0 {
            return Ok(());
        }
        self.metrics.refused(Refusal::Clients);
        Err(TooMany)
    }

    /// Sends to one client until it goes.
    async fn serve(&self, socket: SocketRef) {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            self.metrics.refused(Refusal::Clients);
            let _ = socket.disconnect(); // fails only when it is gone already
            return;
        };
        let counted = self.metrics.client();
        // closing everything at once calls no disconnect handlers, so clients are told by `stop`
        client::serve(&socket, &self.feed, &self.metrics, self.stop.child_token()).await;
        drop((place, counted));
    }
}

#[cfg(test)]
mod tests;
