//! Where the results go: the few things that the views ask of Redis, behind a small trait.

mod memory;
mod redis;

pub use memory::{Contents as MemoryContents, MemoryStore};
pub use redis::{RedisError, RedisStore};

use std::collections::BTreeMap;
use std::future::Future;

use crate::fence::{Fence, Found, TOKEN_FIELD};

/// Keys and values, and the fence beside them. Keys are named without the configured prefix.
///
/// # Guarantees
/// A batch is written wholly or not at all, and only when the fence's token is the expected one.
///
/// # Assumptions
/// After an error nobody knows whether the batch was written, or still will be. Whoever goes on must read
/// the fence again, and take a new token for each attempt, so that a late one cannot be mistaken for
/// another.
pub trait Store: Send + Sync {
    /// Why a request failed.
    type Error: StoreError;

    /// What stands where the fence belongs; `None` when nothing does.
    ///
    /// # Errors
    /// When the store cannot be asked.
    fn fence(&self) -> impl Future<Output = Result<Option<Found>, Self::Error>> + Send;

    /// Writes `batch` if the fence's token is the expected one.
    ///
    /// # Errors
    /// When the store cannot be asked, or refuses.
    fn write(&self, batch: &Batch) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;

    /// All keys that begin with one of `families`; some may come twice.
    ///
    /// # Errors
    /// When the store cannot be asked.
    fn list(&self, families: &[&str]) -> impl Future<Output = Result<Vec<String>, Self::Error>> + Send;
}

/// An error of a store.
pub trait StoreError: std::error::Error + Send + Sync + 'static {
    /// Whether the store works but must not be used as it is configured. At start that ends the process.
    fn is_refusal(&self) -> bool;
}

/// What is written at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The token that must stand in the store; `None` when no fence may.
    pub expected: Option<String>,
    /// The fence to leave behind.
    pub fence: Fence,
    /// Keys and their values.
    pub sets: Vec<(String, String)>,
    /// Keys to remove.
    pub deletes: Vec<String>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is written.
    Written,
    /// Nothing is written: another token stood there.
    Mismatch,
}

/// What a fence's fields say; `None` when there are none.
fn found(fields: &BTreeMap<String, String>) -> Option<Found> {
    let token = fields.get(TOKEN_FIELD).cloned().unwrap_or_default();
    (!fields.is_empty()).then(|| Found { token, fence: Fence::from_fields(fields) })
}
