//! The REST routes. Every answer is JSON; errors are `{"error": what is wrong, "field": which parameter or null}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use contract::keys;
use serde::{Deserialize, Serialize};

use crate::feed::Feed;
use crate::stats::{Stats, StatsError};

/// Hours shown when none are asked for.
const HOURS_DEFAULT: u16 = 24;
/// The most hours that can be asked for: all that are kept.
const HOURS_MAX: u16 = 2160;
const _: () = assert!(HOURS_MAX as i64 == keys::HOURS_KEPT);

/// What the routes answer from.
#[derive(Clone)]
pub struct Rest {
    /// The statistics.
    pub stats: Arc<Stats>,
    /// The latest alerts.
    pub feed: Feed,
}

/// Why a request is not answered as wished.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The number of hours is not one.
    #[error("hours must be one whole number from 1 to {HOURS_MAX}")]
    Hours,
    /// There is no such route.
    #[error("there is no such page")]
    NotFound,
    /// The route cannot be asked in this way.
    #[error("only GET is possible here")]
    Method,
    /// The alerts were not read yet.
    #[error("the alerts were not read from Kafka yet; try again")]
    AlertsNotLoaded,
    /// The statistics cannot be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

#[derive(Serialize)]
struct ErrorBody {
    error: String,
    field: Option<&'static str>,
}

#[derive(Deserialize)]
struct HourlyQuery {
    hours: Option<String>,
}

type Answer = Result<Response, RestError>;

/// The routes under `/api`.
pub fn router(rest: Rest) -> Router {
    Router::new()
        .route("/api/stats", get(totals))
        .route("/api/stats/cities", get(cities))
        .route("/api/stats/products", get(products))
        .route("/api/stats/hourly", get(hourly))
        .route("/api/trends", get(trends))
        .route("/api/alerts", get(alerts))
        .with_state(rest)
}

/// Answers requests for anything else.
pub async fn not_found() -> RestError {
    RestError::NotFound
}

/// Answers requests that no route takes in this way.
pub async fn wrong_method() -> RestError {
    RestError::Method
}

async fn totals(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.totals().await?))
}

async fn cities(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.cities().await?))
}

async fn products(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.products().await?))
}

async fn hourly(
    State(rest): State<Rest>,
    query: Result<Query<HourlyQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer {
    let Query(HourlyQuery { hours }) = query.map_err(|_| RestError::Hours)?;
    let hours = match hours {
        Some(hours) => hours.parse().ok().filter(|n| (1..=HOURS_MAX).contains(n)).ok_or(RestError::Hours)?,
        None => HOURS_DEFAULT,
    };
    Ok(json(&rest.stats.hourly(hours).await?))
}

async fn trends(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.trends().await?))
}

async fn alerts(State(rest): State<Rest>) -> Answer {
    let latest = rest.feed.latest_alerts().ok_or(RestError::AlertsNotLoaded)?;
    let latest: Vec<_> = latest.iter().map(|alert| &**alert).collect();
    Ok(json(&latest))
}

fn json(value: &impl Serialize) -> Response {
    let body = match serde_json::to_vec(value) {
        Ok(body) => body,
        // plain structs of strings and integers: nothing in them can fail
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    };
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

impl RestError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Hours => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlertsNotLoaded | Self::Stats(StatsError::Read(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Stats(StatsError::Foreign { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let field = matches!(self, Self::Hours).then_some("hours");
        let body = ErrorBody { error: self.to_string(), field };
        (self.status(), json(&body)).into_response()
    }
}

#[cfg(test)]
mod tests;
