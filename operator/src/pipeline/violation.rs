//! What is wrong with a resource.

use std::fmt::Display;

/// Something in a resource that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Violation {
    /// The field, as `spec.kafka.bootstrapServers`.
    pub path: String,
    /// What is wrong with it, and what would be right.
    pub problem: String,
}

/// Gathers violations, so that all are told at once.
#[derive(Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    /// Notes what is wrong with the field.
    pub(super) fn add(&mut self, path: impl Into<String>, problem: impl Display) {
        self.0.push(Violation { path: path.into(), problem: problem.to_string() });
    }

    /// The value, if it is right; else notes why not.
    pub(super) fn check<T, E: Display>(
        &mut self,
        path: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|problem| self.add(path, problem)).ok()
    }

    /// What was noted.
    pub(super) fn into_inner(self) -> Vec<Violation> {
        self.0
    }
}
