//! Limits on what clients may ask for, whoever they are.
//!
//! A polling session of Socket.IO belongs to no TCP connection: it lives on until it has not answered a
//! heartbeat, or has not joined in time. So what bounds their number is how fast they can be opened.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::metrics::{Metrics, Refusal};
use crate::rate::Rate;
use crate::sockets::{is_socket_io, opens_session};

/// Sessions that may be opened each second; all clients of a full dashboard are back within ten seconds
/// of a restart.
const SESSIONS_PER_SECOND: u32 = 200;
/// Other requests that are answered each second: twice what a full dashboard's pages ask for.
const REQUESTS_PER_SECOND: u32 = 5_000;
/// How long the body of a message may take to arrive. The largest has 64 KiB.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Debug)]
pub struct Limits {
    sessions: Rate,
    requests: Rate,
    metrics: Metrics,
}

impl Limits {
    /// With everything to spare.
    pub fn new(metrics: Metrics) -> Self {
        let (sessions, requests) =
            (Rate::per_second(SESSIONS_PER_SECOND), Rate::per_second(REQUESTS_PER_SECOND));
        Self { sessions, requests, metrics }
    }

    fn refuses(&self, request: &Request) -> Option<Refusal> {
        let (rate, refusal) = match is_socket_io(request.uri()) {
            true if opens_session(request.uri()) => (&self.sessions, Refusal::Sessions),
            true => return None,
            false => (&self.requests, Refusal::Requests),
        };
        (!rate.admit()).then_some(refusal)
    }
}

/// Middleware: 503 for what is over a limit, 408 for a message that trickles in.
pub async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    if let Some(refusal) = limits.refuses(&request) {
        limits.metrics.refused(refusal);
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response();
    }
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match tokio::time::timeout(BODY_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn refused(limits: &Limits, uri: &str) -> usize {
        let ask = || limits.refuses(&Request::get(uri).body(Body::empty()).unwrap());
        (0..10_000).filter(|_| ask().is_some()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_and_requests_are_limited_apart_from_each_other() {
        let limits = Limits::new(Metrics::register(&prometheus::Registry::new()).unwrap());
        assert_eq!(refused(&limits, "/socket.io/?EIO=4&transport=polling"), 9_800);
        assert_eq!(refused(&limits, "/api/stats"), 5_000);
        assert_eq!(refused(&limits, "/socket.io/?EIO=4&transport=polling&sid=abc"), 0);
    }
}
