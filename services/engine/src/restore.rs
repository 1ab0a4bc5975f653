//! Brings partitions back to where their last commit left them: the one recovery path, start-up included.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use contract::state::{self, PROGRESS_KEY, Progress, SETTINGS_KEY};
use contract::{ProcessorKind, Settings, Timestamp};

use crate::claims::Start;
use crate::error::Interrupt;
use crate::faults::{self, Mutation, Point};
use crate::native::Record;
use crate::partition::{Partition, Slot};
use crate::reader::{Check, Stretch};
use crate::settle::StateTopic;
use crate::state::{is_reset, is_set_by_hand};
use crate::{StageError, format};

/// What a restore needs to know of its stage.
pub(crate) struct Restorer {
    pub stage: String,
    pub orders_topic: String,
    pub state: StateTopic,
    pub processors: Vec<Arc<dyn ProcessorKind>>,
    /// Where partitions without progress begin.
    pub start: Start,
}

/// Restored partitions, and what it took.
pub(crate) struct Restored {
    pub partitions: Vec<Partition>,
    pub state_records: u64,
    pub state_bytes: u64,
    pub refolded: u64,
    pub seconds: f64,
}

impl Restored {
    pub(crate) fn log(&self) {
        tracing::info!(
            partitions = self.partitions.len(),
            records = self.state_records,
            bytes = self.state_bytes,
            refolded = self.refolded,
            seconds = self.seconds,
            "restored"
        );
    }
}

/// What a state partition holds: the newest value of every key. Nothing is parsed before all is read: an older
/// record that this version cannot read does not matter once a newer one has replaced it.
#[derive(Default)]
struct Snapshot {
    progress: Option<Vec<u8>>,
    settings: Option<Vec<u8>>,
    records: HashMap<String, Vec<u8>>,
}

impl Restorer {
    /// Restores the partitions of `settled` (from [`StateTopic::settle`], after the group's offset commits were
    /// awaited). Settings that a partition has none of its own yet are `newest`.
    pub(crate) fn restore(
        &self,
        settled: &[Stretch],
        newest: &Settings,
        check: Check<'_>,
    ) -> Result<Restored, Interrupt> {
        let started = Instant::now();
        let mut restored =
            Restored { partitions: Vec::new(), state_records: 0, state_bytes: 0, refolded: 0, seconds: 0.0 };
        let mut snapshots = self.read_state(settled, &mut restored, check)?;
        for stretch in settled {
            let snapshot = snapshots.remove(&stretch.partition).unwrap_or_default();
            restored.partitions.push(self.load(stretch.partition, snapshot, newest)?);
        }
        faults::pass(Point::Restoring);
        self.refold(&mut restored, check)?;
        restored.seconds = started.elapsed().as_secs_f64();
        Ok(restored)
    }

