//! The store of the demo: a map in this process.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Outcome, Store, StoreError, found};
use crate::fence::{Found, TOKEN_FIELD};

/// Keys and values in memory. Clones share them; gone when the last clone is.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
}

/// Everything in a [`MemoryStore`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Keys and their values.
    pub keys: BTreeMap<String, String>,
    /// The fields of the fence; none when there is no fence.
    pub fence: BTreeMap<String, String>,
}

impl MemoryStore {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<String> {
        self.lock().keys.get(key).cloned()
    }

    /// Keys that begin with `prefix`, and their values, in the order of their bytes.
    pub fn scan_prefix(&self, prefix: &str) -> Vec<(String, String)> {
        let contents = self.lock();
        let from_prefix = contents.keys.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from_prefix.take_while(|(k, _)| k.starts_with(prefix)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// A copy of everything, as a dump file of Redis is one.
    pub fn contents(&self) -> Contents {
        self.lock().clone()
    }

    /// Replaces everything, as when Redis starts from a dump file.
    pub fn replace(&self, contents: Contents) {
        *self.lock() = contents;
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Error = Infallible;

    async fn fence(&self) -> Result<Option<Found>, Infallible> {
        Ok(found(&self.lock().fence))
    }

    async fn write(&self, batch: &Batch) -> Result<Outcome, Infallible> {
        let Batch { expected, fence, sets, deletes } = batch;
        let mut contents = self.lock();
        let token = contents.fence.get(TOKEN_FIELD).map_or("", String::as_str);
        if token != expected.as_deref().unwrap_or_default() {
            return Ok(Outcome::Mismatch);
        }
        contents.fence = fence.to_fields();
        contents.keys.extend(sets.iter().cloned());
        for key in deletes {
            contents.keys.remove(key);
        }
        Ok(Outcome::Written)
    }

    async fn list(&self, families: &[&str]) -> Result<Vec<String>, Infallible> {
        let keys = families.iter().flat_map(|family| self.scan_prefix(family));
        Ok(keys.map(|(key, _)| key).collect())
    }
}

impl StoreError for Infallible {
    fn is_refusal(&self) -> bool {
        match *self {}
    }
}
