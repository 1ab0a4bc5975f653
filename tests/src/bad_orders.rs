//! The bad orders of the contract's data file.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::load::Value;
use crate::shop::now_ms;

/// One case of the data file.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BadOrder {
    /// What is wrong with it, in words; unique.
    pub name: String,
    /// The record's value as text …
    value: Option<String>,
    /// … or as Base64, when it is not text.
    value_base64: Option<String>,
    /// The record's Kafka timestamp in ms, where that matters.
    record_time: Option<i64>,
    /// The reason code it must be rejected with.
    pub reason: String,
}

/// Reads the data file.
///
/// # Errors
/// When it is missing or not in the agreed form.
pub fn all() -> Result<Vec<BadOrder>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/contract/tests/bad-orders.json");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let cases: Vec<BadOrder> =
        serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    cases.iter().try_for_each(|case| case.bytes().map(drop))?;
    Ok(cases)
}

impl BadOrder {
    /// The record to produce.
    pub fn record(&self) -> Value {
        Value {
            bytes: self.bytes().unwrap_or_default(),
            time: self.record_time.unwrap_or_else(now_ms),
            reason: Some(self.reason.clone()),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        let bytes = match (&self.value, &self.value_base64) {
            (Some(text), None) => Some(text.clone().into_bytes()),
            (None, Some(text)) => from_base64(text),
            _ => None,
        };
        bytes.with_context(|| format!("case {:?} needs exactly one of value and valueBase64", self.name))
    }
}

/// Decodes standard Base64 with or without padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let six = ALPHABET.iter().position(|&a| a == symbol)?;
        held = (held << 6) | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(from_base64("TWlsbHJhY2U="), Some(b"Millrace".to_vec()));
        assert_eq!(from_base64("//79"), Some(vec![0xff, 0xfe, 0xfd]));
        assert_eq!(from_base64("a b"), None);
    }
}
