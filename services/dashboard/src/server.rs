//! Serves HTTP with limits that neither a slow nor a hostile client gets around.

mod connection;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use runtime::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::metrics::{Metrics, Refusal};
use connection::Connection;

/// TCP connections that are open at once, upgraded ones included; more are closed at once.
const CONNECTIONS: usize = 4_096;
/// A client that has not sent a request's head within this is cut off; so is an idle one.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head, and of what is read ahead.
const READ_BUFFER: usize = 16 * 1024;
/// How long an accept error (most often: no file descriptors left) pauses accepting.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long requests that run may go on after shutdown.
const DRAIN: Duration = Duration::from_secs(3);

/// Serves `app` until `shutdown`, then lets what runs finish for a short while and cuts off the rest.
pub async fn serve(listener: TcpListener, app: Router, metrics: Metrics, shutdown: Shutdown) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut running = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = running.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let connection = Connection::new(stream, place, metrics.connection());
                running.spawn(answer(connection, app.clone(), shutdown.clone()));
            }
            Err(_) => refuse(&metrics, stream),
        }
    }
    drop(listener);
    let all = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!(connections = running.len(), "cutting off connections that did not end");
        running.shutdown().await;
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

fn refuse(metrics: &Metrics, stream: TcpStream) {
    metrics.refused(Refusal::Connections);
    drop(stream);
}

async fn answer(connection: Connection, app: Router, shutdown: Shutdown) {
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(READ_BUFFER)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(app))
        .with_upgrades();
    tokio::pin!(http);
    let ended = tokio::select! {
        ended = http.as_mut() => ended,
        () = shutdown.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}
