//! The panes of one partition, for products or for cities.

use std::collections::BTreeMap;

use contract::keys::OTHER;
use contract::{Minute, StateWriter, Timestamp};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::key::{CellKey, Subject};
use crate::names::{NameId, Names};
use crate::tally::Tally;
use crate::window::LONGEST;

/// How many minutes before that of its watermark a partition keeps: the longest window and the one before.
pub const MINUTES_KEPT: i64 = 2 * LONGEST;
/// Cells that a partition keeps for products, and as many for cities: about 1,000 names in each minute.
pub const CELLS_PER_PARTITION: usize = 125_000;

/// What bounds the memory of [`Panes`]. `(other)` takes no place in either.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) names: usize,
    pub(crate) cells: usize,
}

/// Where an order was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the cell of its name.
    Own,
    /// In that of `(other)`.
    Other,
    /// Nowhere: its minute is not kept any more.
    Nowhere,
}

/// The cells of one subject.
pub(crate) struct Panes {
    subject: Subject,
    limits: Limits,
    /// The cell of each name, by minute.
    open: BTreeMap<Minute, HashMap<NameId, CellId, RandomState>>,
    /// The oldest minute that is kept, as far as a watermark was seen.
    oldest_kept: Option<Minute>,
    names: Names<LastCell>,
    cells: Vec<Cell>,
    free: Vec<CellId>,
    /// Cells in use, but those of `(other)`.
    limited_cells: usize,
    /// May hold a cell twice, or one that is not dirty any more, if it was given up and used again.
    dirty: Vec<CellId>,
    /// The keys of state records of cells that were given up.
    deleted: Vec<String>,
}

#[derive(Clone, Copy)]
struct CellId(u32);

struct Cell {
    tally: Tally,
    minute: Minute,
    name: NameId,
    dirty: bool,
    /// There is a state record of it.
    stored: bool,
}

/// The cell a name was counted in last: mostly that of the next order too.
#[derive(Clone, Copy)]
struct LastCell {
    minute: Minute,
    cell: CellId,
}

impl Default for LastCell {
    fn default() -> Self {
        Self { minute: Minute(i64::MIN), cell: CellId(0) }
    }
}

impl Panes {
    pub(crate) fn new(subject: Subject, limits: Limits) -> Self {
        Self {
            subject,
            limits,
            open: BTreeMap::new(),
            oldest_kept: None,
            names: Names::new(),
            cells: Vec::new(),
            free: Vec::new(),
            limited_cells: 0,
            dirty: Vec::new(),
            deleted: Vec::new(),
        }
    }

    /// Gives up the panes that are too old for `watermark`.
    #[inline]
    pub(crate) fn advance(&mut self, watermark: Timestamp) {
        let oldest = Minute(watermark.minute().0 - MINUTES_KEPT);
        if self.oldest_kept.is_none_or(|kept| kept < oldest) {
            self.oldest_kept = Some(oldest);
            self.evict_before(oldest);
        }
    }

    /// Counts an order.
    #[inline]
    pub(crate) fn add(&mut self, minute: Minute, name: &str, total: u64) -> Place {
        if self.oldest_kept.is_some_and(|oldest| minute < oldest) {
            return Place::Nowhere;
        }
        let known = self.names.find(name);
        let (cell, place) = match known.map(|id| self.names.get(id).about) {
            Some(last) if last.minute == minute => (last.cell, Place::Own),
            _ => self.find_or_make(minute, name, known),
        };
        let counted = &mut self.cells[cell.0 as usize];
        counted.tally += Tally::order(total);
        if !counted.dirty {
            counted.dirty = true;
            self.dirty.push(cell);
        }
        place
    }

    /// The cell of a name that was counted last in another minute, or never.
    fn find_or_make(&mut self, minute: Minute, name: &str, known: Option<NameId>) -> (CellId, Place) {
        if let Some(cell) = known.and_then(|id| self.cell(minute, id)) {
            return (cell, Place::Own);
        }
        if name == OTHER || self.has_room(known) {
            return (self.insert(minute, name), Place::Own);
        }
        let other = self.names.find(OTHER).and_then(|id| self.cell(minute, id));
        (other.unwrap_or_else(|| self.insert(minute, OTHER)), Place::Other)
    }

    /// An existing cell; remembers it as the name's last one.
    fn cell(&mut self, minute: Minute, name: NameId) -> Option<CellId> {
        let cell = *self.open.get(&minute)?.get(&name)?;
        self.names.get_mut(name).about = LastCell { minute, cell };
        Some(cell)
    }

    /// Whether there may be another cell, and another name if it is not known.
    fn has_room(&self, known: Option<NameId>) -> bool {
        let names = self.names.len() - usize::from(self.names.find(OTHER).is_some());
        self.limited_cells < self.limits.cells && (known.is_some() || names < self.limits.names)
    }

    fn insert(&mut self, minute: Minute, name: &str) -> CellId {
        let id = self.names.retain(name);
        let cell = Cell { tally: Tally::default(), minute, name: id, dirty: false, stored: false };
        let at = self.place(cell);
        self.names.get_mut(id).about = LastCell { minute, cell: at };
        self.open.entry(minute).or_default().insert(id, at);
        self.limited_cells += usize::from(name != OTHER);
        at
    }

    fn place(&mut self, cell: Cell) -> CellId {
        if let Some(at) = self.free.pop() {
            self.cells[at.0 as usize] = cell;
            return at;
        }
        self.cells.push(cell);
        #[expect(clippy::cast_possible_truncation, reason = "cells are limited; memory ends before 2^32")]
        CellId((self.cells.len() - 1) as u32)
    }

    fn evict_before(&mut self, oldest: Minute) {
        while let Some(first) = self.open.first_entry().filter(|first| *first.key() < oldest) {
            for at in first.remove().into_values() {
                self.give_up(at);
            }
        }
    }

    fn give_up(&mut self, at: CellId) {
        let Cell { minute, name: id, stored, .. } = self.cells[at.0 as usize];
        self.cells[at.0 as usize].dirty = false;
        let name = &*self.names.get(id).name;
        if stored {
            self.deleted.push(CellKey { minute, subject: self.subject, name }.to_string());
        }
        self.limited_cells -= usize::from(name != OTHER);
        self.names.release(id);
        self.free.push(at);
    }

    /// Writes the cells that changed and deletes those given up.
    pub(crate) fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        for at in self.dirty.drain(..) {
            let cell = &mut self.cells[at.0 as usize];
            if std::mem::take(&mut cell.dirty) {
                cell.stored = true;
                let name = &*self.names.get(cell.name).name;
                let key = CellKey { minute: cell.minute, subject: self.subject, name }.to_string();
                state.put(&key, cell.tally.to_string().as_bytes());
            }
        }
        for key in self.deleted.drain(..) {
            state.delete(&key);
        }
    }

    /// Takes back a cell.
    pub(crate) fn load(&mut self, minute: Minute, name: &str, tally: Tally) {
        let known = self.names.find(name).and_then(|id| self.cell(minute, id));
        let at = known.unwrap_or_else(|| self.insert(minute, name));
        let cell = &mut self.cells[at.0 as usize];
        cell.tally = tally;
        cell.stored = true;
    }
}
