//! What a person writes and what a record holds: an unknown field is a mistake there, and news here.

use serde_json::{Map, Value};

use super::{Settings, SettingsError, read};

impl Settings {
    /// Reads and validates settings that some version of the program wrote: fields that this one does not know are
    /// passed over.
    ///
    /// # Errors
    /// When `json` is not one JSON object, or a known field is wrong.
    pub fn from_record(json: &[u8]) -> Result<Self, SettingsError> {
        let settings: Self = read(json)?;
        settings.validate()?;
        Ok(settings)
    }
}

/// An error if `json` has fields that did not go into `settings`, which are written with every field.
pub(super) fn refuse_unknown(json: &[u8], settings: &Settings) -> Result<(), SettingsError> {
    let (given, known): (Map<String, Value>, Map<String, Value>) =
        (read(json)?, read(settings.to_json().as_bytes())?);
    match unknown(&given, &known, "") {
        None => Ok(()),
        Some((path, problem)) => Err(SettingsError::Json { path, problem }),
    }
}

/// The path of the first unknown field, and what is wrong there.
fn unknown(given: &Map<String, Value>, known: &Map<String, Value>, within: &str) -> Option<(String, String)> {
    given.iter().find_map(|(name, value)| {
        let path = format!("{within}{name}");
        match (value, known.get(name)) {
            (_, None) => {
                let names: Vec<_> = known.keys().map(|name| format!("`{name}`")).collect();
                Some((path, format!("unknown field `{name}`, expected one of {}", names.join(", "))))
            }
            (Value::Object(given), Some(Value::Object(known))) => unknown(given, known, &format!("{path}.")),
            _ => None,
        }
    })
}
