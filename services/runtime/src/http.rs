//! Serves a router over HTTP/1.1 with limits that a slow or hostile client cannot get around.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::Shutdown;

/// A client that has not sent its request's head within this is cut off.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an accept error (most often: no file descriptors left) pauses accepting.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on {address} ({option}): {source}; choose another address, or port 0 for any free one"
)]
pub struct ListenError {
    address: SocketAddr,
    option: &'static str,
    #[source]
    source: io::Error,
}

/// Opens the port.
///
/// # Errors
/// When it is taken or not ours; the message names `option` (for example `--admin-listen / ADMIN_LISTEN`).
pub async fn listen(address: SocketAddr, option: &'static str) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, option, source })
}

/// Serves `router`, at most `connections` at a time, until `shutdown`; then lets requests that run finish.
/// Upgrades (WebSocket) work; an upgraded connection is its handler's to end.
pub async fn serve(listener: TcpListener, router: Router, connections: usize, shutdown: Shutdown) {
    let permits = Arc::new(Semaphore::new(connections));
    let running = TaskTracker::new();
    while let Some((stream, permit)) = accept(&listener, &permits, &shutdown).await {
        let (router, shutdown) = (router.clone(), shutdown.clone());
        running.spawn(async move {
            serve_connection(stream, router, shutdown).await;
            drop(permit);
        });
    }
    drop(listener);
    running.close();
    running.wait().await;
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    shutdown: &Shutdown,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    loop {
        let accepted = async {
            let permit = Arc::clone(permits).acquire_owned().await.ok();
            (listener.accept().await, permit)
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = accepted => accepted,
        };
        match accepted {
            (Ok((stream, _)), Some(permit)) => return Some((stream, permit)),
            (Ok(_), None) => return None,
            (Err(error), _) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
