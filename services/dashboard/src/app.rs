//! Everything that is served on the dashboard's port, with what applies to all of it.
//!
//! Any origin may read: the data is the same for everybody, nothing can be changed and there are no
//! credentials that a foreign page could abuse. Front ends on other ports rely on it.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::cors::{Any, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::metrics::Metrics;
use crate::rest::Rest;
use crate::sockets::Sessions;
use crate::{page, rest, sockets};

/// The whole application.
pub fn router(rest: Rest, socket_io: Router, metrics: &Metrics) -> Router {
    let sessions = Sessions::new(metrics.clone());
    rest::router(rest)
        .merge(page::router())
        .merge(socket_io)
        .fallback(rest::not_found)
        .method_not_allowed_fallback(rest::wrong_method)
        .layer(middleware::from_fn_with_state(metrics.clone(), count))
        .layer(middleware::from_fn_with_state(sessions, sockets::limit_sessions))
        .layer(RequestBodyLimitLayer::new(sockets::MESSAGE_MAX))
        .layer(CorsLayer::new().allow_origin(Any).allow_methods([Method::GET, Method::POST]))
        .layer(always(header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
}

fn always(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

/// Counts by route, so that labels stay few whatever is asked for.
async fn count(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    metrics.request(route.as_ref().map_or("other", MatchedPath::as_str), response.status().as_u16());
    response
}
