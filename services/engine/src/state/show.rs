//! What a stage has written down, and what of its input it has not read.

use contract::state::Progress;
use serde::Serialize;

use super::{AdminError, Content, Purpose, StageAdmin, is_reset};
use crate::StageError;
use crate::native::Record;
use crate::reader::Stretch;

/// Among so many offsets the first unread order is looked for.
const FIRST_FEW: i64 = 64;

/// What a stage has done with one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartitionState {
    /// The input partition.
    pub partition: i32,
    /// First offset that the orders topic still holds.
    pub low: i64,
    /// Where the orders topic ends.
    pub end: i64,
    /// Orders not read yet; at most, since transaction markers take offsets too.
    pub lag: i64,
    /// What the stage has written down, absent before its first start.
    pub progress: Option<Progress>,
    /// When the oldest order was written that was not read yet, in ms since the Unix epoch; absent without one, and
    /// when it is not among the first offsets (markers of transactions may stand there).
    pub oldest_unread: Option<i64>,
    /// The generation of the settings that its orders are folded with; absent before the first start.
    pub settings_generation: Option<u64>,
    /// State records in the partition, older values of the same key not counted.
    pub records: usize,
}

impl PartitionState {
    /// Why the stage cannot go on here: the topic does not hold what its progress needs.
    pub fn loss(&self) -> Option<String> {
        let progress = self.progress.as_ref()?;
        let (low, end) = (self.low, self.end);
        let needed = progress.checkpoints.values().map(|c| c.position).chain([progress.position]).min()?;
        match (!is_reset(progress) && needed < low, progress.position > end) {
            (true, _) => Some(format!("orders [{needed}, {low}) are needed and no longer in the topic")),
            (_, true) => Some(format!("read up to offset {} but the topic ends at {end}", progress.position)),
            (false, false) => None,
        }
    }
}

impl StageAdmin {
    /// The state of every partition.
    ///
    /// # Errors
    /// When Kafka does not answer or the stage's state cannot be read.
    pub fn show(&self) -> Result<Vec<PartitionState>, AdminError> {
        let mut content = self.read(Purpose::Show)?;
        let mut shown = Vec::new();
        for partition in 0..self.partitions(&self.topics.orders)? {
            let Content { progress, generation, keys } = content.remove(&partition).unwrap_or_default();
            let progress = progress.transpose().map_err(|problem| {
                let topic = self.state.topic.clone();
                StageError::State { topic, partition, problem }
            })?;
            let (low, end) = self.state.committed.watermarks(&self.topics.orders, partition)?;
            let position = progress.as_ref().map_or(low, |p| p.position);
            shown.push(PartitionState {
                partition,
                low,
                end,
                lag: (end - position).max(0),
                oldest_unread: self.first_after(partition, position.max(low), end)?,
                progress,
                settings_generation: generation,
                records: keys.len(),
            });
        }
        Ok(shown)
    }

    /// The time of the first order from `position` on.
    fn first_after(&self, partition: i32, position: i64, end: i64) -> Result<Option<i64>, AdminError> {
        let stretch =
            Stretch { partition, start: position, end: end.min(position.saturating_add(FIRST_FEW)) };
        let mut first = None;
        let mut take = |record: Record<'_>| {
            first.get_or_insert(record.timestamp.0);
            Ok(())
        };
        self.state.committed.read(&self.topics.orders, &[stretch], &mut take, &mut || Ok(()))?;
        Ok(first)
    }

    /// The replicas in the stage's group, by their instance names.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn replicas(&self) -> Result<Vec<String>, AdminError> {
        let prefix = self.topics.transactional_id(&self.stage, "");
        let own = |id: &String| id.strip_prefix(&prefix).unwrap_or(id).to_owned();
        let mut names: Vec<_> = self.members()?.iter().map(own).collect();
        names.sort_unstable();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(position: i64, checkpoint: i64, orders: u64) -> PartitionState {
        let progress = serde_json::json!({"format": 1, "incarnation": "a", "owner": "shop.fraud.one", "position": position,
            "last": null, "records": 0, "orders": orders, "invalid": 0,
            "checkpoints": {"fraud": {"format": 1, "position": checkpoint, "watermark": 0}}});
        PartitionState {
            partition: 0,
            low: 100,
            end: 200,
            lag: 0,
            oldest_unread: None,
            progress: serde_json::from_value(progress).unwrap(),
            settings_generation: None,
            records: 0,
        }
    }

    #[test]
    fn what_the_topic_does_not_hold_any_more_is_a_loss() {
        assert_eq!(partition(150, 120, 5).loss(), None);
        let lost = partition(150, 90, 5).loss().unwrap();
        assert!(lost.contains("[90, 100)"), "{lost}");
        let cut = partition(250, 120, 5).loss().unwrap();
        assert!(cut.contains("ends at 200"), "{cut}");
    }

    #[test]
    fn who_has_not_begun_since_a_reset_has_lost_nothing() {
        assert!(partition(0, 0, 0).loss().is_some());
        let mut reset = partition(0, 0, 0);
        reset.progress.as_mut().unwrap().owner = "shop.fraud.admin".to_owned();
        assert_eq!(reset.loss(), None);
        assert_eq!(PartitionState { progress: None, ..partition(0, 0, 0) }.loss(), None);
    }
}
