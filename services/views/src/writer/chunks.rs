//! Cuts what is to be written into batches that hold nobody up.

use crate::desired::Changes;

/// A script with this many keys takes Redis a few milliseconds, during which it answers nobody.
const KEYS: usize = 2_000;
/// Rankings are long values: a script's arguments stay below this by one value at most.
const BYTES: usize = 256 * 1024;

/// What one batch sets and deletes.
type Chunk<'a> = (&'a [(String, String)], &'a [String]);

/// `changes` in batches of bounded size; at least one.
pub(super) fn chunks(changes: &Changes) -> impl Iterator<Item = Chunk<'_>> {
    let (mut sets, mut deletes) = (&changes.sets[..], &changes.deletes[..]);
    let mut first = true;
    std::iter::from_fn(move || {
        if sets.is_empty() && deletes.is_empty() && !first {
            return None;
        }
        first = false;
        let mut room = BYTES;
        let set = take(&mut sets, KEYS, &mut room, |(key, value)| key.len() + value.len());
        let gone = take(&mut deletes, KEYS - set.len(), &mut room, String::len);
        Some((set, gone))
    })
}

/// Takes items off the front until there is no room for more.
fn take<'a, T>(items: &mut &'a [T], most: usize, room: &mut usize, size: impl Fn(&T) -> usize) -> &'a [T] {
    let mut count = 0;
    while count < most.min(items.len()) && *room > 0 {
        *room = room.saturating_sub(size(&items[count]));
        count += 1;
    }
    let (taken, rest) = items.split_at(count);
    *items = rest;
    taken
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
        assert_eq!(chunks(&Changes::default()).count(), 1);
    }

    #[test]
    fn every_key_is_in_one_batch_and_no_batch_is_large() {
        for (sets, deletes, size) in
            [(1, 0, 1), (5_000, 5_000, 1), (1_999, 2, 1), (100, 3, 100_000), (0, 1, 0)]
        {
            let changes = changes(sets, deletes, size);
            let (mut all_sets, mut all_deletes) = (Vec::new(), Vec::new());
            for (sets, deletes) in chunks(&changes) {
                assert!(!sets.is_empty() || !deletes.is_empty());
                assert!(sets.len() + deletes.len() <= KEYS);
                assert!(sets.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() < BYTES + size + 10);
                all_sets.extend_from_slice(sets);
                all_deletes.extend_from_slice(deletes);
            }
            assert_eq!((all_sets, all_deletes), (changes.sets, changes.deletes));
        }
    }
}
