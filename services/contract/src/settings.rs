//! What may change while a pipeline runs.

use serde::{Deserialize, Serialize};

/// Live settings, versioned by a generation. JSON, camelCase; durations are whole milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
}

/// Thresholds of the fraud rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FraudSettings {
    /// An order above this many VND raises `HIGH_VALUE`. Default 50,000,000; 0 to 2^53 - 1.
    #[serde(default = "FraudSettings::default_high_value")]
    pub high_value: u64,
    /// Each order of a user beyond this many in one UTC minute raises `VELOCITY`. Default 10; 1 to 1,000,000.
    #[serde(default = "FraudSettings::default_orders_per_minute")]
    pub orders_per_minute: u32,
}

impl Default for FraudSettings {
    fn default() -> Self {
        Self { high_value: Self::default_high_value(), orders_per_minute: Self::default_orders_per_minute() }
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

impl Default for Settings {
    fn default() -> Self {
        Self {
            generation: 0,
            fraud: FraudSettings::default(),
            commit_interval_ms: Self::default_commit_interval_ms(),
            view_interval_ms: Self::default_view_interval_ms(),
            trend_top_k: Self::default_trend_top_k(),
        }
    }
}

impl Settings {
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
