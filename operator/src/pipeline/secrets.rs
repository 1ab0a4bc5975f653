//! What Secrets hold, and what they lack.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use ring::digest::{Context, SHA256};

use super::Pipeline;

/// The Secrets of a pipeline, by name. What they hold is never printed.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

/// Something that a Secret should hold. The message names it and where it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum MissingEntry {
    /// There is no such Secret.
    #[error("there is no Secret {secret}")]
    Secret {
        /// Its name.
        secret: String,
    },
    /// It lacks an entry.
    #[error("the Secret {secret} has no key {key}, or nothing readable under it")]
    Key {
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
    /// What is under `key`.
    ///
    /// # Errors
    /// When the Secret, or text in it under that key, is missing.
    pub(super) fn text(&self, secret: &str, key: &str) -> Result<&str, MissingEntry> {
        let Some(found) = self.0.get(secret) else {
            return Err(MissingEntry::Secret { secret: secret.to_owned() });
        };
        let entry = found.data.as_ref().and_then(|data| data.get(key));
        let text = entry.and_then(|entry| std::str::from_utf8(&entry.0).ok()).filter(|text| !text.is_empty());
        text.ok_or_else(|| MissingEntry::Key { secret: secret.to_owned(), key: key.to_owned() })
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
    let names: BTreeSet<_> = entries(pipeline).into_iter().map(|(secret, _)| secret.to_owned()).collect();
    names.into_iter().collect()
}

/// What is not there.
pub(super) fn missing(pipeline: &Pipeline, secrets: &Secrets) -> Vec<MissingEntry> {
    let missing: BTreeSet<_> =
        entries(pipeline).into_iter().filter_map(|(secret, key)| secrets.text(secret, key).err()).collect();
    missing.into_iter().collect()
}

fn entries(pipeline: &Pipeline) -> Vec<(&str, &str)> {
    [pipeline.kafka.entries(), pipeline.redis.entries()].concat()
}
