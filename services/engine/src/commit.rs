//! One commit: outputs, state, progress and input offsets in one transaction, all or nothing.

use std::time::Instant;

use contract::state::{PROGRESS_KEY, SETTINGS_KEY};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::producer::BaseRecord;

use crate::StageError;
use crate::error::Interrupt;
use crate::faults::{self, Mutation, Point};
use crate::partition::Extent;
use crate::producer::Producer;
use crate::stage::Stage;

impl Stage {
    /// Commits every partition that has something to write. The order of the steps matters: offsets go after
    /// the acknowledged records, else a stalled owner and its successor could both succeed.
    pub(crate) fn commit(&mut self, extent: Extent) -> Result<(), Interrupt> {
        if extent != Extent::Claim && !self.partitions.iter().any(|p| p.settings_due || p.is_due(extent)) {
            return Ok(());
        }
        let started = Instant::now();
        let has_orders = self.partitions.iter().any(|p| p.position != p.committed);
        let pass = |point| {
            if has_orders {
                faults::pass(point);
            }
        };
        let producer =
            self.producer.take().ok_or_else(|| Interrupt::timed_out("committing without a producer"))?;
        producer.begin()?;
        let positions = self.send_state(&producer, extent)?;
        self.send_outputs(&producer)?;
        if faults::is_off(Mutation::OffsetsBeforeFlush) {
            self.send_offsets(&producer, &positions)?;
            pass(Point::OffsetsSent);
        }
        pass(Point::RecordsSent);
        producer.flush()?;
        if !faults::is_off(Mutation::OffsetsBeforeFlush) {
            self.send_offsets(&producer, &positions)?;
            pass(Point::OffsetsSent);
        }
        if extent == Extent::Claim {
            faults::pass(Point::Claim);
        }
        producer.commit()?;
        // Only now does the state count as real. On every way out above, the producer is gone.
        self.producer = Some(producer);
        self.note_committed(started);
        if extent != Extent::Claim {
            self.note_working();
        }
        pass(Point::Committed);
        Ok(())
    }

    /// Sends, per partition: its progress, then the state records it announces.
    fn send_state(&mut self, producer: &Producer, extent: Extent) -> Result<Vec<(i32, i64)>, Interrupt> {
        let topic = &self.restorer.state.topic;
        let mut positions = Vec::new();
        for partition in self.partitions.iter_mut().filter(|p| p.settings_due || p.is_due(extent)) {
            self.changelog.clear();
            if partition.settings_due {
                self.changelog.own(SETTINGS_KEY, partition.settings.to_json().as_bytes());
            }
            partition.gather(extent, &mut self.changelog);
            if let Some(key) = self.changelog.oversized() {
                return Err(Interrupt::Fatal(StageError::State {
                    topic: topic.clone(),
                    partition: partition.id,
                    problem: format!("the state record {key:?} is larger than 512 KiB"),
                }));
            }
            let progress = partition.progress(&self.identity.owner, self.changelog.records().len());
            let value = serde_json::to_vec(&progress).unwrap_or_default();
            let record = |key| BaseRecord::<[u8], [u8]>::to(topic).partition(partition.id).key(key);
            producer.send(record(PROGRESS_KEY.as_bytes()).payload(&value))?;
            for (key, value) in self.changelog.records() {
                let record = record(key);
                producer.send(match value {
                    Some(value) => record.payload(value),
                    None => record,
                })?;
            }
            positions.push((partition.id, partition.position));
        }
        Ok(positions)
    }

    fn send_outputs(&mut self, producer: &Producer) -> Result<(), Interrupt> {
        if let Some(traces) = &mut self.fold.traces {
            traces.sending();
        }
        let topics = &self.identity.topics;
        for (number, alert) in self.fold.outputs.alerts().enumerate() {
            let mut record = BaseRecord::to(&topics.alerts).key(alert.key).payload(alert.value);
            if let Some(headers) = self.fold.traces.as_ref().and_then(|traces| traces.headers(number)) {
                record = record.headers(headers);
            }
            producer.send(record)?;
        }
        for letter in &self.fold.dead_letters {
            let mut record = BaseRecord::to(&topics.dead_letters)
                .payload(letter.cut(self.dead_letter_limit))
                .headers(letter.headers(&topics.orders));
            if let Some(key) = &letter.key {
                record = record.key(key.as_slice());
            }
            producer.send(record)?;
        }
        Ok(())
    }

    fn send_offsets(&self, producer: &Producer, positions: &[(i32, i64)]) -> Result<(), Interrupt> {
        let offsets = self.input.offsets(positions).map_err(Interrupt::doubt("listing offsets"))?;
        if faults::is_off(Mutation::NoTransaction) || faults::is_off(Mutation::ProgressFromGroup) {
            let ahead = faults::is_off(Mutation::ProgressFromGroup);
            let mode = if ahead { CommitMode::Sync } else { CommitMode::Async };
            let committed = self.input.consumer().commit(&offsets, mode);
            return committed.map_err(Interrupt::doubt("committing offsets"));
        }
        let membership = self.membership.as_ref();
        let membership = membership.ok_or_else(|| Interrupt::timed_out("committing without a membership"))?;
        producer.send_offsets(&offsets, membership)
    }

    fn note_committed(&mut self, started: Instant) {
        for partition in self.partitions.iter_mut() {
            partition.committed = partition.position;
            partition.settings_due = false;
        }
        self.metrics.record_outputs(&self.fold.outputs);
        self.metrics.record_commit(started.elapsed().as_secs_f64());
        self.metrics.record_busy(started.elapsed().as_secs_f64());
        self.fold.committed();
        self.committed_at = Instant::now();
    }
}
