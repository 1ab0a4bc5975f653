//! What a stage does when the group moves: commit and let go, or restore and go on.

use std::time::{Duration, Instant};

use runtime::topics::{STATE_CONFIG, ensure_internal};

use crate::StageError;
use crate::error::Interrupt;
use crate::faults::{self, Mutation, Point};
use crate::input::GroupEvent;
use crate::partition::Extent;
use crate::prepare::waiting_for_partitions;
use crate::producer::Producer;
use crate::reader::Check;
use crate::settle::await_offset_commits;
use crate::stage::Stage;

/// Without these protections offsets and progress are not committed, or not read, together.
const COMMITTED_APART: [Mutation; 3] =
    [Mutation::NoTransaction, Mutation::ProgressFromGroup, Mutation::SettledOnce];
/// How long a member without partitions waits for the group before it looks around again.
const STAND_BY: Duration = Duration::from_secs(1);
/// Two processes with one instance id take the place from each other within a few heartbeats.
const CONTEST: Duration = Duration::from_secs(30);

impl Stage {
    pub(crate) fn handle(&mut self, event: GroupEvent) -> Result<(), Interrupt> {
        match event {
            GroupEvent::Assigned(partitions) => {
                self.metrics.record_rebalance("assigned");
                tracing::info!(?partitions, "partitions assigned");
                self.forget();
                self.membership = self.input.membership();
                self.assigned = Some(partitions);
                Ok(())
            }
            GroupEvent::Revoked => {
                self.metrics.record_rebalance("revoked");
                let committed =
                    if self.partitions.is_empty() { Ok(()) } else { self.commit(Extent::Everything) };
                self.let_go();
                committed
            }
            GroupEvent::Lost => {
                self.metrics.record_rebalance("lost");
                tracing::warn!("partitions lost; somebody else may have them");
                self.let_go();
                Ok(())
            }
            GroupEvent::Fenced => self.take_place_again(),
            GroupEvent::Stray => Err(Interrupt::timed_out("reading orders in the queue of their partition")),
            GroupEvent::Failed(reason) => Err(Interrupt::Fatal(StageError::Consumer(reason))),
        }
    }

    /// The group gives an instance's place to whoever joined last. That may have been ourselves: after a broker
    /// was away, a late request under our former member id fences us from the place we took again. So we join once
    /// more. When the place is lost again at once, another process wants it; the younger one keeps it.
    fn take_place_again(&mut self) -> Result<(), Interrupt> {
        self.metrics.record_rebalance("fenced");
        let contested = self.fenced_at.is_some_and(|at| at.elapsed() < CONTEST);
        if contested {
            return Err(Interrupt::Fatal(StageError::Fenced {
                group: self.identity.group.clone(),
                instance: self.identity.instance.clone(),
            }));
        }
        self.fenced_at = Some(Instant::now());
        let instance = &self.identity.instance;
        tracing::warn!(instance, "another member took this instance's place in the group; joining again");
        self.let_go();
        self.producer = None;
        Ok(self.input.rejoin()?)
    }

    fn let_go(&mut self) {
        self.forget();
        self.assigned = None;
        self.membership = None;
        self.input.unassign();
        self.need.missing(waiting_for_partitions(&self.identity.topics));
    }

    /// Restores what the group gave us and starts reading; false when there is nothing to read.
    pub(crate) fn restore_assigned(&mut self) -> Result<bool, Interrupt> {
        let Some(assigned) = self.assigned.clone() else { return Ok(false) };
        if assigned.is_empty() {
            return self.stand_by();
        }
        self.need.missing("restoring state from kafka");
        self.grow_state_topic(&assigned);
        if self.producer.is_none() {
            let topic = &self.identity.topics.orders;
            self.producer = Some(Producer::start(&self.producer_config, topic, || self.check())?);
        }
        let newest = self.settings.borrow().settings.clone();
        let check: Check<'_> = &mut || self.check();
        // Ends what dead owners left open, for which the group's pending commits wait too; what a stalled owner
        // still wrote while those were awaited is then read as well.
        let mut settled = self.restorer.state.settle(&assigned, check)?;
        await_offset_commits(&self.input, &assigned, check)?;
        if !faults::is_off(Mutation::SettledOnce) {
            settled = self.restorer.state.settle(&assigned, check)?;
        }
        let mut restored = self.restorer.restore(&settled, &newest, check)?;
        self.compare_with_group(&mut restored.partitions)?;
        self.metrics.record_restore(&restored);
        restored.log();
        self.take_up(restored.partitions)?;
        Ok(true)
    }

