//! Everything that is served on the dashboard's port, with what applies to all of it.
//!
//! What stands before the routes stands before all of them, unknown ones included: a route cannot be forgotten.
//! From the outside in: protective headers, which origins may read, who may ask, how much.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::guard::{self, Guard};
use crate::limits::{self, Limits};
use crate::metrics::Metrics;
use crate::origins::{self, Origins};
use crate::rest::Rest;
use crate::{page, rest, sockets};

/// Who may ask, and from which pages.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Pages of other origins.
    pub origins: Origins,
    /// Tokens and proxies.
    pub guard: Guard,
}

/// The whole application.
pub fn router(rest: Rest, socket_io: Router, metrics: &Metrics, access: Access) -> Router {
    let Access { origins, guard } = access;
    let cors = origins.cors();
    rest::router(rest)
        .merge(page::router())
        .merge(socket_io)
        .fallback(rest::not_found)
        .method_not_allowed_fallback(rest::wrong_method)
        .layer(middleware::from_fn_with_state(Limits::new(metrics.clone()), limits::limit))
        .layer(RequestBodyLimitLayer::new(sockets::MESSAGE_MAX))
        .layer(middleware::from_fn_with_state((guard, metrics.clone()), guard::protect))
        .layer(middleware::from_fn_with_state((origins, metrics.clone()), origins::check))
        .layer(cors)
        .layer(middleware::from_fn_with_state(metrics.clone(), count))
        .layer(always(header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY))
        .layer(always(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(always(header::X_FRAME_OPTIONS, "DENY"))
        .layer(always(header::REFERRER_POLICY, "no-referrer"))
}

/// The paths that answer.
#[cfg(test)]
pub fn paths() -> Vec<String> {
    let page = page::paths();
    rest::paths().into_iter().map(str::to_owned).chain(page).chain(sockets::paths()).collect()
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
