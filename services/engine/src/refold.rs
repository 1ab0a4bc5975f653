//! The second half of a restore: folds again what was folded after the last checkpoints.

use std::collections::BTreeSet;

use contract::{OrderParser, Outputs};

use crate::changelog::Changelog;
use crate::error::Interrupt;
use crate::faults::{self, Mutation};
use crate::native::Record;
use crate::partition::{Extent, Partition, record_hash};
use crate::reader::{Check, Stretch};
use crate::restore::{Restored, Restorer};

impl Restorer {
    /// Folds the orders between checkpoints and positions again, their outputs thrown away, and checks that
    /// the last record before each position is still the one that was read.
    pub(crate) fn refold(&self, restored: &mut Restored, check: Check<'_>) -> Result<(), Interrupt> {
        let stretches = self.refold_stretches(&restored.partitions)?;
        let mut unseen: BTreeSet<i32> = stretches.iter().map(|s| s.partition).collect();
        let (mut parser, mut outputs) = (OrderParser::default(), Outputs::default());
        let Restored { partitions, refolded, .. } = restored;
        let mut take = |record: Record<'_>| {
            let Some(partition) = partitions.iter_mut().find(|p| p.id == record.partition) else {
                return Ok(());
            };
            if let Some(last) = partition.last.as_ref().filter(|last| last.offset == record.offset) {
                unseen.remove(&record.partition);
                if last.hash != record_hash(&record) {
                    return Err(self.data_loss(partition.id, changed(last.offset)));
                }
            }
            *refolded += refold_record(partition, &record, &mut parser, &mut outputs);
            Ok(())
        };
        self.state.committed.read(&self.orders_topic, &stretches, &mut take, check)?;
        for partition in &mut restored.partitions {
            match &partition.last {
                // A stretch that begins after it was cut by retention: there is nothing to compare with.
                Some(last)
                    if unseen.contains(&partition.id) && compares(&stretches, partition.id, last.offset) =>
                {
                    return Err(self.data_loss(partition.id, changed(last.offset)));
                }
                _ => {}
            }
            if faults::is_off(Mutation::RefoldNotDue) {
                partition.gather(Extent::Everything, &mut Changelog::default());
            }
        }
        Ok(())
    }

    fn refold_stretches(&self, partitions: &[Partition]) -> Result<Vec<Stretch>, Interrupt> {
        let mut stretches = Vec::new();
        for partition in partitions {
            let (low, _) = self.state.uncommitted.watermarks(&self.orders_topic, partition.id)?;
            let end = partition.position;
            // Nothing is left to compare with when retention has taken the last record too.
            let last = partition.last.as_ref().map(|last| last.offset).filter(|offset| *offset >= low);
            let folded = partition.slots.iter().map(|s| s.checkpoint.position);
            let start = folded.chain(last).min().unwrap_or(end);
            if start < end {
                stretches.push(Stretch { partition: partition.id, start, end });
            }
        }
        Ok(stretches)
    }
}

fn compares(stretches: &[Stretch], partition: i32, offset: i64) -> bool {
    stretches.iter().any(|s| s.partition == partition && s.start <= offset)
}

fn changed(offset: i64) -> String {
    format!("the record at offset {offset} is not the one that was read there; was the topic recreated?")
}

fn refold_record(
    partition: &mut Partition,
    record: &Record<'_>,
    parser: &mut OrderParser,
    outputs: &mut Outputs,
) -> u64 {
    let Ok(order) = parser.parse(record.value.unwrap_or_default(), record.timestamp) else { return 0 };
    let mut folded = 0;
    for slot in partition.slots.iter_mut().filter(|slot| record.offset >= slot.checkpoint.position) {
        slot.fold(&order, record.timestamp, outputs);
        folded = 1;
    }
    outputs.clear();
    folded
}