    fn read_state(
        &self,
        settled: &[Stretch],
        restored: &mut Restored,
        check: Check<'_>,
    ) -> Result<BTreeMap<i32, Snapshot>, Interrupt> {
        let mut snapshots: BTreeMap<i32, Snapshot> = BTreeMap::new();
        let mut take = |record: Record<'_>| {
            restored.state_records += 1;
            restored.state_bytes += record.value.map_or(0, <[u8]>::len) as u64;
            let snapshot = snapshots.entry(record.partition).or_default();
            Self::take(snapshot, &record).map_err(|problem| self.unreadable(record.partition, problem).into())
        };
        self.state.committed.read(&self.state.topic, settled, &mut take, check)?;
        Ok(snapshots)
    }

    fn take(snapshot: &mut Snapshot, record: &Record<'_>) -> Result<(), String> {
        let key =
            record.key.and_then(|key| std::str::from_utf8(key).ok()).ok_or("a record without a text key")?;
        match (key, record.value) {
            (PROGRESS_KEY, value) => replace(&mut snapshot.progress, value),
            (SETTINGS_KEY, value) => replace(&mut snapshot.settings, value),
            (key, None) => {
                snapshot.records.remove(key);
            }
            (key, Some(value)) => {
                snapshot.records.insert(key.to_owned(), value.to_vec());
            }
        }
        Ok(())
    }

    fn unreadable(&self, partition: i32, problem: String) -> StageError {
        StageError::State { topic: self.state.topic.clone(), partition, problem }
    }

    pub(crate) fn data_loss(&self, partition: i32, problem: String) -> Interrupt {
        Interrupt::Fatal(StageError::DataLoss {
            stage: self.stage.clone(),
            topic: self.orders_topic.clone(),
            partition,
            problem,
        })
    }

    /// Makes a partition from its snapshot; its processors stand at their checkpoints.
    fn load(&self, id: i32, snapshot: Snapshot, newest: &Settings) -> Result<Partition, Interrupt> {
        let Snapshot { progress, settings, records } = snapshot;
        let settings_due = settings.is_none();
        let settings = settings.map(|value| Settings::from_record(&value)).transpose();
        let settings = settings.map_err(|error| self.unreadable(id, format!("settings: {error}")))?;
        let settings = settings.unwrap_or_else(|| newest.clone());
        let progress = progress.map(|value| format::read_progress(&value)).transpose();
        let progress = match progress.map_err(|problem| self.unreadable(id, problem))? {
            Some(progress) => progress,
            None => self.first_progress(id)?,
        };
        let progress = self.check_range(id, progress)?;
        let set_by_hand = is_set_by_hand(&progress);
        let mut slots = Vec::with_capacity(self.processors.len());
        for kind in &self.processors {
            let checkpoint = progress.checkpoints.get(kind.name().as_str());
            let checkpoint = format::check_checkpoint(kind.as_ref(), checkpoint)
                .map_err(|problem| self.unreadable(id, problem))?;
            let mut slot = Slot::new(kind.as_ref(), &settings, checkpoint.position);
            slot.watermark = Timestamp(checkpoint.watermark);
            slot.checkpoint = checkpoint;
            slots.push(slot);
        }
        for (key, value) in &records {
            load_record(&mut slots, key, value).map_err(|problem| self.unreadable(id, problem))?;
        }
        if faults::is_off(Mutation::SharedCheckpoint) {
            share_checkpoint(&mut slots);
        }
        Ok(Partition {
            id,
            incarnation: progress.incarnation,
            set_by_hand,
            position: progress.position,
            committed: progress.position,
            last: progress.last,
            slots,
            orders: progress.orders,
            invalid: progress.invalid,
            lost: progress.lost,
            settings,
            settings_due,
            fed: Instant::now(),
            record_time: Timestamp(0),
            heard: false,
        })
    }

    fn first_progress(&self, partition: i32) -> Result<Progress, Interrupt> {
        let position = match self.start.offset(partition) {
            Some(offset) => offset,
            // Added after the stage's first start.
            None => self.state.uncommitted.watermarks(&self.orders_topic, partition)?.0,
        };
        Ok(format::first_progress(&self.processors, position))
    }

    /// The position and every checkpoint must lie within what the orders topic still holds.
    fn check_range(&self, id: i32, mut progress: Progress) -> Result<Progress, Interrupt> {
        let (low, high) = self.state.uncommitted.watermarks(&self.orders_topic, id)?;
        if is_reset(&progress) {
            progress.position = progress.position.max(low);
            for checkpoint in progress.checkpoints.values_mut() {
                checkpoint.position = checkpoint.position.max(low);
            }
        }
        let needed = progress.checkpoints.values().map(|c| c.position).min().unwrap_or(progress.position);
        let needed = needed.min(progress.position);
        if needed < low {
            let problem = format!("orders [{needed}, {low}) are needed and no longer in the topic");
            return Err(self.data_loss(id, problem));
        }
        if progress.position > high {
            let problem = format!("read up to offset {} but the topic ends at {high}", progress.position);
            return Err(self.data_loss(id, problem));
        }
        Ok(progress)
    }
}

/// Keeps a copy of the newest value, in the memory of the one before.
fn replace(kept: &mut Option<Vec<u8>>, value: Option<&[u8]>) {
    match value {
        Some(value) => value.clone_into(kept.get_or_insert_default()),
        None => *kept = None,
    }
}

fn load_record(slots: &mut [Slot], key: &str, value: &[u8]) -> Result<(), String> {
    let (processor, own_key) =
        state::split_state_key(key).ok_or_else(|| format!("there is no such key: {key:?}"))?;
    let slot = slots
        .iter_mut()
        .find(|slot| slot.name == processor)
        .ok_or_else(|| format!("key {key:?} is of a processor that this stage does not run"))?;
    let format = slot.checkpoint.format;
    slot.processor.load(format, own_key, value).map_err(|error| error.to_string())
}

fn share_checkpoint(slots: &mut [Slot]) {
    if let Some(earliest) = slots.iter().map(|s| s.checkpoint.position).min() {
        for slot in slots {
            slot.checkpoint.position = earliest;
        }
    }
}
