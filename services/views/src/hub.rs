//! Where the tails leave what they read and the publisher finds it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::projection::Projection;

/// The projection, and the word that it changed.
pub(crate) struct Hub {
    projection: Mutex<Projection>,
    /// There may be something to publish, or a reason not to has changed.
    pub changed: Notify,
}

impl Hub {
    pub(crate) fn new(projection: Projection) -> Self {
        Self { projection: Mutex::new(projection), changed: Notify::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Projection> {
        self.projection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
