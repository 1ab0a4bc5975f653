//! What a change of the resource does: one [`PlanEntry`] for each field that is not what it was.
//!
//! # Expected flow
//! [`FIELDS`] declares, once, what a change of each field does. [`plan`] compares two specs; [`since`] finds the older one.
//! The documentation's table of effects is written from the same declarations.
//!
//! # Where the older spec comes from
//! `status.appliedSpec` holds the spec of `status.observedGeneration`; both are written in one update together with
//! `status.plan`. So a plan speaks of exactly the change from one observed generation to the next: an operator that is
//! killed before it wrote finds the same older spec again, one that is killed after it finds nothing to compare. Neither
//! the children nor the topics could say what a field was before: many fields end up in one environment variable, and
//! defaults change with the operator's version. An annotation would do as well, but writing it is a second write.

mod changes;
mod fields;

use serde_json::Value;

use crate::api::{AnalyticsPipelineSpec, Effect, PipelineStatus, PlanEntry};

pub use fields::{Change, FIELDS, Field, field};

/// Why changes cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The spec cannot be turned into a tree of values.
    #[error("cannot turn the spec into JSON")]
    Json(#[from] serde_json::Error),
}

/// What status says about the last change.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// `status.plan`.
    pub plan: Vec<PlanEntry>,
    /// `status.appliedSpec`.
    pub applied_spec: Value,
}

/// What the change from `old` to `new` does, field by field.
///
/// # Errors
/// When a spec cannot be turned into JSON, which would be a fault of this program.
pub fn plan(old: &AnalyticsPipelineSpec, new: &AnalyticsPipelineSpec) -> Result<Vec<PlanEntry>, PlanError> {
    let (old, new) = (serde_json::to_value(old)?, serde_json::to_value(new)?);
    Ok(entries(&old, &new))
}

/// What status is to say about the last change of a resource that has `status` and is at `generation`.
///
/// With the generation that status speaks of, that is what it says already. Without an older spec, or with one that this
/// version cannot read, there is nothing to compare and the plan is empty.
///
/// # Errors
/// As [`plan`].
pub fn since(
    status: &PipelineStatus,
    generation: Option<i64>,
    spec: &AnalyticsPipelineSpec,
) -> Result<Planned, PlanError> {
    let applied_spec = serde_json::to_value(spec)?;
    let older = status.applied_spec.clone().and_then(|older| serde_json::from_value(older).ok());
    let plan = match older {
        Some(_) if status.observed_generation == generation => status.plan.clone(),
        Some(older) => plan(&older, spec)?,
        None => Vec::new(),
    };
    Ok(Planned { plan, applied_spec })
}

fn entries(old: &Value, new: &Value) -> Vec<PlanEntry> {
    let changes = changes::between(old, new);
    // That each path is declared is what a test says of the whole schema.
    changes
        .into_iter()
        .filter_map(|changed| {
            let (effect, why) = field(&changed.path)?.change.of(changed.old, changed.new);
            Some(PlanEntry { path: changed.path, effect, why: why.to_owned() })
        })
        .collect()
}

impl Change {
    /// The effect of this change, and the sentence about it.
    fn of(&self, old: Option<&Value>, new: Option<&Value>) -> (Effect, &'static str) {
        match *self {
            Self::Always(effect, why) => (effect, why),
            Self::OnlyUp { up, down } => {
                let shrinks = new.and_then(Value::as_i64) < old.and_then(Value::as_i64);
                if shrinks { (Effect::Refused, down) } else { (Effect::Topic, up) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
