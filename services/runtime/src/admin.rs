//! The admin server: `/livez`, `/readyz`, `/metrics` and `/status`, the last for tools and for people.

use std::fmt::Write;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Encoder, Registry, TextEncoder};
use serde_json::json;
use tokio::net::TcpListener;

use crate::health::Missing;
use crate::status::screen;
use crate::{Health, Process, Shutdown, Status, http};

/// Probes and scrapes are few; more at once is a mistake or an attack.
const CONNECTIONS: usize = 64;

/// What the server answers from.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Answers `/livez` and `/readyz`.
    pub health: Health,
    /// Answers `/status`.
    pub status: Status,
    /// Answers `/metrics`.
    pub registry: Registry,
}

impl From<&Process> for Admin {
    fn from(process: &Process) -> Self {
        let Process { health, status, registry, tracer: _, shutdown: _ } = process.clone();
        Self { health, status, registry }
    }
}

/// Serves until `shutdown`. The listener comes from [`http::listen`], so that a wrong address is known
/// before anything else starts.
pub async fn serve(listener: TcpListener, admin: Admin, shutdown: Shutdown) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "admin server listens");
    }
    http::serve(listener, router(admin), CONNECTIONS, shutdown).await;
}

/// The routes.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .route("/status/text", get(status_text))
        .with_state(admin)
}

/// 200 while the process does its work, 500 with the reason when a worker died.
async fn livez(State(admin): State<Admin>) -> Response {
    match admin.health.failure() {
        None => "live\n".into_response(),
        Some(why) => (StatusCode::INTERNAL_SERVER_ERROR, why + "\n").into_response(),
    }
}

/// 200 when every need is met, else 503; the body lists what is missing and why.
async fn readyz(State(admin): State<Admin>) -> Response {
    let missing = admin.health.missing();
    let code = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(missing)).into_response()
}

/// All metrics in Prometheus' text format.
async fn metrics(State(admin): State<Admin>) -> Response {
    let encoder = TextEncoder::new();
    let mut text = Vec::new();
    match encoder.encode(&admin.registry.gather(), &mut text) {
        Ok(()) => ([(header::CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Readiness and all sections of the status.
async fn status(State(admin): State<Admin>) -> Response {
    let Admin { health, status, registry: _ } = admin;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeSeconds": status.uptime().as_secs(),
        "missing": health.missing(),
        "failure": health.failure(),
        "sections": status.to_json(),
    }))
    .into_response()
}

/// The same on one screen, what is wrong first.
async fn status_text(State(admin): State<Admin>) -> String {
    let Admin { health, status, registry: _ } = admin;
    let (missing, uptime) = (health.missing(), Duration::from_secs(status.uptime().as_secs()));
    let word = match (health.failure(), missing.is_empty()) {
        (Some(why), _) => format!("FAILED: {why}"),
        (None, false) => "NOT READY".to_owned(),
        (None, true) => "ready".to_owned(),
    };
    let mut text = format!("millrace {}, up for {uptime:?}: {word}\n", env!("CARGO_PKG_VERSION"));
    for Missing { need, why } in missing {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "  waits for {need}: {why}");
    }
    let sections = status.to_json();
    text + &screen::sections(sections.as_object().unwrap_or(&serde_json::Map::new()))
}

#[cfg(test)]
mod tests;