    /// What a long wait looks at again and again.
    fn check(&self) -> Result<(), Interrupt> {
        if self.shutdown.is_cancelled() {
            Err(Interrupt::Shutdown)
        } else if self.input.has_group_event() {
            Err(Interrupt::Rebalance)
        } else {
            Ok(())
        }
    }

    /// The orders topic may have been given more partitions by a tool that knows nothing of ours.
    fn grow_state_topic(&mut self, assigned: &[i32]) {
        let needed = assigned.iter().max().map_or(0, |last| last + 1);
        if needed <= self.state_partitions {
            return;
        }
        let Self { kafka, restorer, .. } = &*self;
        match ensure_internal(kafka, &restorer.state.topic, needed, &restorer.orders_topic, STATE_CONFIG) {
            Ok(()) => self.state_partitions = needed,
            Err(error) => tracing::warn!(%error, "cannot grow the state topic"),
        }
    }

    /// More replicas than partitions: a member without any waits for the next rebalance.
    fn stand_by(&mut self) -> Result<bool, Interrupt> {
        self.input.assign(&[]).map_err(Interrupt::doubt("assigning"))?;
        let topic = &self.identity.topics.orders;
        // A topic that was deleted leaves all members without partitions, too.
        match self.restorer.state.committed.partitions(topic)? {
            Some(_) => self.need.met(),
            None => self.need.missing(format!("topic {topic} is gone (--orders-topic / ORDERS_TOPIC)")),
        }
        if let Some(event) = self.input.group_event(STAND_BY) {
            self.handle(event)?;
        }
        Ok(false)
    }

    /// Claims the partitions in a first transaction, then reads on.
    fn take_up(&mut self, partitions: Vec<crate::partition::Partition>) -> Result<(), Interrupt> {
        let positions: Vec<_> = partitions.iter().map(|p| (p.id, p.position)).collect();
        let generation = partitions.iter().map(|p| p.settings.generation).max().unwrap_or(0);
        for partition in partitions {
            self.partitions.put(partition);
        }
        self.committed_at = Instant::now();
        self.commit(Extent::Claim)?;
        faults::pass(Point::Claimed);
        self.input.assign(&positions).map_err(Interrupt::doubt("assigning"))?;
        self.metrics.record_settings(generation);
        if self.failures == 0 {
            self.need.met();
        }
        Ok(())
    }

    /// The group's offsets are for lag tools; where they are behind, progress is right and the difference is counted.
    /// They are not ahead of it for long, for both are committed together: see [`Stage::check_state_is_whole`].
    fn compare_with_group(
        &mut self,
        partitions: &mut [crate::partition::Partition],
    ) -> Result<(), Interrupt> {
        if faults::is_off(Mutation::NoCommittedBarrier) {
            return Ok(());
        }
        let ids: Vec<_> = partitions.iter().map(|p| p.id).collect();
        let committed = self
            .input
            .committed(&ids, crate::producer::STEP * 8)
            .map_err(Interrupt::doubt("asking for committed offsets"))?;
        for (id, offset) in committed {
            let Some(partition) = partitions.iter_mut().find(|p| p.id == id) else { continue };
            let may_be_ahead = partition.set_by_hand || COMMITTED_APART.into_iter().any(faults::is_off);
            if offset > partition.position && !may_be_ahead {
                return Err(self.check_state_is_whole(id, partition.position, offset));
            }
            if partition.position != offset {
                self.metrics.record_offset_mismatch();
                tracing::warn!(partition = id, offset, position = partition.position, "group offset differs");
            }
            if faults::is_off(Mutation::ProgressFromGroup) {
                partition.position = offset;
                partition.committed = offset;
            }
        }
        self.ahead = None;
        Ok(())
    }

    /// What to do when the group has committed `offset`, beyond the `position` that was read from the state topic.
    /// Another owner may have committed both since the state was read: then it is there when the state is read again.
    /// When it is not, records of the state topic were lost, and going on would count again what was counted.
    fn check_state_is_whole(&mut self, partition: i32, position: i64, offset: i64) -> Interrupt {
        let seen = self.ahead.replace((partition, offset));
        let Some((_, seen)) = seen.filter(|(id, seen)| *id == partition && position < *seen) else {
            tracing::warn!(
                partition,
                position,
                offset,
                "the group is ahead of the state that was read; reading again"
            );
            return Interrupt::Rebalance;
        };
        let topic = &self.restorer.state.topic;
        let problem = format!(
            "orders up to offset {seen} were committed, but {topic} only knows of those up to {position}: records of \
             that topic were lost"
        );
        self.restorer.data_loss(partition, problem)
    }
}
