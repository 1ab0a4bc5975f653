//! One counter per name, for a bounded number of names.

use std::hash::{BuildHasher, Hasher};

use contract::keys::OTHER;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::counters::CounterWriter;

/// Where [`OTHER`] is counted.
const OTHER_SLOT: u32 = 0;

/// Counters by name. Once `limit` names are known, every further name is counted under [`OTHER`].
pub(crate) struct NameCounters {
    counters: Vec<Counter>,
    slots: HashTable<u32>,
    dirty: Vec<u32>,
    limit: usize,
    /// Seeded per process, against names made to collide. No result depends on it.
    hasher: RandomState,
}

struct Counter {
    name: Box<str>,
    sum: i128,
    dirty: bool,
}

/// Where an amount was counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Own,
    Other,
}

impl NameCounters {
    pub(crate) fn new(limit: usize) -> Self {
        let mut counters = Self {
            counters: Vec::new(),
            slots: HashTable::new(),
            dirty: Vec::new(),
            limit,
            hasher: RandomState::default(),
        };
        counters.slot(OTHER, usize::MAX);
        counters
    }

    /// Adds `amount` to the counter of `name`.
    #[inline]
    pub(crate) fn add(&mut self, name: &str, amount: i128) -> Place {
        // OTHER has a slot but takes no place.
        let (slot, place) = match self.slot(name, self.limit.saturating_add(1)) {
            Some(slot) => (slot, Place::Own),
            None => (OTHER_SLOT, Place::Other),
        };
        let counter = &mut self.counters[slot as usize];
        counter.sum += amount;
        if !counter.dirty {
            counter.dirty = true;
            self.dirty.push(slot);
        }
        place
    }

    /// Writes the counters that changed.
    pub(crate) fn checkpoint(&mut self, prefix: &str, writer: &mut CounterWriter<'_>) {
        for slot in self.dirty.drain(..) {
            let counter = &mut self.counters[slot as usize];
            counter.dirty = false;
            writer.put(prefix, &counter.name, counter.sum);
        }
    }

    pub(crate) fn load(&mut self, name: &str, sum: i128) {
        if let Some(slot) = self.slot(name, usize::MAX) {
            self.counters[slot as usize].sum = sum;
        }
    }

    /// The slot of `name`, a new one if there are fewer than `most`.
    #[inline]
    fn slot(&mut self, name: &str, most: usize) -> Option<u32> {
        let Self { counters, slots, hasher, .. } = self;
        let hash = hash(hasher, name);
        let entry = slots.entry(
            hash,
            |slot| *counters[*slot as usize].name == *name,
            |slot| self::hash(hasher, &counters[*slot as usize].name),
        );
        match entry {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if counters.len() >= most => None,
            Entry::Vacant(new) => {
                let slot = u32::try_from(counters.len()).ok()?;
                new.insert(slot);
                counters.push(Counter { name: name.into(), sum: 0, dirty: false });
                Some(slot)
            }
        }
    }
}

#[inline]
fn hash(hasher: &RandomState, name: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(name.as_bytes());
    hasher.finish()
}
