//! What the store is to hold, and what of it has not been written yet.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::fence::{OwnPosition, Positions, StatePartition};
use crate::projection::Snapshot;

/// Shared by the publisher, which fills it, and the writer, which empties it into the store.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    desired: Mutex<Desired>,
    /// Something is to be written.
    pub changed: Notify,
}

/// What the store is to hold.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    keys: HashMap<String, String>,
    /// Keys whose value, or absence, has not been written.
    dirty: HashSet<String>,
    positions: BTreeMap<StatePartition, OwnPosition>,
    newest: Option<i64>,
    complete: bool,
}

/// Something to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub sets: Vec<(String, String)>,
    pub deletes: Vec<String>,
    /// How far the state was read that this comes from.
    pub positions: Positions,
    /// When the newest transaction in it was written, in ms since the Unix epoch.
    pub newest: Option<i64>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Desired> {
        self.desired.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desired {
    /// Takes in what the views want to show now.
    pub(crate) fn absorb(&mut self, snapshot: Snapshot) {
        let Snapshot { publication, positions, newest } = snapshot;
        for (key, value) in publication.keys {
            match value {
                Some(value) => drop(self.keys.insert(key.clone(), value)),
                None => drop(self.keys.remove(&key)),
            }
            self.dirty.insert(key);
        }
        self.positions = positions;
        self.newest = newest;
        self.complete = true;
    }

    /// Whether there has been anything to show; before that nothing may be written.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether something has not been written.
    pub(crate) fn has_changes(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// How many keys are to be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.dirty.len()
    }

    /// How far the state was read.
    pub(crate) fn positions(&self) -> &BTreeMap<StatePartition, OwnPosition> {
        &self.positions
    }

    /// What has not been written; it counts as written from here on.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let mut changes = self.empty_changes();
        for key in self.dirty.drain() {
            match self.keys.get(&key) {
                Some(value) => changes.sets.push((key, value.clone())),
                None => changes.deletes.push(key),
            }
        }
        changes
    }

    /// Everything; it counts as written from here on. Deletes what of `existing` is not wanted.
    pub(crate) fn take_everything(&mut self, existing: Vec<String>) -> Changes {
        let mut changes = self.empty_changes();
        self.dirty.clear();
        changes.sets = self.keys.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let unwanted: HashSet<_> = existing.into_iter().filter(|key| !self.keys.contains_key(key)).collect();
        changes.deletes = unwanted.into_iter().collect();
        changes
    }

    /// `changes` may not have been written after all.
    pub(crate) fn put_back(&mut self, changes: Changes) {
        let Changes { sets, deletes, positions: _, newest: _ } = changes;
        self.dirty.extend(sets.into_iter().map(|(key, _)| key));
        self.dirty.extend(deletes);
    }

    fn empty_changes(&self) -> Changes {
        let at = |(p, own): (&StatePartition, &OwnPosition)| Some((p.clone(), own.at.clone()?));
        let positions = self.positions.iter().filter_map(at).collect();
        Changes { positions, newest: self.newest, ..Changes::default() }
    }
}

#[cfg(test)]
mod tests {
    use contract::Publication;

    use super::*;

    fn absorb(desired: &mut Desired, keys: &[(&str, Option<&str>)]) {
        let keys = keys.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect();
        let publication = Publication { keys, updates: Vec::new() };
        desired.absorb(Snapshot { publication, positions: BTreeMap::new(), newest: Some(7) });
    }

    fn sorted(mut changes: Changes) -> (Vec<(String, String)>, Vec<String>) {
        changes.sets.sort();
        changes.deletes.sort();
        (changes.sets, changes.deletes)
    }

    fn set(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn only_the_last_value_of_a_change_is_written() {
        let mut desired = Desired::default();
        assert!(!desired.is_complete());
        absorb(&mut desired, &[("a", Some("1")), ("b", Some("1")), ("c", Some("1"))]);
        absorb(&mut desired, &[("a", Some("2")), ("b", None)]);
        assert!(desired.is_complete() && desired.has_changes());
        let wanted = (vec![set("a", "2"), set("c", "1")], vec!["b".to_owned()]);
        assert_eq!(sorted(desired.take_changes()), wanted);
        assert!(!desired.has_changes());
    }

    #[test]
    fn what_failed_is_written_with_its_newest_value() {
        let mut desired = Desired::default();
        absorb(&mut desired, &[("a", Some("1")), ("b", None)]);
        let failed = desired.take_changes();
        absorb(&mut desired, &[("a", Some("2"))]);
        desired.put_back(failed);
        assert_eq!(sorted(desired.take_changes()), (vec![set("a", "2")], vec!["b".to_owned()]));
    }

    #[test]
    fn everything_deletes_what_is_not_wanted() {
        let mut desired = Desired::default();
        absorb(&mut desired, &[("a", Some("1"))]);
        let existing = ["a", "old", "old"].map(str::to_owned).to_vec();
        let wanted = (vec![set("a", "1")], vec!["old".to_owned()]);
        assert_eq!(sorted(desired.take_everything(existing)), wanted);
        assert!(!desired.has_changes());
    }
}
