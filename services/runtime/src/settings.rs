//! The settings topic: what every process of a pipeline follows, and how it is changed.

mod log;
mod publish;
mod tail;

use std::collections::BTreeMap;

use contract::settings::{Claim, Owner, SETTINGS_KEY, SettingsRecord, claim_key};
use contract::{ProcessorName, Settings};

pub use publish::{Entry, PublishError, publish, read, transact};
pub use tail::SettingsTail;

/// What the settings topic says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// Whether the topic was read to its end once. Until then the rest is what was read so far.
    pub loaded: bool,
    /// The newest settings; the built-in defaults while there are none.
    pub settings: Settings,
    /// Who set them; `None` while nobody did.
    pub owner: Option<Owner>,
    /// Which stage runs which processor.
    pub claims: BTreeMap<ProcessorName, Claim>,
    /// The settings record and claims whose newest version cannot be read: key ([`SETTINGS_KEY`] or a
    /// [`claim_key`]), and why. What `settings`, `owner` and `claims` say of these is what was read before, or
    /// nothing: not to be acted upon by whoever starts anew.
    pub unreadable: BTreeMap<String, String>,
}

/// A record of the settings topic that says nothing we know.
#[derive(Debug, thiserror::Error)]
#[error("record {key:?} of the settings topic changes nothing: {problem}")]
struct BadRecord {
    key: String,
    problem: String,
}

impl Directory {
    /// Takes in one record; `None` is a tombstone. One that cannot be read changes nothing, and is kept in mind
    /// until another of its key comes.
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), BadRecord> {
        let key = String::from_utf8_lossy(key).into_owned();
        let processor = ProcessorName::ALL.into_iter().find(|name| claim_key(*name) == key);
        let applied = match processor {
            Some(processor) => self.apply_claim(processor, value),
            None if key == SETTINGS_KEY => self.apply_settings(value),
            None => return Err(BadRecord { key, problem: "unknown key".to_owned() }),
        };
        self.unreadable.remove(&key);
        applied.map_err(|problem| {
            self.unreadable.insert(key.clone(), problem.clone());
            BadRecord { key, problem }
        })
    }

    fn apply_claim(&mut self, processor: ProcessorName, value: Option<&[u8]>) -> Result<(), String> {
        let claim = value.map(Claim::from_json).transpose().map_err(|e| e.to_string())?;
        match claim {
            Some(claim) => self.claims.insert(processor, claim),
            None => self.claims.remove(&processor),
        };
        Ok(())
    }

    fn apply_settings(&mut self, value: Option<&[u8]>) -> Result<(), String> {
        let Some(value) = value else {
            (self.settings, self.owner) = (Settings::default(), None);
            return Ok(());
        };
        let SettingsRecord { owner, settings } =
            SettingsRecord::from_json(value).map_err(|e| e.to_string())?;
        (self.settings, self.owner) = (settings, Some(owner));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
