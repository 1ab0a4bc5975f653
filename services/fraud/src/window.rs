//! One UTC minute: how many orders each user has placed in it.

use std::hash::{BuildHasher, Hasher};

use contract::{Minute, StateWriter};
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::chunk::{CHUNK_BYTES, Chunk, OFFSET_BITS};

/// What the first chunk of a minute begins with: most minutes of most partitions are small.
const FIRST_CHUNK_BYTES: usize = 64;
/// Chunk numbers that a [`Position`] can hold.
const MOST_CHUNKS: usize = 1 << (u32::BITS - OFFSET_BITS);

/// The counts of one minute.
pub(crate) struct Window {
    pub(crate) minute: Minute,
    chunks: Vec<Chunk>,
    /// Where each user's entry is.
    index: HashTable<Position>,
}

/// Chunk number and offset of an entry.
#[derive(Clone, Copy)]
struct Position(u32);

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// It is this user's order number `0` of its minute.
    As(u32),
    /// The same, and the user had no count in this minute before.
    New,
    /// The user has no count and must not get one.
    Not,
}

impl Window {
    pub(crate) fn new(minute: Minute) -> Self {
        Self { minute, chunks: Vec::new(), index: HashTable::new() }
    }

    /// How many users have a count.
    pub(crate) fn users(&self) -> usize {
        self.index.len()
    }

    /// Counts an order of `user`, who gets a new count only when that is allowed.
    #[inline]
    pub(crate) fn count(&mut self, hasher: &RandomState, user: &[u8], new_allowed: bool) -> Counted {
        let Self { chunks, index, .. } = self;
        let entry = index.entry(
            hash(hasher, user),
            |position| position.user(chunks) == user,
            |position| hash(hasher, position.user(chunks)),
        );
        match entry {
            Entry::Occupied(known) => {
                let position = *known.get();
                Counted::As(chunks[position.chunk()].increment(position.offset()))
            }
            Entry::Vacant(new) if new_allowed => match append(chunks, user) {
                Some(position) => {
                    new.insert(position);
                    Counted::New
                }
                None => Counted::Not,
            },
            Entry::Vacant(_) => Counted::Not,
        }
    }

    /// Writes the chunks that changed.
    pub(crate) fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        for (number, chunk) in self.chunks.iter_mut().enumerate().filter(|(_, chunk)| chunk.changed) {
            state.put(&key(self.minute, number), chunk.bytes());
            chunk.changed = false;
            chunk.stored = true;
        }
    }

    /// The keys of the state records there are of this window.
    pub(crate) fn stored_keys(&self) -> impl Iterator<Item = String> {
        let stored = self.chunks.iter().enumerate().filter(|(_, chunk)| chunk.stored);
        stored.map(|(number, _)| key(self.minute, number))
    }

    /// Takes back a chunk; says what is wrong with it.
    pub(crate) fn load(
        &mut self,
        hasher: &RandomState,
        number: usize,
        bytes: &[u8],
    ) -> Result<(), &'static str> {
        if number >= MOST_CHUNKS {
            return Err("the chunk number is out of range");
        }
        let offsets = Chunk::entries(bytes).ok_or("the value is not a sequence of counts")?;
        if self.chunks.len() <= number {
            self.chunks.resize_with(number + 1, Chunk::default);
        }
        if !self.chunks[number].is_empty() {
            return Err("the chunk was loaded before");
        }
        self.chunks[number] = Chunk::stored(bytes);
        for offset in offsets {
            self.index_entry(
                hasher,
                Position::new(number, offset).ok_or("the chunk number is out of range")?,
            )?;
        }
        Ok(())
    }

    fn index_entry(&mut self, hasher: &RandomState, position: Position) -> Result<(), &'static str> {
        let Self { chunks, index, .. } = self;
        let user = position.user(chunks);
        let entry = index.entry(
            hash(hasher, user),
            |other| other.user(chunks) == user,
            |other| hash(hasher, other.user(chunks)),
        );
        match entry {
            Entry::Occupied(_) => Err("a user is counted twice"),
            Entry::Vacant(new) => {
                new.insert(position);
                Ok(())
            }
        }
    }
}

/// Appends a user to the last chunk, or to a new one; `None` when positions run out, which the limit of
/// user-minutes keeps far away.
fn append(chunks: &mut Vec<Chunk>, user: &[u8]) -> Option<Position> {
    if !chunks.last().is_some_and(|last| last.has_room_for(user)) {
        let capacity = if chunks.is_empty() { FIRST_CHUNK_BYTES } else { CHUNK_BYTES };
        chunks.push(Chunk::with_capacity(capacity));
    }
    let number = chunks.len() - 1;
    let position = Position::new(number, chunks[number].bytes().len())?;
    chunks[number].push(user);
    Some(position)
}

impl Position {
    fn new(chunk: usize, offset: usize) -> Option<Self> {
        let chunk = u32::try_from(chunk).ok().filter(|chunk| (*chunk as usize) < MOST_CHUNKS)?;
        let offset = u32::try_from(offset).ok().filter(|offset| (*offset as usize) < CHUNK_BYTES)?;
        Some(Self(chunk << OFFSET_BITS | offset))
    }

    fn chunk(self) -> usize {
        (self.0 >> OFFSET_BITS) as usize
    }

    fn offset(self) -> usize {
        self.0 as usize & (CHUNK_BYTES - 1)
    }

    #[inline]
    fn user(self, chunks: &[Chunk]) -> &[u8] {
        chunks[self.chunk()].user(self.offset())
    }
}

fn key(minute: Minute, chunk: usize) -> String {
    format!("{}/{chunk}", minute.0)
}

#[inline]
fn hash(hasher: &RandomState, user: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(user);
    hasher.finish()
}
