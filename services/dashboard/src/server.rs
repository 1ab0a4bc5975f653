//! Serves HTTP with limits that neither a slow nor a hostile client gets around.
//!
//! When all places are taken, a newcomer gets the place of the connection that has waited longest for its client
//! to finish a request's head: clients that send theirs a byte at a time, or keep connections they do not use,
//! cannot keep others out.

mod connection;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::Shutdown;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower::Service as _;

use crate::guard::Peer;
use crate::metrics::{Metrics, Refusal};
use connection::Connection;
use waiting::{Place, Waiting};

/// TCP connections that are open at once, upgraded ones included.
pub const CONNECTIONS: usize = 4_096;
/// How long it may take until a place is free that was taken from somebody.
const VACATING: Duration = Duration::from_secs(1);
/// A client that has not sent a request's head within this is cut off; so is an idle one.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and of what is read ahead.
const READ_BUFFER: usize = 16 * 1024;
/// How long an accept error (most often: no file descriptors left) pauses accepting.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests that run may go on after shutdown.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves `app` on at most `connections` until `shutdown`, then lets what runs finish for a short while and cuts
/// off the rest.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    metrics: Metrics,
    connections: usize,
    shutdown: Shutdown,
) {
    let places = Places { free: Arc::new(Semaphore::new(connections)), waiting: Waiting::default(), metrics };
    let mut running = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = running.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        if let Some(free) = places.take().await {
            let connection = Connection::new(stream, free, places.metrics.connection());
            let place = places.waiting.begin();
            running.spawn(answer(connection, place, Peer(address.ip()), app.clone(), shutdown.clone()));
        }
    }
    drop(listener);
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!(connections = running.len(), "cutting off connections that did not end");
        running.shutdown().await;
    }
}

/// Places for connections.
struct Places {
    free: Arc<Semaphore>,
    waiting: Waiting,
    metrics: Metrics,
}

impl Places {
    /// A free place, else that of the connection that has waited longest; `None` when all are busy.
    async fn take(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(place);
        }
        self.metrics.refused(Refusal::Connections);
        if !self.waiting.end_oldest() {
            return None;
        }
        tokio::time::timeout(VACATING, Arc::clone(&self.free).acquire_owned()).await.ok()?.ok()
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn answer(connection: Connection, place: Place, peer: Peer, app: Router, shutdown: Shutdown) {
    let ended_for_another = place.ended();
    let service = service_fn(|request: Request<Incoming>| {
        let busy = place.busy();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answered = app.clone().call(request);
        async move {
            let response = answered.await;
            drop(busy);
            response
        }
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    tokio::pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = ended_for_another.cancelled() => return,
        () = shutdown.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests;
