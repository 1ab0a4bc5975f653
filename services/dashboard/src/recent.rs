//! The totals of the last minutes, for a curve that is there when the page is opened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::{Timestamp, Update};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::rest::document::integer;

/// How far back totals are remembered, in seconds: ten minutes and a little, so that a curve has a beginning.
const REACH_S: i64 = 630;

/// An entry of `GET /api/stats/recent`: the totals at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentTotals {
    /// When (RFC 3339, UTC).
    #[schema(format = DateTime)]
    pub at: String,
    /// VND over all orders until then.
    #[schema(schema_with = integer)]
    pub total_revenue: i128,
    /// Orders until then.
    #[schema(schema_with = integer)]
    pub total_orders: i128,
}

/// The totals of the last minutes, at most one a second. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    points: VecDeque<(i64, RecentTotals)>,
    came: Option<Instant>,
}

impl Recent {
    /// Takes in a revenue update; anything else changes nothing.
    pub fn take(&self, json: &str) {
        let Ok(Update::Revenue { total_revenue, total_orders, timestamp, .. }) = serde_json::from_str(json)
        else {
            return;
        };
        let Some(at) = Timestamp::parse_rfc3339(timestamp.as_bytes()) else { return };
        let totals = RecentTotals { at: at.to_string(), total_revenue, total_orders };
        self.lock().take(at.0.div_euclid(1_000), totals);
    }

    /// Oldest first.
    pub fn points(&self) -> Vec<RecentTotals> {
        self.lock().points.iter().map(|(_, totals)| totals.clone()).collect()
    }

    /// When the last one came.
    pub fn came(&self) -> Option<Instant> {
        self.lock().came
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, second: i64, totals: RecentTotals) {
        self.came = Some(Instant::now());
        // fewer orders: the pipeline was told to forget everything
        if self.points.back().is_some_and(|(_, last)| totals.total_orders < last.total_orders) {
            self.points.clear();
        }
        match self.points.back().map(|(at, _)| *at) {
            Some(last) if second < last => return,
            Some(last) if second == last => drop(self.points.pop_back()),
            _ => {}
        }
        self.points.push_back((second, totals));
        // the last one before the reach stays: the totals stood there when it began
        while self.points.get(1).is_some_and(|(at, _)| *at <= second - REACH_S) {
            self.points.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(recent: &Recent, time: &str, orders: u32) {
        recent.take(&format!(
            r#"{{"type":"revenue_update","totalRevenue":{orders}000,"totalOrders":{orders},"hourlyRevenue":0,
                "timestamp":"2026-11-22T{time}Z","sequence":1}}"#
        ));
    }

    fn shown(recent: &Recent) -> Vec<(String, i128)> {
        recent.points().into_iter().map(|p| (p.at[11..23].to_owned(), p.total_orders)).collect()
    }

    fn expected(points: &[(&str, i128)]) -> Vec<(String, i128)> {
        points.iter().map(|(at, orders)| ((*at).to_owned(), *orders)).collect()
    }

    #[test]
    fn the_last_of_each_second_is_kept() {
        let recent = Recent::default();
        for (time, orders) in [("17:00:00.100", 1), ("17:00:00.900", 2), ("17:00:02.000", 3)] {
            take(&recent, time, orders);
        }
        assert_eq!(shown(&recent), expected(&[("17:00:00.900", 2), ("17:00:02.000", 3)]));
        take(&recent, "17:00:01.000", 3);
        assert_eq!(shown(&recent).len(), 2, "one that comes late is not put in between");
    }

    #[test]
    fn what_is_older_than_the_reach_goes_but_for_the_last_of_it() {
        let recent = Recent::default();
        for (time, orders) in
            [("16:00:00.000", 1), ("16:00:05.000", 2), ("17:00:00.000", 3), ("17:00:01.000", 4)]
        {
            take(&recent, time, orders);
        }
        let kept = [("16:00:05.000", 2), ("17:00:00.000", 3), ("17:00:01.000", 4)];
        assert_eq!(shown(&recent), expected(&kept));
    }

    #[test]
    fn a_pipeline_that_begins_anew_begins_a_new_curve() {
        let recent = Recent::default();
        take(&recent, "17:00:00.000", 10);
        take(&recent, "17:00:01.000", 1);
        assert_eq!(shown(&recent), expected(&[("17:00:01.000", 1)]));
    }

    #[test]
    fn other_updates_change_nothing() {
        let recent = Recent::default();
        for other in ["{}", "[]", r#"{"type":"trend_update"}"#, r#"{"type":"revenue_update","sequence":1}"#] {
            recent.take(other);
        }
        assert!(recent.points().is_empty() && recent.came().is_none());
    }
}
