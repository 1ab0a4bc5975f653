//! What is computed from the orders.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Scaling};

/// What is computed from the orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ProcessorsSpec {
    /// Totals by hour, city and product.
    pub revenue: RevenueSpec,
    /// Alerts on single orders and on users who order too often.
    pub fraud: FraudSpec,
    /// What sells most at the moment.
    pub trend: TrendSpec,
}

/// The processor `revenue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RevenueSpec {
    /// Whether it runs. Taken away and brought back, it goes on where it stopped. Default: true.
    pub enabled: bool,
    /// How many replicas share the partitions.
    pub scaling: Scaling,
    /// What each pod gets.
    pub resources: Resources,
}

/// The processor `fraud`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct FraudSpec {
    /// Whether it runs. Taken away and brought back, it goes on where it stopped. Default: true.
    pub enabled: bool,
    /// How many replicas share the partitions.
    pub scaling: Scaling,
    /// What each pod gets.
    pub resources: Resources,
    /// From where on orders raise alerts.
    pub thresholds: Thresholds,
}

/// The processor `trend`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TrendSpec {
    /// Whether it runs. Taken away and brought back, it goes on where it stopped. Default: true.
    pub enabled: bool,
    /// How many replicas share the partitions.
    pub scaling: Scaling,
    /// What each pod gets.
    pub resources: Resources,
    /// How many products and cities each ranking shows. Default: 10; 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub top_k: u32,
}

/// From where on orders raise alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Thresholds {
    /// An order whose total is above this raises `HIGH_VALUE`; in VND. Default: 50000000; 0 to 9007199254740991.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub high_value: u64,
    /// Each order of a user beyond this many in one minute (UTC) raises `VELOCITY`. Default: 10; 1 to 1000000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub orders_per_minute: u32,
}

impl Default for RevenueSpec {
    fn default() -> Self {
        Self { enabled: true, scaling: Scaling::default(), resources: Resources::default() }
    }
}

impl Default for FraudSpec {
    fn default() -> Self {
        Self {
            enabled: true,
            scaling: Scaling::default(),
            resources: Resources::default(),
            thresholds: Thresholds::default(),
        }
    }
}

impl Default for TrendSpec {
    fn default() -> Self {
        Self { enabled: true, scaling: Scaling::default(), resources: Resources::default(), top_k: 10 }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { high_value: 50_000_000, orders_per_minute: 10 }
    }
}
