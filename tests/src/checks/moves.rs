//! The velocity alerts of a pipeline whose orders got more partitions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use crate::oracle::moves::{Minutes, Moved};
use crate::pipeline::Pipeline;
use crate::topic;

/// Velocity alerts are as many as every user deserves, except for users who moved between partitions in that very minute:
/// of theirs some may be missing, none may be too many. Gives who moved, and how many alerts they miss.
///
/// # Errors
/// When another user's alerts differ, or a topic cannot be read.
pub fn only_moved_users_miss_alerts(
    pipeline: &Pipeline,
    orders_per_minute: u64,
) -> Result<(Vec<Moved>, u64)> {
    let minutes = Minutes::read(pipeline.brokers(), &pipeline.orders())?;
    let moved = minutes.moved();
    let who: BTreeSet<_> = moved.iter().map(|moved| (moved.minute, moved.user.clone())).collect();
    let mut missing = minutes.deserved(orders_per_minute);
    for (key, sent) in sent(pipeline)? {
        let left = missing.entry(key.clone()).or_default();
        *left = left.checked_sub(sent).with_context(|| format!("{sent} alerts for {key:?} are too many"))?;
    }
    missing.retain(|_, missing| *missing > 0);
    let stayed: Vec<_> = missing.iter().filter(|(key, _)| !who.contains(*key)).collect();
    ensure!(stayed.is_empty(), "alerts are missing of users who did not move: {stayed:?}");
    Ok((moved, missing.values().sum()))
}

/// How many velocity alerts were sent, by minute of the order and user.
fn sent(pipeline: &Pipeline) -> Result<BTreeMap<(i64, String), u64>> {
    let mut sent = BTreeMap::new();
    topic::visit(pipeline.brokers(), &pipeline.alerts(), |record| {
        let alert = record.json()?;
        if alert["type"] == "VELOCITY" {
            let text = |name: &str| alert[name].as_str().with_context(|| format!("{name} of {alert}"));
            let time: jiff::Timestamp = text("timestamp")?.parse().context("timestamp")?;
            let minute = time.as_millisecond().div_euclid(60_000);
            *sent.entry((minute, text("userId")?.to_owned())).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(sent)
}
