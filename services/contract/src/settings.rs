//! What may change while a pipeline runs, and the records of `<pipeline>.settings` that hold it.
//!
//! | key | value |
//! |---|---|
//! | [`SETTINGS_KEY`] | a [`SettingsRecord`], JSON |
//! | [`claim_key`] of a processor | a [`Claim`], JSON |
//!
//! What a person writes is read strictly: objects only (no arrays in their place), no unknown and no duplicate keys.
//! So are records, but for unknown keys, which are those of a newer version: an older one that runs beside it, or
//! after it, goes by what it knows.

use serde::{Deserialize, Serialize};

use crate::ProcessorName;
use crate::order::LARGEST_INTEGER;

mod object;
mod stored;

object::only!(Settings, FraudSettings, SimulatorSettings, SettingsRecord, Claim);

/// The key of the settings record.
pub const SETTINGS_KEY: &str = "settings";

/// Live settings, versioned by a generation. JSON, camelCase; durations are whole milliseconds. What is
/// left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct Settings {
    /// 0 for the built-in defaults; each change that differs adds 1.
    #[serde(default)]
    pub generation: u64,
    /// Thresholds of the fraud rules.
    #[serde(default)]
    pub fraud: FraudSettings,
    /// How often a stage commits while orders flow, in ms. Default 50; 1 to 10,000.
    #[serde(default = "Settings::default_commit_interval_ms")]
    pub commit_interval_ms: u64,
    /// How often views write what changed, in ms. Default 100; 10 to 60,000.
    #[serde(default = "Settings::default_view_interval_ms")]
    pub view_interval_ms: u64,
    /// How many products and cities each ranking shows. Default 10; 1 to 100.
    #[serde(default = "Settings::default_trend_top_k")]
    pub trend_top_k: usize,
    /// What a simulator that follows the settings sends.
    #[serde(default)]
    pub simulator: SimulatorSettings,
}

/// Thresholds of the fraud rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct FraudSettings {
    /// An order above this many VND raises `HIGH_VALUE`. Default 50,000,000; 0 to 2^53 - 1.
    #[serde(default = "FraudSettings::default_high_value")]
    pub high_value: u64,
    /// Each order of a user beyond this many in one UTC minute raises `VELOCITY`. Default 10; 1 to 1,000,000.
    #[serde(default = "FraudSettings::default_orders_per_minute")]
    pub orders_per_minute: u32,
}

/// What a simulator that follows the settings sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct SimulatorSettings {
    /// Orders per second. Default 1; 1 to 200,000.
    #[serde(default = "SimulatorSettings::default_orders_per_second")]
    pub orders_per_second: u32,
    /// How many of 100 orders are suspicious. Default 5; 0 to 100.
    #[serde(default = "SimulatorSettings::default_suspicious_percent")]
    pub suspicious_percent: u8,
}

/// Who decides on a pipeline's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Owner {
    /// A person, with `millrace settings set`.
    Cli,
    /// The operator, from the pipeline's resource.
    Operator,
}

/// The settings of a pipeline and who decides on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct SettingsRecord {
    /// Who decides.
    pub owner: Owner,
    /// What holds.
    pub settings: Settings,
}

/// Says which stage runs a processor: each runs in one stage only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
pub struct Claim {
    /// The stage's name.
    pub stage: String,
    /// Where the partitions began that existed when the stage claimed, by number: offsets of the orders topic.
    /// A partition added later begins at its beginning.
    #[serde(default)]
    pub start: Vec<i64>,
    /// Whether this is the one stage of the pipeline that writes dead letters.
    #[serde(default)]
    pub dead_letters: bool,
}

/// Settings that cannot hold. Names the JSON path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not the JSON that settings are written in; the path is `.` for the whole.
    #[error("settings cannot be read at {path}: {problem}")]
    Json {
        /// Where, as `fraud.highValue`.
        path: String,
        /// What is wrong there.
        problem: String,
    },
    /// A value outside its limits.
    #[error("{path} is {value}; it must be from {least} to {most}")]
    OutOfRange {
        /// Which value, as `fraud.highValue`.
        path: &'static str,
        /// What it is.
        value: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
}

/// The key of the record that says which stage runs `processor`: `claim/<processor>`.
pub fn claim_key(processor: ProcessorName) -> String {
    format!("claim/{processor}")
}

