//! A reader of a map in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{ReadError, Reader, Reading};

/// Reads from a map of its own: for processes without Redis, and for tests.
#[derive(Debug, Default)]
pub struct MemoryReader {
    values: Mutex<BTreeMap<String, String>>,
    failure: Mutex<Option<ReadError>>,
}

impl MemoryReader {
    /// Sets one key.
    pub fn set(&self, key: impl Into<String>, value: impl Into<String>) {
        self.values().insert(key.into(), value.into());
    }

    /// From now on every read fails with `failure`, or works again.
    pub fn fail(&self, failure: Option<ReadError>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    fn values(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T>(&self, read: impl FnOnce(&BTreeMap<String, String>) -> T) -> Result<T, ReadError> {
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Some(failure) => Err(failure),
            None => Ok(read(&self.values())),
        }
    }
}

impl Reader for MemoryReader {
    fn get<'a>(&'a self, keys: &'a [String]) -> Reading<'a, Vec<Option<String>>> {
        let values = self.answer(|values| keys.iter().map(|key| values.get(key).cloned()).collect());
        Box::pin(std::future::ready(values))
    }

    fn names<'a>(&'a self, prefix: &'a str) -> Reading<'a, Vec<String>> {
        let names =
            self.answer(|values| values.keys().filter(|key| key.starts_with(prefix)).cloned().collect());
        Box::pin(std::future::ready(names))
    }
}
