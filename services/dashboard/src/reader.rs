//! The port through which REST routes read what views have written.

mod memory;
mod redis;

pub use memory::MemoryReader;
pub use redis::RedisReader;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What a [`Reader`] returns. Boxed so that readers can be trait objects.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, ReadError>> + Send + 'a>>;

/// Reads the keys that views write. Keys are named without the configured prefix.
///
/// Both calls must end within a few seconds, whatever the store does.
pub trait Reader: Send + Sync + 'static {
    /// The values of `keys`, in their order; `None` where there is none. All are read at one instant.
    fn get<'a>(&'a self, keys: &'a [String]) -> Reading<'a, Vec<Option<String>>>;

    /// The names of all keys that begin with `prefix`, each once, in any order.
    fn names<'a>(&'a self, prefix: &'a str) -> Reading<'a, Vec<String>>;
}

/// Why nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The store is silent.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The store cannot be reached or refuses; says why, without credentials.
    #[error("{0}")]
    Failed(String),
}
