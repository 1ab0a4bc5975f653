//! The panes of all partitions, and what lies in each window.

use std::collections::BTreeMap;

use contract::Minute;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::names::{NameId, Named, Names};
use crate::tally::Tally;
use crate::window::{Part, WINDOWS};

/// The merged cells of one subject, with the sums of each name kept as cells change and time moves.
pub(crate) struct Merged {
    panes: BTreeMap<Minute, HashMap<NameId, Tally, RandomState>>,
    names: Names<Sums>,
}

/// One name's sums, by window.
pub(crate) type Sums = [WindowSums; WINDOWS.len()];

/// What one name has in a window and in the one before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WindowSums {
    pub(crate) current: Tally,
    pub(crate) previous: Tally,
}

impl Merged {
    pub(crate) fn new() -> Self {
        Self { panes: BTreeMap::new(), names: Names::new() }
    }

    /// The newest minute that has a cell.
    pub(crate) fn newest(&self) -> Option<Minute> {
        self.panes.keys().next_back().copied()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &Named<Sums>> {
        self.names.iter()
    }

    /// Sets a cell (`None`: it is gone), with windows that end with `newest`.
    pub(crate) fn set(&mut self, minute: Minute, name: &str, tally: Option<Tally>, newest: Option<Minute>) {
        let known = self.names.find(name);
        let before = known.and_then(|id| self.panes.get(&minute)?.get(&id)).copied();
        let id = match (known, before, tally) {
            (_, None, None) => return,
            (Some(id), Some(_), _) => id,
            _ => self.names.retain(name),
        };
        let sums = &mut self.names.get_mut(id).about;
        for (window, sums) in WINDOWS.iter().zip(sums) {
            let part = newest.map_or(Part::Outside, |newest| window.part(minute, newest));
            sums.add(part, tally.unwrap_or_default() - before.unwrap_or_default());
        }
        match tally {
            Some(tally) => {
                self.panes.entry(minute).or_default().insert(id, tally);
            }
            None => self.remove(minute, id),
        }
    }

    fn remove(&mut self, minute: Minute, id: NameId) {
        self.names.release(id);
        if let Some(pane) = self.panes.get_mut(&minute) {
            pane.remove(&id);
            if pane.is_empty() {
                self.panes.remove(&minute);
            }
        }
    }

    /// Moves the end of the windows. Touches the panes that come into a window or go out of it, alone.
    pub(crate) fn slide(&mut self, from: Option<Minute>, to: Option<Minute>) {
        for (minute, cells) in &self.panes {
            for (at, window) in WINDOWS.iter().enumerate() {
                let part = |newest: Option<Minute>| newest.map_or(Part::Outside, |n| window.part(*minute, n));
                let (before, after) = (part(from), part(to));
                if before == after {
                    continue;
                }
                for (id, tally) in cells {
                    let sums = &mut self.names.get_mut(*id).about[at];
                    sums.add(before, Tally::default() - *tally);
                    sums.add(after, *tally);
                }
            }
        }
    }
}

impl WindowSums {
    fn add(&mut self, part: Part, tally: Tally) {
        match part {
            Part::Current => self.current += tally,
            Part::Previous => self.previous += tally,
            Part::Outside => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_forgotten_with_its_last_cell() {
        let mut merged = Merged::new();
        let set = |merged: &mut Merged, minute, tally| merged.set(Minute(minute), "x", tally, None);
        set(&mut merged, 1, Some(Tally::order(7)));
        set(&mut merged, 1, Some(Tally::order(8)));
        set(&mut merged, 2, Some(Tally::order(7)));
        set(&mut merged, 1, None);
        assert_eq!((merged.names.len(), merged.panes.len()), (1, 1));
        set(&mut merged, 2, None);
        set(&mut merged, 2, None);
        assert_eq!((merged.names.len(), merged.panes.len()), (0, 0));
    }
}
