//! Names that cells are kept for, each with a number as long as it has a cell.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// The number of a name. Given anew once the name is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameId(u32);

/// Names with what is known of each (`T`).
pub(crate) struct Names<T> {
    entries: Vec<Named<T>>,
    ids: HashTable<NameId>,
    free: Vec<NameId>,
    /// Seeded per process, against names made to collide. No result depends on it.
    hasher: RandomState,
}

/// A name and what is known of it.
pub(crate) struct Named<T> {
    pub(crate) name: Box<str>,
    pub(crate) about: T,
    /// Cells that refer to it; a name without any is forgotten.
    cells: u32,
}

impl<T: Default> Names<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), ids: HashTable::new(), free: Vec::new(), hasher: RandomState::default() }
    }

    /// How many names are known.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    #[inline]
    pub(crate) fn find(&self, name: &str) -> Option<NameId> {
        self.ids.find(hash(&self.hasher, name), |id| *self.get(*id).name == *name).copied()
    }

    #[inline]
    pub(crate) fn get(&self, id: NameId) -> &Named<T> {
        &self.entries[id.0 as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: NameId) -> &mut Named<T> {
        &mut self.entries[id.0 as usize]
    }

    /// The names that have a cell.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Named<T>> {
        self.entries.iter().filter(|named| named.cells > 0)
    }

    /// The number of a name that gets a cell; makes the name known if it is not.
    pub(crate) fn retain(&mut self, name: &str) -> NameId {
        let id = self.find(name).unwrap_or_else(|| self.insert(name));
        self.get_mut(id).cells += 1;
        id
    }

    /// A cell of the name is gone; with the last one the name is.
    pub(crate) fn release(&mut self, id: NameId) {
        let Self { entries, ids, free, hasher } = self;
        let named = &mut entries[id.0 as usize];
        named.cells -= 1;
        if named.cells == 0 {
            if let Ok(known) = ids.find_entry(hash(hasher, &named.name), |other| *other == id) {
                known.remove();
            }
            *named = Named { name: Box::default(), about: T::default(), cells: 0 };
            free.push(id);
        }
    }

    fn insert(&mut self, name: &str) -> NameId {
        let named = Named { name: name.into(), about: T::default(), cells: 0 };
        let id = if let Some(id) = self.free.pop() {
            *self.get_mut(id) = named;
            id
        } else {
            self.entries.push(named);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "every name has a cell; memory ends before 2^32"
            )]
            NameId((self.entries.len() - 1) as u32)
        };
        let Self { entries, ids, hasher, .. } = self;
        ids.insert_unique(hash(hasher, name), id, |other| hash(hasher, &entries[other.0 as usize].name));
        id
    }
}

#[inline]
fn hash(hasher: &RandomState, name: &str) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(name.as_bytes());
    hasher.finish()
}
