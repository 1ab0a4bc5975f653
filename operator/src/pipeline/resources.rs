//! What a pod gets.

use std::cmp::Ordering;

use crate::api::{Quantity, Resources};

/// What a pod gets: all four are always said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// Processor time.
    pub cpu: Amount,
    /// Memory.
    pub memory: Amount,
}

/// What a pod is sure to have, and what it may use at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amount {
    /// What it is sure to have.
    pub request: Quantity,
    /// What it may use at most; not less than the request.
    pub limit: Quantity,
}

/// What a kind of pod gets unless the resource says otherwise.
#[derive(Clone, Copy)]
pub(super) struct Standard {
    cpu: (&'static str, &'static str),
    memory: (&'static str, &'static str),
}

/// A stage that works off a backlog uses one core for folding, some of another for fetching, and 200 MiB at most in
/// the benchmark (a million users, 12 partitions); when idle next to nothing.
pub(super) const PROCESSOR: Standard = Standard { cpu: ("100m", "2"), memory: ("256Mi", "512Mi") };
/// Views hold the merged results of all partitions, bounded like the stages' own.
pub(super) const VIEWS: Standard = Standard { cpu: ("50m", "1"), memory: ("64Mi", "256Mi") };
/// The dashboard holds its connections and the last alerts.
pub(super) const DASHBOARD: Standard = Standard { cpu: ("50m", "1"), memory: ("64Mi", "256Mi") };
/// The simulator holds what the brokers have not acknowledged.
pub(super) const SIMULATOR: Standard = Standard { cpu: ("50m", "1"), memory: ("64Mi", "256Mi") };

impl Standard {
    /// These amounts but for what `resources` says.
    ///
    /// # Errors
    /// The field under `resources` and what is wrong with it.
    pub(super) fn with(self, resources: &Resources) -> Result<Allotment, (&'static str, String)> {
        let Resources { requests, limits } = resources;
        let cpu = amount(self.cpu, requests.cpu.as_ref(), limits.cpu.as_ref());
        let memory = amount(self.memory, requests.memory.as_ref(), limits.memory.as_ref());
        Ok(Allotment {
            cpu: cpu.map_err(|problem| ("requests.cpu", problem))?,
            memory: memory.map_err(|problem| ("requests.memory", problem))?,
        })
    }
}

/// A default gives way to what is said: a default limit rises to the request, a default request falls to the limit.
fn amount(
    default: (&str, &str),
    request: Option<&Quantity>,
    limit: Option<&Quantity>,
) -> Result<Amount, String> {
    let said = (request.is_some(), limit.is_some());
    let given = |said: Option<&Quantity>, default: &str| {
        said.map_or_else(|| default.parse().map_err(|error| format!("{error}")), |said| Ok(said.clone()))
    };
    let (request, limit) = (given(request, default.0)?, given(limit, default.1)?);
    if request.compare(&limit) != Ordering::Greater {
        return Ok(Amount { request, limit });
    }
    match said {
        (true, true) => Err(format!(
            "{} is more than the limit {}: lower the request or raise the limit",
            request.as_str(),
            limit.as_str()
        )),
        (true, false) => Ok(Amount { limit: request.clone(), request }),
        (false, _) => Ok(Amount { request: limit.clone(), limit }),
    }
}
