//! The dashboard's reader over the views' store in the same process.

use std::future::ready;

use dashboard::{Reader, Reading};
use views::store::MemoryStore;

/// Reads what the views have written.
pub struct StoreReader(pub MemoryStore);

impl Reader for StoreReader {
    fn get<'a>(&'a self, keys: &'a [String]) -> Reading<'a, Vec<Option<String>>> {
        // one copy, so that all values are of one instant
        let contents = self.0.contents();
        Box::pin(ready(Ok(keys.iter().map(|key| contents.keys.get(key).cloned()).collect())))
    }

    fn names<'a>(&'a self, prefix: &'a str) -> Reading<'a, Vec<String>> {
        let found = self.0.scan_prefix(prefix);
        Box::pin(ready(Ok(found.into_iter().map(|(key, _)| key).collect())))
    }
}
