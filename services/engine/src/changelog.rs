//! State records that wait for their transaction, in one reused buffer.

use std::ops::Range;

use contract::{ProcessorName, StateWriter};

/// The largest state record, in bytes. State topics take 1 MiB.
pub(crate) const MAX_RECORD: usize = 512 * 1024;

/// Gathers the state records of one partition for one transaction.
#[derive(Default)]
pub(crate) struct Changelog {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    processor: Option<ProcessorName>,
    oversized: Option<String>,
}

struct Entry {
    key: Range<usize>,
    /// `None` is a tombstone.
    value: Option<Range<usize>>,
}

impl Changelog {
    /// What follows is this processor's.
    pub(crate) fn of(&mut self, processor: ProcessorName) {
        self.processor = Some(processor);
    }

    /// Adds a record of the engine's own.
    pub(crate) fn own(&mut self, key: &str, value: &[u8]) {
        self.processor = None;
        self.put(key, value);
    }

    /// Key and value of each record, in order.
    pub(crate) fn records(&self) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        self.entries
            .iter()
            .map(|e| (&self.bytes[e.key.clone()], e.value.clone().map(|value| &self.bytes[value])))
    }

    /// The key of a record that is larger than allowed, if there was one.
    pub(crate) fn oversized(&self) -> Option<&str> {
        self.oversized.as_deref()
    }

    /// Forgets everything; keeps the buffer.
    pub(crate) fn clear(&mut self) {
        let Self { bytes, entries, processor, oversized } = self;
        bytes.clear();
        entries.clear();
        *processor = None;
        *oversized = None;
    }

    fn key(&mut self, key: &str) -> Range<usize> {
        let start = self.bytes.len();
        if let Some(processor) = self.processor {
            self.bytes.extend_from_slice(processor.as_str().as_bytes());
            self.bytes.push(b'/');
        }
        self.bytes.extend_from_slice(key.as_bytes());
        start..self.bytes.len()
    }
}

impl StateWriter for Changelog {
    fn put(&mut self, key: &str, value: &[u8]) {
        if key.len() + value.len() > MAX_RECORD {
            self.oversized.get_or_insert_with(|| key.to_owned());
        }
        let key = self.key(key);
        self.bytes.extend_from_slice(value);
        self.entries.push(Entry { value: Some(key.end..self.bytes.len()), key });
    }

    fn delete(&mut self, key: &str) {
        let key = self.key(key);
        self.entries.push(Entry { key, value: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_carry_the_processor_and_tombstones_have_no_value() {
        let mut log = Changelog::default();
        log.own("settings", b"{}");
        log.of(ProcessorName::Revenue);
        log.put("orders:total", b"7");
        log.delete("orders:hourly:2026-01-01T00");
        let records: Vec<_> = log.records().collect();
        assert_eq!(
            records,
            [
                (&b"settings"[..], Some(&b"{}"[..])),
                (b"revenue/orders:total", Some(b"7")),
                (b"revenue/orders:hourly:2026-01-01T00", None),
            ]
        );
        log.clear();
        assert_eq!(log.records().len(), 0);
    }

    #[test]
    fn a_record_over_the_limit_is_named() {
        let mut log = Changelog::default();
        log.of(ProcessorName::Fraud);
        log.put("blob", &vec![0; MAX_RECORD]);
        assert_eq!(log.oversized(), Some("blob"));
    }
}
