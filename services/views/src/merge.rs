//! Sums of counters over partitions.

use std::collections::{HashMap, HashSet};

/// A partition, by a number of the caller's.
pub type Part = u32;

/// Counters by key, each the sum of what the partitions hold.
#[derive(Debug, Default)]
pub struct Merge {
    counters: HashMap<String, Counter>,
    /// Keys whose sum may have changed since the last [`drain_changed`](Self::drain_changed).
    changed: HashSet<String>,
}

#[derive(Debug, Default)]
struct Counter {
    sum: i128,
    parts: Vec<(Part, i128)>,
}

/// A sum that does not fit into 128 bits. No counter of orders gets there: a record is wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the sum of counter {0:?} does not fit into 128 bits")]
pub struct Overflow(String);

impl Merge {
    /// `part` now holds `value` of `key`, or nothing.
    ///
    /// # Errors
    /// When the sum overflows.
    pub fn set(&mut self, part: Part, key: &str, value: Option<i128>) -> Result<(), Overflow> {
        let counter = match (self.counters.get_mut(key), value) {
            (Some(counter), _) => counter,
            (None, Some(_)) => self.counters.entry(key.to_owned()).or_default(),
            (None, None) => return Ok(()),
        };
        counter.set(part, value).ok_or_else(|| Overflow(key.to_owned()))?;
        if counter.parts.is_empty() {
            self.counters.remove(key);
        }
        if !self.changed.contains(key) {
            self.changed.insert(key.to_owned());
        }
        Ok(())
    }

    /// `part` holds nothing any more.
    pub fn forget(&mut self, part: Part) {
        let Self { counters, changed } = self;
        counters.retain(|key, counter| {
            if let Some(value) = counter.take(part) {
                counter.sum -= value;
                changed.insert(key.clone());
            }
            !counter.parts.is_empty()
        });
    }

    /// The sum of a counter; `None` when no partition holds it.
    pub fn sum(&self, key: &str) -> Option<i128> {
        self.counters.get(key).map(|c| c.sum)
    }

    /// Keys that were set or forgotten since the last call, with their sums now.
    pub fn drain_changed(&mut self) -> impl Iterator<Item = (String, Option<i128>)> {
        let Self { counters, changed } = self;
        changed.drain().map(|key| {
            let sum = counters.get(&key).map(|c| c.sum);
            (key, sum)
        })
    }
}

impl Counter {
    /// `None` on overflow; the counter is then as before.
    fn set(&mut self, part: Part, value: Option<i128>) -> Option<()> {
        let index = self.parts.iter().position(|(p, _)| *p == part);
        let old = index.map_or(0, |i| self.parts[i].1);
        self.sum = self.sum.checked_sub(old)?.checked_add(value.unwrap_or(0))?;
        match (index, value) {
            (Some(index), Some(value)) => self.parts[index].1 = value,
            (Some(index), None) => drop(self.parts.swap_remove(index)),
            (None, Some(value)) => self.parts.push((part, value)),
            (None, None) => {}
        }
        Some(())
    }

    fn take(&mut self, part: Part) -> Option<i128> {
        let index = self.parts.iter().position(|(p, _)| *p == part)?;
        Some(self.parts.swap_remove(index).1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Set(Part, usize, Option<i128>),
        Forget(Part),
        Drain,
    }

    const KEYS: [&str; 3] = ["a", "b", "c"];

    fn op() -> impl Strategy<Value = Op> {
        let value = prop::option::of(-1_000_i128..1_000);
        prop_oneof![
            8 => (0_u32..4, 0_usize..3, value).prop_map(|(part, key, value)| Op::Set(part, key, value)),
            1 => (0_u32..4).prop_map(Op::Forget),
            1 => Just(Op::Drain),
        ]
    }

    proptest! {
        #[test]
        fn sums_are_those_of_all_parts_and_every_change_is_told(ops in prop::collection::vec(op(), 0..60)) {
            let mut merge = Merge::default();
            let mut parts: BTreeMap<(Part, &str), i128> = BTreeMap::new();
            let mut told: BTreeMap<String, i128> = BTreeMap::new();
            for op in ops.into_iter().chain([Op::Drain]) {
                match op {
                    Op::Set(part, key, value) => {
                        merge.set(part, KEYS[key], value).unwrap();
                        match value {
                            Some(value) => drop(parts.insert((part, KEYS[key]), value)),
                            None => drop(parts.remove(&(part, KEYS[key]))),
                        }
                    }
                    Op::Forget(part) => {
                        merge.forget(part);
                        parts.retain(|(p, _), _| *p != part);
                    }
                    Op::Drain => {
                        for (key, sum) in merge.drain_changed() {
                            match sum {
                                Some(sum) => drop(told.insert(key, sum)),
                                None => drop(told.remove(&key)),
                            }
                        }
                        let held: BTreeSet<&str> = parts.keys().map(|(_, key)| *key).collect();
                        let sum = |key: &str| parts.iter().filter(|((_, k), _)| *k == key).map(|(_, v)| v).sum();
                        let wanted: BTreeMap<_, i128> = held.iter().map(|k| ((*k).to_owned(), sum(k))).collect();
                        prop_assert_eq!(&told, &wanted);
                    }
                }
            }
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error_and_changes_nothing() {
        let mut merge = Merge::default();
        merge.set(0, "a", Some(i128::MAX)).unwrap();
        assert_eq!(merge.set(1, "a", Some(1)), Err(Overflow("a".to_owned())));
        assert_eq!(merge.sum("a"), Some(i128::MAX));
    }
}
