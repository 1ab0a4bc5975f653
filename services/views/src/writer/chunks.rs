//! Cuts what is to be written into batches that hold nobody up.
//!
//! Readers may see a state of the store between two batches, so what says one thing together is in one of them, the
//! last: revenue and number of orders, all told and of each hour. These are few
//! ([`HOURS_KEPT`](contract::keys::HOURS_KEPT) hours, two keys each) and short.

use contract::keys::{ORDERS_HOURLY, ORDERS_TOTAL, REVENUE_HOURLY, REVENUE_TOTAL};

use crate::desired::Changes;

/// A script with this many keys takes Redis a few milliseconds, during which it answers nobody.
const KEYS: usize = 2_000;
/// Rankings are long values: a script's arguments stay below this by one value at most.
const BYTES: usize = 256 * 1024;

/// What one batch sets and deletes.
type Chunk<'a> = (&'a [(String, String)], &'a [String]);

/// What is left of a batch.
struct Room {
    keys: usize,
    bytes: usize,
}

/// Puts what belongs together at the end.
pub(super) fn in_order(mut changes: Changes) -> Changes {
    changes.sets.sort_unstable_by_key(|(key, _)| belongs_together(key));
    changes.deletes.sort_unstable_by_key(|key| belongs_together(key));
    changes
}

/// `changes`, which are [`in_order`], in batches of bounded size; at least one. What belongs together is in the last
/// one, with as much else as there is room for.
pub(super) fn chunks(changes: &Changes) -> Vec<Chunk<'_>> {
    let (sets, deletes) = (&changes.sets[..], &changes.deletes[..]);
    let mut room = Room { keys: KEYS, bytes: BYTES };
    let (other_sets, other_deletes) = (
        sets.partition_point(|(key, _)| !belongs_together(key)),
        deletes.partition_point(|key| !belongs_together(key)),
    );
    room.take_all(sets[other_sets..].iter().map(size_of_set));
    room.take_all(deletes[other_deletes..].iter().map(String::len));
    let more = room.fitting(sets[..other_sets].iter().rev().map(size_of_set));
    let (mut sets, last_sets) = sets.split_at(other_sets - more);
    let more = room.fitting(deletes[..other_deletes].iter().rev().map(String::len));
    let (mut deletes, last_deletes) = deletes.split_at(other_deletes - more);

    let mut chunks = Vec::new();
    while !sets.is_empty() || !deletes.is_empty() {
        let mut room = Room { keys: KEYS, bytes: BYTES };
        let set = room.fitting(sets.iter().map(size_of_set));
        let gone = room.fitting(deletes.iter().map(String::len));
        chunks.push((cut(&mut sets, set), cut(&mut deletes, gone)));
    }
    chunks.push((last_sets, last_deletes));
    chunks
}

fn belongs_together(key: &str) -> bool {
    key == REVENUE_TOTAL
        || key == ORDERS_TOTAL
        || key.starts_with(REVENUE_HOURLY)
        || key.starts_with(ORDERS_HOURLY)
}

fn size_of_set((key, value): &(String, String)) -> usize {
    key.len() + value.len()
}

/// Takes `count` items off the front.
fn cut<'a, T>(items: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, rest) = items.split_at(count);
    *items = rest;
    taken
}

impl Room {
    /// How many items of these sizes go in before there is no room for more.
    fn fitting(&mut self, sizes: impl Iterator<Item = usize>) -> usize {
        sizes.take_while(|size| self.keys > 0 && self.bytes > 0 && self.take(*size)).count()
    }

    /// All of them go in, room or not.
    fn take_all(&mut self, mut sizes: impl Iterator<Item = usize>) {
        sizes.all(|size| self.take(size));
    }

    fn take(&mut self, size: usize) -> bool {
        self.keys = self.keys.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(size);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(sets: usize, deletes: usize, size: usize) -> Changes {
        let sets = (0..sets).map(|n| (format!("s{n}"), "x".repeat(size))).collect();
        let deletes = (0..deletes).map(|n| format!("d{n}")).collect();
        Changes { sets, deletes, ..Changes::default() }
    }

    #[test]
    fn nothing_is_still_one_batch() {
        assert_eq!(chunks(&Changes::default()), [(&[][..], &[][..])]);
    }

    #[test]
    fn every_key_is_in_one_batch_and_no_batch_is_large() {
        for (sets, deletes, size) in
            [(1, 0, 1), (5_000, 5_000, 1), (1_999, 2, 1), (100, 3, 100_000), (0, 1, 0)]
        {
            let changes = changes(sets, deletes, size);
            let (mut all_sets, mut all_deletes) = (Vec::new(), Vec::new());
            for (sets, deletes) in chunks(&changes) {
                assert!(sets.len() + deletes.len() <= KEYS);
                assert!(sets.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() < BYTES + size + 10);
                all_sets.extend_from_slice(sets);
                all_deletes.extend_from_slice(deletes);
            }
            assert_eq!((all_sets, all_deletes), (changes.sets, changes.deletes));
        }
    }

    #[test]
    fn what_belongs_together_is_in_one_batch_with_what_has_room_there() {
        let hours = (0..).flat_map(|n| [format!("revenue:hourly:{n}"), format!("orders:hourly:{n}")]);
        for (others, together, batches) in [(10, 10, 1), (1_990, 8, 1), (1_991, 8, 2), (5_000, 4_000, 4)] {
            let mut changes = changes(others, others, 1);
            changes.deletes.truncate(0);
            for (n, hour) in hours.clone().take(together).enumerate() {
                // in the order in which a hash map gives them: any
                let place = n * 7 % (changes.sets.len() + 1);
                changes.sets.insert(place, (hour, "1".to_owned()));
            }
            changes.sets.insert(0, ("revenue:total".to_owned(), "1".to_owned()));
            changes.sets.insert(others / 2, ("orders:total".to_owned(), "1".to_owned()));
            changes.deletes.extend(["orders:hourly:x", "d", "revenue:hourly:x"].map(str::to_owned));
            changes.deletes.truncate(if others > 10 { 0 } else { 3 });
            let changes = in_order(changes);
            let chunks = chunks(&changes);
            assert_eq!(chunks.len(), batches, "{others} and {together}");
            let apart = |chunk: &Chunk<'_>| {
                let sets = chunk.0.iter().map(|(key, _)| key);
                sets.chain(chunk.1).filter(|key| belongs_together(key)).count()
            };
            let [before @ .., last] = &chunks[..] else { panic!() };
            assert!(before.iter().all(|chunk| apart(chunk) == 0));
            assert_eq!(apart(last), together + 2 + if others > 10 { 0 } else { 2 });
            assert_eq!(chunks.iter().map(|c| c.0.len()).sum::<usize>(), others + together + 2);
        }
    }
}
