//! The views process with one view, in memory.

use std::collections::BTreeMap;

use contract::{Publication, Settings, Timestamp, Update, View};
use proptest::sample::Index;

use crate::Checkpoint;

/// When every update says it was made.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Sums the counters of partitions and tells a view what changed.
#[derive(Default)]
pub struct Merger {
    partitions: BTreeMap<usize, BTreeMap<String, i128>>,
    sums: BTreeMap<String, i128>,
}

/// What a view has shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screen {
    /// Keys and values in Redis.
    pub keys: BTreeMap<String, String>,
    /// The last update.
    pub update: Option<Update>,
}

impl Merger {
    /// Applies a checkpoint of a partition.
    ///
    /// # Panics
    /// When a value is not a decimal integer.
    pub fn apply(&mut self, partition: usize, checkpoint: &Checkpoint, view: &mut dyn View) {
        let counters = self.partitions.entry(partition).or_default();
        for (key, value) in checkpoint {
            let number = |value: &Vec<u8>| std::str::from_utf8(value).ok()?.parse::<i128>().ok();
            match value.as_ref().map(|value| number(value).expect("a decimal integer")) {
                Some(value) => counters.insert(key.clone(), value),
                None => counters.remove(key),
            };
        }
        for key in checkpoint.keys() {
            let held: Vec<i128> = self.partitions.values().filter_map(|c| c.get(key)).copied().collect();
            let sum = (!held.is_empty()).then(|| held.iter().sum());
            let before = match sum {
                Some(sum) => self.sums.insert(key.clone(), sum),
                None => self.sums.remove(key),
            };
            if before != sum {
                view.changed(key, sum);
            }
        }
    }

    /// The sums as they are.
    pub fn sums(&self) -> &BTreeMap<String, i128> {
        &self.sums
    }
}

impl Screen {
    /// Lets the view publish.
    ///
    /// # Panics
    /// When the view sets a key that is in none of its families.
    pub fn refresh(&mut self, view: &mut dyn View, settings: &Settings) {
        let mut publication = Publication::default();
        view.publish(settings, NOW, &mut publication);
        for (key, value) in publication.keys {
            assert!(view.families().iter().any(|family| key.starts_with(family)), "{key} is in no family");
            match value {
                Some(value) => self.keys.insert(key, value),
                None => self.keys.remove(&key),
            };
        }
        assert!(publication.updates.len() <= 1, "a view has one type of update");
        self.update = publication.updates.pop().or(self.update.take());
    }
}

/// What a new view shows that is told all `sums` at once.
pub fn show_at_once(view: &mut dyn View, sums: &BTreeMap<String, i128>, settings: &Settings) -> Screen {
    for (key, sum) in sums {
        view.changed(key, Some(*sum));
    }
    let mut screen = Screen::default();
    screen.refresh(view, settings);
    screen
}

/// Brings the checkpoints of partitions into one sequence: `draws` say whose next checkpoint follows. Those
/// of one partition keep their order.
pub fn interleaving<'a>(partitions: &'a [Vec<Checkpoint>], draws: &[Index]) -> Vec<(usize, &'a Checkpoint)> {
    let mut waiting: Vec<_> = partitions.iter().map(|checkpoints| checkpoints.iter()).enumerate().collect();
    let mut draws = draws.iter().cycle();
    let mut sequence = Vec::new();
    while !waiting.is_empty() {
        let at = draws.next().map_or(0, |draw| draw.index(waiting.len()));
        let (partition, checkpoints) = &mut waiting[at];
        match checkpoints.next() {
            Some(checkpoint) => sequence.push((*partition, checkpoint)),
            None => drop(waiting.swap_remove(at)),
        }
    }
    sequence
}
