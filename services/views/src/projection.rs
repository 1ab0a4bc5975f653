//! All state partitions merged, and the views over them. Synchronous: fed by the tails, asked by the publisher.

use std::collections::BTreeMap;

use contract::{ProcessorName, Publication, Settings, Timestamp, View};

use crate::fence::{OwnPosition, StatePartition};
use crate::merge::{Merge, Overflow, Part};
use crate::transactions::{Head, Transaction, Turn};

/// One run of a stage's tail. What a tail says that has been replaced since is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TailId {
    pub stage: String,
    pub run: u64,
}

/// Everything that was read, merged.
pub(crate) struct Projection {
    views: Vec<Merged>,
    stages: BTreeMap<String, Stage>,
    parts: Part,
}

struct Merged {
    view: Box<dyn View>,
    merge: Merge,
}

struct Stage {
    run: u64,
    /// Empty until the state topic was found.
    partitions: Vec<Partition>,
}

struct Partition {
    part: Part,
    head: Option<Head>,
    consistent: bool,
    /// Whether it has been consistent before.
    shown: bool,
    at_end: bool,
}

/// What is to be shown.
pub(crate) struct Snapshot {
    pub publication: Publication,
    pub positions: BTreeMap<StatePartition, OwnPosition>,
    /// When the newest transaction in it was written, in ms since the Unix epoch.
    pub newest: Option<i64>,
}

/// What keeps anything from being shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unready {
    /// No stage with a view.
    NoStage,
    /// The stage's state topic has not been found.
    NoTopic(String),
    /// Partitions of the stage that have never been caught up, of how many.
    CatchingUp { stage: String, missing: usize, of: usize },
    /// A partition is caught up again after a gap: a matter of a moment.
    Gap,
}

impl Projection {
    pub(crate) fn new(views: Vec<Box<dyn View>>) -> Self {
        let views = views.into_iter().map(|view| Merged { view, merge: Merge::default() }).collect();
        Self { views, stages: BTreeMap::new(), parts: 0 }
    }

    /// The processors that have a view.
    pub(crate) fn processors(&self) -> impl Iterator<Item = ProcessorName> {
        self.views.iter().map(|m| m.view.processor())
    }

