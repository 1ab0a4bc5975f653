//! What the dashboard says about the pipeline and about itself: `GET /api/pipeline`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::Timestamp;
use runtime::{Process, Shutdown, Status};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::feed::{Feed, Head};
use crate::groups::Groups;
use crate::lag::{Behind, Lag, found};
use crate::metrics::Metrics;
use crate::recent::Recent;

/// How often it is looked how far the stages are.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// `GET /api/pipeline`: whether the figures can be relied on now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineStatus {
    /// The server's clock (RFC 3339, UTC).
    #[schema(format = DateTime)]
    pub now: String,
    /// Names of what the dashboard needs and does not reach; why stands in its `/readyz`.
    pub missing: Vec<String>,
    /// The newest update of each type that clients were sent.
    pub updates: Vec<NewestUpdate>,
    /// How far behind each stage is; empty while it is not known.
    pub stages: Vec<StageLag>,
    /// For how many seconds orders have been counted that no update shows: the views are slow or stopped. 0 when
    /// there are none, null when it is not known.
    pub unshown_seconds: Option<f64>,
}

/// The newest update of a type.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewestUpdate {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number.
    pub sequence: Option<u64>,
    /// When it was made (RFC 3339, UTC).
    #[schema(format = DateTime)]
    pub timestamp: Option<String>,
}

/// How far behind a stage is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StageLag {
    /// Its name, as `revenue-fraud`.
    pub stage: String,
    /// Records in the orders topic that it has not read; null when it is not known.
    pub unread: Option<i64>,
    /// For how many seconds the oldest of them has waited; null when it is not known.
    pub behind_seconds: Option<f64>,
}

/// Looks after the state of the pipeline. Clones share it.
#[derive(Clone)]
pub struct Pipeline {
    process: Process,
    feed: Feed,
    recent: Recent,
    behind: Arc<Mutex<Behind>>,
}

impl Pipeline {
    /// What is missing stands in the health of `process`, a stage of the same process in its status.
    pub fn new(process: Process, feed: Feed, recent: Recent) -> Self {
        Self { process, feed, recent, behind: Arc::default() }
    }

    /// The totals of the last minutes.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// How it is now.
    pub fn status(&self) -> PipelineStatus {
        let Behind { stages, unshown } = self.behind.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut missing: Vec<_> = self.process.health.missing().into_iter().map(|m| m.need).collect();
        missing.dedup();
        let stage = |s: crate::lag::StageBehind| StageLag {
            stage: s.stage,
            unread: s.unread,
            behind_seconds: s.waited.map(|waited| waited.as_secs_f64()),
        };
        PipelineStatus {
            now: now().to_string(),
            missing,
            updates: self.feed.newest().into_iter().map(NewestUpdate::from).collect(),
            stages: stages.into_iter().map(stage).collect(),
            unshown_seconds: unshown.map(|unshown| unshown.as_secs_f64()),
        }
    }

    /// Looks how far the stages are until `shutdown`. What cannot be seen is not known; nothing else depends on it.
    pub async fn watch(&self, groups: Groups, shutdown: &Shutdown, metrics: &Metrics) {
        let mut watch = Watch { groups: Some(groups), lag: Lag::default(), trouble: None };
        let mut pace = tokio::time::interval(LOOK_INTERVAL);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let looking = async {
            loop {
                pace.tick().await;
                let behind = watch.look(&self.process.status, self.recent.came()).await;
                metrics.behind(&behind);
                *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = behind;
            }
        };
        shutdown.run_until_cancelled(looking).await;
    }
}

struct Watch {
    /// Away while it is asked.
    groups: Option<Groups>,
    lag: Lag,
    /// What was wrong the last time; said once.
    trouble: Option<String>,
}

impl Watch {
    async fn look(&mut self, status: &Status, updated: Option<Instant>) -> Behind {
        let own = found::own(&status.to_json());
        let found = match (own, self.groups.take()) {
            (Some(own), groups) => {
                self.groups = groups;
                Some(own)
            }
            (None, Some(groups)) => self.ask(groups).await,
            (None, None) => None,
        };
        found.map(|found| self.lag.take(Instant::now(), &found, updated)).unwrap_or_default()
    }

    async fn ask(&mut self, mut groups: Groups) -> Option<found::Found> {
        let asked = tokio::task::spawn_blocking(move || {
            let found = groups.ask();
            (groups, found)
        });
        let (groups, found) = asked.await.ok()?;
        self.groups = Some(groups);
        let trouble = found.as_ref().err().map(|error| chain(error));
        if trouble != self.trouble {
            if let Some(why) = &trouble {
                tracing::warn!(why, "it is not known how far the stages are");
            } else {
                tracing::info!("it is known again how far the stages are");
            }
            self.trouble = trouble;
        }
        found.ok()
    }
}

impl From<Head> for NewestUpdate {
    fn from(head: Head) -> Self {
        let Head { kind, sequence, timestamp } = head;
        Self { kind, sequence, timestamp }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
