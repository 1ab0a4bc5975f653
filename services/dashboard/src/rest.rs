//! The REST routes. Every answer is JSON; errors are `{"error": what is wrong, "field": which parameter or null}`.

pub mod document;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use contract::keys;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::feed::Feed;
use crate::pipeline::{Pipeline, PipelineStatus};
use crate::recent::RecentTotals;
use crate::stats::{CityRevenue, HourStats, ProductOrders, Stats, StatsError, Totals, Trends};
use document::Alert;

/// Hours shown when none are asked for.
const HOURS_DEFAULT: u16 = 24;
/// The most hours that can be asked for: all that are kept.
const HOURS_MAX: u16 = 2160;
const _: () = assert!(HOURS_MAX as i64 == keys::HOURS_KEPT);
/// The most entries of a ranking that can be asked for, unless all are.
const LIMIT_MAX: u16 = 10_000;

/// What the routes answer from.
#[derive(Clone)]
pub struct Rest {
    /// The statistics.
    pub stats: Arc<Stats>,
    /// The latest alerts.
    pub feed: Feed,
    /// The state of the pipeline.
    pub pipeline: Pipeline,
}

/// Why a request is not answered as wished.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// A parameter is not the number it should be.
    #[error("{field} must be one whole number from 1 to {most}")]
    Number {
        /// Which parameter.
        field: &'static str,
        /// The most it may be.
        most: u16,
    },
    /// There is no such route.
    #[error("there is no such page")]
    NotFound,
    /// The route cannot be asked in this way.
    #[error("only GET is possible here")]
    Method,
    /// A page of another origin asks.
    #[error("pages of this origin may not read here; see --allowed-origins / DASHBOARD_ALLOWED_ORIGINS")]
    Origin,
    /// Whoever asks has not said who it is.
    #[error("only those who may read are answered; send the token or come through the proxy")]
    Unauthorized,
    /// The alerts were not read yet.
    #[error("the alerts were not read from Kafka yet; try again")]
    AlertsNotLoaded,
    /// The statistics cannot be computed.
    #[error(transparent)]
    Stats(#[from] StatsError),
}

/// What is wrong with a request.
#[derive(Serialize, ToSchema)]
struct ErrorBody {
    /// In a sentence.
    error: String,
    /// Which parameter is wrong, if one is.
    field: Option<&'static str>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HourlyQuery {
    /// How many hours, up to the newest that has an order.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 2160, default = 24)]
    hours: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RankingQuery {
    /// How many entries at most; all when not given.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 10_000)]
    limit: Option<String>,
}

type Answer = Result<Response, RestError>;
type Asked<T> = Result<Query<T>, QueryRejection>;

/// The routes under `/api`.
pub fn router(rest: Rest) -> Router {
    let router = routes().into_iter().fold(Router::new(), |router, (path, route)| router.route(path, route));
    router.with_state(rest)
}

/// Every route, and where it is.
fn routes() -> [(&'static str, MethodRouter<Rest>); 9] {
    [
        ("/api/stats", get(totals)),
        ("/api/stats/cities", get(cities)),
        ("/api/stats/products", get(products)),
        ("/api/stats/hourly", get(hourly)),
        ("/api/stats/recent", get(recent)),
        ("/api/trends", get(trends)),
        ("/api/alerts", get(alerts)),
        ("/api/pipeline", get(pipeline)),
        (document::PATH, get(document::serve)),
    ]
}

/// Answers requests for anything else.
pub async fn not_found() -> RestError {
    RestError::NotFound
}

/// Answers requests that no route takes in this way.
pub async fn wrong_method() -> RestError {
    RestError::Method
}

/// Revenue, orders and their average.
#[utoipa::path(get, tag = "figures", path = "/api/stats", responses(
    (status = 200, body = Totals), (status = 503, description = "The store does not answer", body = ErrorBody)))]
async fn totals(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.totals().await?))
}

