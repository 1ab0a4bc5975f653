//! Why a look at a pipeline failed.

use super::children::ChildError;
use super::delete::{DeleteError, FinalizerError};
use super::facts::Problem;
use super::fetch::FetchError;
use super::status::StatusError;
use crate::chain::chain;
use crate::pipeline::Violation;

/// Why a look at a pipeline failed. The names of the variants are what the metric counts by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The resource cannot be read.
    #[error("the resource cannot be read: {0}")]
    Malformed(String),
    /// What it rests on cannot be found out.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The resource says what cannot work.
    #[error("the resource is not valid: {}", listed(.0))]
    Invalid(Vec<Violation>),
    /// It cannot be held until its deletion.
    #[error(transparent)]
    Finalizer(#[from] FinalizerError),
    /// A child cannot be made.
    #[error(transparent)]
    Children(#[from] ChildError),
    /// Its status cannot be written.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// It cannot be deleted.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// A defect of the operator.
    #[error("the look at it ended in a panic: {0}")]
    Panicked(String),
}

impl Error {
    /// What the status says of it.
    pub(crate) fn problem(&self) -> Problem {
        let (reason, stuck) = match self {
            Self::Malformed(_) => ("Malformed", true),
            Self::Invalid(_) => ("InvalidSpec", true),
            Self::Children(ChildError::Foreign { .. }) => ("NameTaken", true),
            Self::Children(ChildError::Leftover { .. }) => ("Leftover", false),
            Self::Children(error) => ("ApplyFailed", error.is_permanent()),
            Self::Fetch(_) | Self::Finalizer(_) | Self::Status(_) | Self::Delete(_) => ("ApiServer", false),
            Self::Panicked(_) => ("Defect", false),
        };
        Problem { reason, message: chain(self), stuck }
    }

    /// What the metric counts it by.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "Malformed",
            Self::Fetch(_) => "Fetch",
            Self::Invalid(_) => "Invalid",
            Self::Finalizer(_) => "Finalizer",
            Self::Children(_) => "Children",
            Self::Status(_) => "Status",
            Self::Delete(_) => "Delete",
            Self::Panicked(_) => "Panicked",
        }
    }
}

fn listed(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
