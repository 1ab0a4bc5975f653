//! What a process tells about its inner state, for people and tools.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

pub mod screen;

type Provider = Arc<dyn Fn() -> Value + Send + Sync>;

/// Named sections of JSON. Clones share the same sections.
#[derive(Clone)]
pub struct Status {
    sections: Arc<Mutex<BTreeMap<String, Provider>>>,
    since: Instant,
}

impl Default for Status {
    fn default() -> Self {
        Self { sections: Arc::default(), since: Instant::now() }
    }
}

impl Status {
    /// Replaces a section by a value that stays until the next call.
    pub fn publish(&self, section: &str, value: Value) {
        self.provide(section, move || value.clone());
    }

    /// Replaces a section by one that is asked whenever somebody looks. It must not block.
    pub fn provide(&self, section: &str, provider: impl Fn() -> Value + Send + Sync + 'static) {
        self.lock().insert(section.to_owned(), Arc::new(provider));
    }

    /// For how long there has been something to tell.
    pub fn uptime(&self) -> Duration {
        self.since.elapsed()
    }

    /// All sections as one object.
    pub fn to_json(&self) -> Value {
        // asked outside the lock: a provider may publish
        let sections = self.lock().clone();
        Value::Object(sections.into_iter().map(|(name, ask)| (name, ask())).collect::<Map<_, _>>())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Provider>> {
        self.sections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_value_of_a_section_is_shown() {
        let status = Status::default();
        status.publish("stage", json!({"position": 1}));
        status.publish("stage", json!({"position": 2}));
        status.provide("views", || json!("asked"));
        assert_eq!(status.to_json(), json!({"stage": {"position": 2}, "views": "asked"}));
    }
}
