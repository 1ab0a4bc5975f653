//! What Secrets hold, and what they lack.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use ring::digest::{Context, SHA256};

use super::Pipeline;

/// The Secrets of a pipeline, by name. What they hold is never printed.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

/// Something that a Secret should hold, and where the resource asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    /// The field that names the Secret.
    pub field: &'static str,
    /// Its name.
    pub secret: &'a str,
    /// The key.
    pub key: &'a str,
}

/// Something that a Secret should hold, and does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum MissingEntry {
    /// There is no such Secret.
    #[error(
        "there is no Secret {secret} ({field}): create it in the pipeline's namespace, with the key {key}, or name another"
    )]
    Secret {
        /// The field that names it.
        field: &'static str,
        /// Its name.
        secret: String,
        /// The key that is asked for first.
        key: String,
    },
    /// It lacks an entry.
    #[error("the Secret {secret} ({field}) has no key {key}, or nothing readable under it: add it")]
    Key {
        /// The field that names it.
        field: &'static str,
        /// Its name.
        secret: String,
        /// The key.
        key: String,
    },
}

impl FromIterator<Secret> for Secrets {
    fn from_iter<I: IntoIterator<Item = Secret>>(secrets: I) -> Self {
        let named = secrets.into_iter().filter_map(|secret| Some((secret.metadata.name.clone()?, secret)));
        Self(named.collect())
    }
}

impl Secrets {
    /// What is there.
    ///
    /// # Errors
    /// When the Secret, or text in it under that key, is missing.
    pub(super) fn text(&self, entry: Entry<'_>) -> Result<&str, MissingEntry> {
        let Entry { field, secret, key } = entry;
        let Some(found) = self.0.get(secret) else {
            return Err(MissingEntry::Secret { field, secret: secret.to_owned(), key: key.to_owned() });
        };
        let value = found.data.as_ref().and_then(|data| data.get(key));
        let text = value.and_then(|value| std::str::from_utf8(&value.0).ok()).filter(|text| !text.is_empty());
        text.ok_or_else(|| MissingEntry::Key { field, secret: secret.to_owned(), key: key.to_owned() })
    }

    /// A text that changes when the content of one of these Secrets does, and tells nothing about it: each is hashed
    /// together with its UID, which only those know who may read it.
    pub(crate) fn fingerprint(&self, names: &BTreeSet<&str>) -> String {
        let mut context = Context::new(&SHA256);
        let mut feed = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        for name in names {
            feed(name.as_bytes());
            let Some(secret) = self.0.get(*name) else { continue };
            feed(secret.metadata.uid.as_deref().unwrap_or_default().as_bytes());
            for (key, value) in secret.data.iter().flatten() {
                feed(key.as_bytes());
                feed(&value.0);
            }
        }
        // 64 bits: this tells two versions of a Secret apart, nothing else rests on it
        let short = context.finish().as_ref().first_chunk().copied().unwrap_or_default();
        format!("{:016x}", u64::from_be_bytes(short))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The names of all Secrets that a pipeline needs, each once.
pub(super) fn names(pipeline: &Pipeline) -> Vec<String> {
    let entries = [pipeline.kafka.entries(), pipeline.redis.entries()].concat();
    let names: BTreeSet<_> = entries.into_iter().map(|entry| entry.secret.to_owned()).collect();
    names.into_iter().collect()
}
