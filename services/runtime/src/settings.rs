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
}

/// A record of the settings topic that says nothing we know.
#[derive(Debug, thiserror::Error)]
#[error("record {key:?} of the settings topic is ignored: {problem}")]
struct BadRecord {
    key: String,
    problem: String,
}

impl Directory {
    /// Takes in one record; `None` is a tombstone. A record that cannot be read changes nothing.
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), BadRecord> {
        let bad = |problem: String| BadRecord { key: String::from_utf8_lossy(key).into_owned(), problem };
        if key == SETTINGS_KEY.as_bytes() {
            return self.apply_settings(value).map_err(bad);
        }
        let processor = ProcessorName::ALL.into_iter().find(|name| claim_key(*name).as_bytes() == key);
        match (processor, value) {
            (None, _) => Err(bad("unknown key".to_owned())),
            (Some(processor), None) => {
                self.claims.remove(&processor);
                Ok(())
            }
            (Some(processor), Some(value)) => {
                let claim = Claim::from_json(value).map_err(|e| bad(e.to_string()))?;
                self.claims.insert(processor, claim);
                Ok(())
            }
        }
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
