//! Waits until nobody else can still write to state partitions: the first half of a restore.
//!
//! A former owner may have left a transaction open. Its records are invisible until it ends, so reading the
//! state now would miss a commit that succeeds a moment later.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use contract::state::{PROGRESS_KEY, Progress};
use rdkafka::ClientConfig;

use crate::error::Interrupt;
use crate::input::Input;
use crate::producer::{STEP, end_transaction_of};
use crate::reader::{Check, Isolation, Reader, Stretch};
use crate::{StageError, faults};

/// A last stable offset that stands still this long has a dead owner: a live one commits within it.
const DEAD_AFTER: Duration = Duration::from_millis(500);
/// Between two looks at the last stable offset.
const LOOK: Duration = Duration::from_millis(5);
/// A transaction that nobody ends within this is beyond our means; the restore starts over.
const GIVE_UP: Duration = Duration::from_secs(30);

/// The two readers of a restore, and what is needed to end a dead owner's transaction.
pub(crate) struct StateTopic {
    pub topic: String,
    pub committed: Reader,
    pub uncommitted: Reader,
    /// Base configuration of producers.
    base: ClientConfig,
    /// `<pipeline>.<stage>.`: the only transactional ids that may be taken over.
    id_prefix: String,
    /// Our own transactional id: what it left open was ended when our producer started.
    own_id: String,
}

impl StateTopic {
    pub(crate) fn new(
        base: &ClientConfig,
        topic: String,
        group: &str,
        own_id: &str,
    ) -> Result<Self, StageError> {
        let reader_group = format!("{group}.restore");
        Ok(Self {
            topic,
            committed: Reader::new(base.clone(), &reader_group, Isolation::ReadCommitted)?,
            uncommitted: Reader::new(base.clone(), &reader_group, Isolation::ReadUncommitted)?,
            base: base.clone(),
            id_prefix: format!("{group}."),
            own_id: own_id.to_owned(),
        })
    }

    /// Returns, for each partition, the stretch of state that is complete and final.
    pub(crate) fn settle(&self, partitions: &[i32], check: Check<'_>) -> Result<Vec<Stretch>, Interrupt> {
        let mut settled = Vec::with_capacity(partitions.len());
        for &partition in partitions {
            settled.push(self.settle_one(partition, check)?);
        }
        Ok(settled)
    }

    fn settle_one(&self, partition: i32, check: Check<'_>) -> Result<Stretch, Interrupt> {
        let (_, high) = self.uncommitted.watermarks(&self.topic, partition)?;
        let started = Instant::now();
        let (mut seen, mut since) = (-1, Instant::now());
        loop {
            let (low, stable) = self.committed.watermarks(&self.topic, partition)?;
            if stable >= high {
                return Ok(Stretch { partition, start: low, end: stable });
            }
            if stable != seen {
                (seen, since) = (stable, Instant::now());
            } else if since.elapsed() >= DEAD_AFTER {
                self.end_open_transactions(Stretch { partition, start: stable, end: high }, check)?;
                since = Instant::now();
            }
            if started.elapsed() > GIVE_UP {
                return Err(Interrupt::timed_out("waiting for an open transaction of the state topic"));
            }
            check()?;
            std::thread::sleep(LOOK);
        }
    }

    /// Ends the transactions of the owners whose progress records stand in the open stretch.
    fn end_open_transactions(&self, open: Stretch, check: Check<'_>) -> Result<(), Interrupt> {
        let mut owners: BTreeMap<String, i64> = BTreeMap::new();
        let mut note = |record: crate::native::Record<'_>| {
            if record.key == Some(PROGRESS_KEY.as_bytes())
                && let Some(Ok(progress)) = record.value.map(serde_json::from_slice::<Progress>)
            {
                owners.insert(progress.owner, record.offset);
            }
            Ok(())
        };
        self.uncommitted.read(&self.topic, &[open], &mut note, check)?;
        for (owner, offset) in owners {
            if owner.starts_with(&self.id_prefix) && owner != self.own_id {
                tracing::info!(owner, partition = open.partition, offset, "ending an open transaction");
                end_transaction_of(self.base.clone(), &owner, &self.topic, &mut *check)?;
            }
        }
        Ok(())
    }
}

/// Waits until no offset commit of the partitions is pending in the group: a stalled owner that had already
/// sent its offsets is either finished or fenced after this.
pub(crate) fn await_offset_commits(
    input: &Input,
    partitions: &[i32],
    check: Check<'_>,
) -> Result<(), Interrupt> {
    if faults::is_off(faults::Mutation::NoCommittedBarrier) {
        return Ok(());
    }
    let started = Instant::now();
    while !input
        .no_commit_pending(partitions, STEP * 2)
        .map_err(Interrupt::doubt("asking for committed offsets"))?
    {
        if started.elapsed() > GIVE_UP {
            return Err(Interrupt::timed_out("waiting for a pending offset commit"));
        }
        check()?;
    }
    Ok(())
}