    /// The prefixes of all keys that may be shown.
    pub(crate) fn families(&self) -> Vec<&'static str> {
        self.views.iter().flat_map(|m| m.view.families()).copied().collect()
    }

    /// A tail begins. What an earlier one of the stage has read is forgotten.
    pub(crate) fn begin(&mut self, tail: &TailId) {
        self.end(&tail.stage);
        self.stages.insert(tail.stage.clone(), Stage { run: tail.run, partitions: Vec::new() });
    }

    /// The stage is not read any more; what was read is forgotten.
    pub(crate) fn end(&mut self, stage: &str) {
        let partitions = self.stages.remove(stage).map(|s| s.partitions).unwrap_or_default();
        for partition in partitions {
            for merged in &mut self.views {
                merged.merge.forget(partition.part);
            }
        }
    }

    /// The stage's state topic has at least `count` partitions.
    pub(crate) fn grow(&mut self, tail: &TailId, count: usize) {
        let Some(stage) = self.stages.get_mut(&tail.stage).filter(|s| s.run == tail.run) else { return };
        while stage.partitions.len() < count {
            let partition =
                Partition { part: self.parts, head: None, consistent: false, shown: false, at_end: false };
            stage.partitions.push(partition);
            self.parts += 1;
        }
    }

    /// Applies a transaction, wholly.
    pub(crate) fn apply(
        &mut self,
        tail: &TailId,
        partition: i32,
        transaction: Transaction,
    ) -> Result<(), Overflow> {
        let Self { views, stages, .. } = self;
        let Some(partition) = find(stages, tail, partition) else { return Ok(()) };
        let Transaction { head, reset, changes } = transaction;
        partition.at_end = false;
        if reset {
            for merged in views.iter_mut() {
                merged.merge.forget(partition.part);
            }
            partition.head = None;
        }
        for (processor, key, value) in changes {
            if let Some(merged) = views.iter_mut().find(|m| m.view.processor() == processor) {
                merged.merge.set(partition.part, &key, value)?;
            }
        }
        partition.head = head.or(partition.head.take());
        Ok(())
    }

    /// The partition may be shown from here on, or not.
    pub(crate) fn turn(&mut self, tail: &TailId, partition: i32, turn: Turn) {
        if let Some(partition) = find(&mut self.stages, tail, partition) {
            partition.consistent = turn == Turn::Consistent;
            partition.shown |= partition.consistent;
        }
    }

    /// The partition has been read to its end.
    pub(crate) fn reached_end(&mut self, tail: &TailId, partition: i32) {
        if let Some(partition) = find(&mut self.stages, tail, partition) {
            partition.at_end = true;
        }
    }

    /// What keeps anything from being shown, if something does.
    pub(crate) fn unready(&self) -> Option<Unready> {
        if self.stages.is_empty() {
            return Some(Unready::NoStage);
        }
        self.stages.iter().find_map(|(name, Stage { partitions, .. })| {
            let missing = partitions.iter().filter(|p| !p.shown).count();
            match (partitions.len(), missing) {
                (0, _) => Some(Unready::NoTopic(name.clone())),
                (_, 0) => partitions.iter().any(|p| !p.consistent).then_some(Unready::Gap),
                (of, missing) => Some(Unready::CatchingUp { stage: name.clone(), missing, of }),
            }
        })
    }

    /// What changed since the last call, for all views together; `None` while nothing may be shown.
    pub(crate) fn publish(&mut self, settings: &Settings, now: Timestamp) -> Option<Snapshot> {
        if self.unready().is_some() {
            return None;
        }
        let mut publication = Publication::default();
        for Merged { view, merge } in &mut self.views {
            for (key, sum) in merge.drain_changed() {
                view.changed(&key, sum);
            }
            view.publish(settings, now, &mut publication);
        }
        let heads = self.partitions().filter_map(|(_, p)| p.head.as_ref());
        let newest = heads.filter_map(|head| head.written).max();
        Some(Snapshot { publication, positions: self.positions(), newest })
    }

    /// For people: each partition with what was read of it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let describe = |(partition, p): (StatePartition, &Partition)| {
            let Partition { part: _, head, consistent, shown: _, at_end } = p;
            let head = head.as_ref();
            let json = serde_json::json!({
                "incarnation": head.map(|h| &h.at.incarnation),
                "offset": head.map(|h| h.at.offset),
                "input": head.map(|h| h.input),
                "consistent": consistent,
                "atEnd": at_end,
            });
            (partition.to_string(), json)
        };
        serde_json::Value::Object(self.partitions().map(describe).collect())
    }

    fn positions(&self) -> BTreeMap<StatePartition, OwnPosition> {
        let own = |p: &Partition| OwnPosition { at: p.head.as_ref().map(|h| h.at.clone()), at_end: p.at_end };
        self.partitions().map(|(partition, p)| (partition, own(p))).collect()
    }

    fn partitions(&self) -> impl Iterator<Item = (StatePartition, &Partition)> {
        self.stages.iter().flat_map(|(stage, s)| {
            let name = |partition| StatePartition { stage: stage.clone(), partition };
            (0..).map(name).zip(&s.partitions)
        })
    }
}

fn find<'a>(
    stages: &'a mut BTreeMap<String, Stage>,
    tail: &TailId,
    partition: i32,
) -> Option<&'a mut Partition> {
    let stage = stages.get_mut(&tail.stage).filter(|s| s.run == tail.run)?;
    stage.partitions.get_mut(usize::try_from(partition).ok()?)
}

#[cfg(test)]
mod tests;