impl Settings {
    /// Reads and validates settings that a person wrote.
    ///
    /// # Errors
    /// When `json` is not one JSON object of known fields, or a value is outside its limits.
    pub fn from_json(json: &[u8]) -> Result<Self, SettingsError> {
        let settings = Self::from_record(json)?;
        stored::refuse_unknown(json, &settings)?;
        Ok(settings)
    }

    /// The settings as one line of JSON, with every field.
    pub fn to_json(&self) -> String {
        write(self)
    }

    /// Checks every value against its limits.
    ///
    /// # Errors
    /// Names the first value that is outside.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let Self { generation: _, fraud, commit_interval_ms, view_interval_ms, trend_top_k, simulator } =
            self;
        let FraudSettings { high_value, orders_per_minute } = fraud;
        let SimulatorSettings { orders_per_second, suspicious_percent } = simulator;
        within("fraud.highValue", *high_value, 0, LARGEST_INTEGER)?;
        within("fraud.ordersPerMinute", u64::from(*orders_per_minute), 1, 1_000_000)?;
        within("commitIntervalMs", *commit_interval_ms, 1, 10_000)?;
        within("viewIntervalMs", *view_interval_ms, 10, 60_000)?;
        within("trendTopK", *trend_top_k as u64, 1, 100)?;
        within("simulator.ordersPerSecond", u64::from(*orders_per_second), 1, 200_000)?;
        within("simulator.suspiciousPercent", u64::from(*suspicious_percent), 0, 100)
    }

    /// Whether both say the same, whatever their generations.
    pub fn same_content(&self, other: &Self) -> bool {
        let Self { generation: _, fraud, commit_interval_ms, view_interval_ms, trend_top_k, simulator } =
            self;
        *fraud == other.fraud
            && *commit_interval_ms == other.commit_interval_ms
            && *view_interval_ms == other.view_interval_ms
            && *trend_top_k == other.trend_top_k
            && *simulator == other.simulator
    }

    const fn default_commit_interval_ms() -> u64 {
        50
    }
    const fn default_view_interval_ms() -> u64 {
        100
    }
    const fn default_trend_top_k() -> usize {
        10
    }
}

impl FraudSettings {
    const fn default_high_value() -> u64 {
        50_000_000
    }
    const fn default_orders_per_minute() -> u32 {
        10
    }
}

impl SimulatorSettings {
    const fn default_orders_per_second() -> u32 {
        1
    }
    const fn default_suspicious_percent() -> u8 {
        5
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            generation: 0,
            fraud: FraudSettings::default(),
            commit_interval_ms: Self::default_commit_interval_ms(),
            view_interval_ms: Self::default_view_interval_ms(),
            trend_top_k: Self::default_trend_top_k(),
            simulator: SimulatorSettings::default(),
        }
    }
}

impl Default for FraudSettings {
    fn default() -> Self {
        Self { high_value: Self::default_high_value(), orders_per_minute: Self::default_orders_per_minute() }
    }
}

impl Default for SimulatorSettings {
    fn default() -> Self {
        Self {
            orders_per_second: Self::default_orders_per_second(),
            suspicious_percent: Self::default_suspicious_percent(),
        }
    }
}

impl SettingsRecord {
    /// Reads a settings record and validates its settings.
    ///
    /// # Errors
    /// As [`Settings::from_record`].
    pub fn from_json(json: &[u8]) -> Result<Self, SettingsError> {
        let record: Self = read(json)?;
        record.settings.validate()?;
        Ok(record)
    }

    /// The record's value.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

impl Claim {
    /// Reads a claim.
    ///
    /// # Errors
    /// When `json` is not one JSON object, or a known field is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, SettingsError> {
        read(json)
    }

    /// The record's value.
    pub fn to_json(&self) -> String {
        write(self)
    }
}

fn within(path: &'static str, value: u64, least: u64, most: u64) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(SettingsError::OutOfRange { path, value, least, most })
    }
}

fn read<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, SettingsError> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|e| unreadable(&e.path().to_string(), e.inner()))?;
    deserializer.end().map_err(|e| unreadable(".", &e))?;
    Ok(value)
}

fn unreadable(path: &str, problem: &serde_json::Error) -> SettingsError {
    // The library writes an unknown place as a question mark.
    let path = if path == "?" { "." } else { path }.to_owned();
    SettingsError::Json { path, problem: problem.to_string() }
}

fn write<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("strings and integers under fixed names are always JSON")
}

#[cfg(test)]
mod tests;
