//! How a command ends that does not end well.

use std::fmt;

/// Why a command failed, sorted by exit code.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 2. Trying again does not help.
    Usage(anyhow::Error),
    /// Something went wrong while running: exit code 1.
    Run(anyhow::Error),
    /// The same, and trying again does not help: somebody must do something first. With the failure's kind, one of
    /// [`runtime::health::LASTING`].
    Lasting(&'static str, anyhow::Error),
}

impl Failure {
    /// Wrong usage or configuration.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    /// Failed while running.
    pub fn run(error: impl Into<anyhow::Error>) -> Self {
        Self::Run(error.into())
    }

    /// The process's exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Run(_) | Self::Lasting(..) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(error) | Self::Run(error) | Self::Lasting(_, error)) = self;
        // the whole chain in one line
        write!(f, "{error:#}")
    }
}
