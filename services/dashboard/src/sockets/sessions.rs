//! A limit on how fast sessions are opened.
//!
//! A polling session belongs to no TCP connection: it lives on until it has not answered a heartbeat, or
//! has not joined in time. So what bounds their number is how fast they can be opened.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::opens_session;
use crate::metrics::{Metrics, Refusal};

/// Sessions that may be opened each second; all clients of a full dashboard are back within ten seconds
/// of a restart.
const PER_SECOND: u32 = 200;

/// Lets [`PER_SECOND`] through, at most one second's worth at once.
#[derive(Clone, Debug)]
pub struct Sessions {
    next: Arc<Mutex<Instant>>,
    metrics: Metrics,
}

impl Sessions {
    /// With everything to spare.
    pub fn new(metrics: Metrics) -> Self {
        Self { next: Arc::new(Mutex::new(Instant::now())), metrics }
    }

    fn admit(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (*next).max(now) + Duration::from_secs(1) / PER_SECOND;
        if slot > now + Duration::from_secs(1) {
            return false;
        }
        *next = slot;
        true
    }
}

/// Middleware: 503 for a session over the limit.
pub async fn limit_sessions(State(sessions): State<Sessions>, request: Request, next: Next) -> Response {
    if opens_session(request.uri()) && !sessions.admit() {
        sessions.metrics.refused(Refusal::Sessions);
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sessions_are_admitted_at_the_rate() {
        let sessions = Sessions::new(Metrics::register(&prometheus::Registry::new()).unwrap());
        let admitted = |sessions: &Sessions| (0..1_000).filter(|_| sessions.admit()).count();
        assert_eq!(admitted(&sessions), 200);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(admitted(&sessions), 20);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(admitted(&sessions), 200);
    }

    #[test]
    fn only_requests_without_a_session_open_one() {
        let opens = |uri: &'static str| opens_session(&axum::http::Uri::from_static(uri));
        assert!(opens("/socket.io/?EIO=4&transport=polling"));
        assert!(opens("/socket.io?EIO=4&transport=websocket"));
        assert!(!opens("/socket.io/?EIO=4&transport=polling&sid=abc"));
        assert!(!opens("/socket.iox/?EIO=4"));
        assert!(!opens("/api/stats"));
    }
}