/// Revenue by city, highest first, then by name; the catalogue's cities are always there.
#[utoipa::path(get, tag = "figures", path = "/api/stats/cities", params(RankingQuery), responses(
    (status = 200, body = [CityRevenue]), (status = 400, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn cities(State(rest): State<Rest>, query: Asked<RankingQuery>) -> Answer {
    let limit = limit(query)?;
    Ok(json(&first(&rest.stats.cities().await?, limit)))
}

/// Orders by product, most first, then by name.
#[utoipa::path(get, tag = "figures", path = "/api/stats/products", params(RankingQuery), responses(
    (status = 200, body = [ProductOrders]), (status = 400, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn products(State(rest): State<Rest>, query: Asked<RankingQuery>) -> Answer {
    let limit = limit(query)?;
    Ok(json(&first(&rest.stats.products().await?, limit)))
}

/// Revenue and orders by UTC hour, oldest first, up to the newest hour that has an order, without gaps.
#[utoipa::path(get, tag = "figures", path = "/api/stats/hourly", params(HourlyQuery), responses(
    (status = 200, body = [HourStats]), (status = 400, body = ErrorBody), (status = 503, body = ErrorBody)))]
async fn hourly(State(rest): State<Rest>, query: Asked<HourlyQuery>) -> Answer {
    let wrong = || RestError::Number { field: "hours", most: HOURS_MAX };
    let Query(HourlyQuery { hours }) = query.map_err(|_| wrong())?;
    let hours = hours.map_or(Some(HOURS_DEFAULT), |hours| number(&hours, HOURS_MAX)).ok_or_else(wrong)?;
    Ok(json(&rest.stats.hourly(hours).await?))
}

/// The totals of the last ten minutes, oldest first, at most one a second.
#[utoipa::path(get, tag = "figures", path = "/api/stats/recent", responses((status = 200, body = [RecentTotals])))]
async fn recent(State(rest): State<Rest>) -> Answer {
    Ok(json(&rest.pipeline.recent().points()))
}

/// What sells unusually much or little.
#[utoipa::path(get, tag = "figures", path = "/api/trends", responses(
    (status = 200, body = Trends), (status = 503, description = "The store does not answer", body = ErrorBody)))]
async fn trends(State(rest): State<Rest>) -> Answer {
    Ok(json(&*rest.stats.trends().await?))
}

/// The latest 100 alerts, newest first, as they stand in the topic.
#[utoipa::path(get, tag = "figures", path = "/api/alerts", responses(
    (status = 200, body = [Alert]), (status = 503, description = "They were not read yet", body = ErrorBody)))]
async fn alerts(State(rest): State<Rest>) -> Answer {
    let latest = rest.feed.latest_alerts().ok_or(RestError::AlertsNotLoaded)?;
    let latest: Vec<_> = latest.iter().map(|alert| &**alert).collect();
    Ok(json(&latest))
}

/// Whether the figures can be relied on now: what is missing, what is newest, how far behind it is.
#[utoipa::path(get, tag = "figures", path = "/api/pipeline", responses((status = 200, body = PipelineStatus)))]
async fn pipeline(State(rest): State<Rest>) -> Answer {
    Ok(json(&rest.pipeline.status()))
}

fn limit(query: Asked<RankingQuery>) -> Result<usize, RestError> {
    let wrong = || RestError::Number { field: "limit", most: LIMIT_MAX };
    let Query(RankingQuery { limit }) = query.map_err(|_| wrong())?;
    limit.map_or(Ok(usize::MAX), |limit| number(&limit, LIMIT_MAX).map(usize::from).ok_or_else(wrong))
}

fn number(text: &str, most: u16) -> Option<u16> {
    text.parse().ok().filter(|n| (1..=most).contains(n))
}

fn first<T>(all: &[T], limit: usize) -> &[T] {
    &all[..limit.min(all.len())]
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => json_text(body),
        // plain structs of strings and integers: nothing in them can fail
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn json_text(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

impl RestError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Number { .. } => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlertsNotLoaded | Self::Stats(StatsError::Read(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Stats(StatsError::Foreign { .. }) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Number { field, .. } => Some(field),
            _ => None,
        }
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let body = ErrorBody { error: self.to_string(), field: self.field() };
        (self.status(), json(&body)).into_response()
    }
}

#[cfg(test)]
impl Rest {
    /// Answers from these, for a pipeline of which nothing is known.
    pub fn only(stats: Arc<Stats>, feed: Feed) -> Self {
        let process = runtime::Process::new(runtime::Shutdown::new());
        let pipeline = Pipeline::new(process, feed.clone(), crate::recent::Recent::default());
        Self { stats, feed, pipeline }
    }
}

/// The paths that answer.
#[cfg(test)]
pub fn paths() -> Vec<&'static str> {
    routes().into_iter().map(|(path, _)| path).collect()
}

#[cfg(test)]
mod tests;
