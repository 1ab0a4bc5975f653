//! Why a child is not as it should be.

use crate::reconcile::write::RequestError;
use crate::watches::Kind;

/// Why a child is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// The API server did not take it.
    #[error("cannot apply {kind} {name}", kind = kind.as_str())]
    Apply {
        kind: Kind,
        name: String,
        #[source]
        source: RequestError,
    },
    /// It cannot be looked at.
    #[error("cannot read {kind} {name}", kind = kind.as_str())]
    Read {
        kind: Kind,
        name: String,
        #[source]
        source: RequestError,
    },
    /// It should be gone.
    #[error("cannot delete {kind} {name}", kind = kind.as_str())]
    Delete {
        kind: Kind,
        name: String,
        #[source]
        source: RequestError,
    },
    /// An earlier pipeline of this name had it; Kubernetes is about to delete it.
    #[error(
        "{kind} {name} belongs to an earlier pipeline of this name and is still being deleted",
        kind = kind.as_str()
    )]
    Leftover { kind: Kind, name: String },
    /// Somebody else made one of this name.
    #[error(
        "{kind} {name} exists and does not belong to this pipeline; delete or rename it, or give the pipeline another name",
        kind = kind.as_str()
    )]
    Foreign { kind: Kind, name: String },
}

impl ChildError {
    /// Whether the same again cannot help.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Apply { source, .. } | Self::Read { source, .. } | Self::Delete { source, .. } => {
                source.is_permanent()
            }
            Self::Foreign { .. } => true,
            Self::Leftover { .. } => false,
        }
    }

    /// Whether nothing can be made because the whole namespace is being deleted.
    pub(crate) fn is_namespace_going(&self) -> bool {
        matches!(self, Self::Apply { source, .. } if source.is_namespace_going())
    }
}
