//! What a store promises, held against the one in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "redis/behaviour.rs"]
mod behaviour;

use std::collections::BTreeMap;

use behaviour::Subject;
use views::store::{MemoryContents, MemoryStore};

struct Memory(MemoryStore);

impl Subject for Memory {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.0
    }
    async fn keys(&self) -> BTreeMap<String, String> {
        self.0.contents().keys
    }
    async fn put(&self, key: &str, value: &str) {
        let mut contents = self.0.contents();
        contents.keys.insert(key.to_owned(), value.to_owned());
        self.0.replace(contents);
    }
    async fn put_token(&self, token: &str) {
        let mut contents = self.0.contents();
        contents.fence.insert("token".to_owned(), token.to_owned());
        self.0.replace(contents);
    }
    async fn flush(&self) {
        self.0.replace(MemoryContents::default());
    }
}

#[tokio::test]
async fn memory_keeps_what_a_store_promises() {
    behaviour::all(&Memory(MemoryStore::default())).await;
}

#[test]
fn a_scan_gives_the_keys_of_a_prefix_in_order() {
    let store = MemoryStore::default();
    let keys = ["b:1", "a:2", "a:1", "a", "b"].map(|k| (k.to_owned(), "x".to_owned()));
    store.replace(MemoryContents { keys: keys.into(), ..MemoryContents::default() });
    let found: Vec<_> = store.scan_prefix("a:").into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, ["a:1", "a:2"]);
    assert_eq!(store.scan_prefix("").len(), 5);
    assert_eq!(store.get("b").as_deref(), Some("x"));
    assert_eq!(store.get("c"), None);
}
