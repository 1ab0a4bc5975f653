//! The store in Redis or Valkey, alone or as a cluster.
//!
//! One connection, made anew after every error: whether the last request got through is found out by
//! reading the fence, not by the connection. All keys of a pipeline lie in one slot, so that one script
//! may touch them all.

mod link;

use std::collections::BTreeMap;

use ::redis::{Cmd, FromRedisValue, cmd};
use runtime::config::RedisAddress;
use tokio::sync::Mutex;

use self::link::Link;
pub use self::link::RedisError;
use super::{Batch, Outcome, Store, found};
use crate::fence::{FENCE_KEY, Found};

/// Compares the token and writes the batch.
const SCRIPT: &str = include_str!("redis/batch.lua");
/// How many keys one SCAN looks at.
const SCAN_COUNT: usize = 1_000;

/// The store in Redis or Valkey.
pub struct RedisStore {
    args: RedisAddress,
    /// `None` before the first request and after an error.
    link: Mutex<Option<Link>>,
}

impl RedisStore {
    /// A store that connects with its first request.
    pub fn new(args: RedisAddress) -> Self {
        // without one the client panics at rediss:// URLs
        runtime::tls::install_provider();
        Self { args, link: Mutex::new(None) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.args.key_prefix)
    }

    async fn query<T: FromRedisValue>(&self, command: Cmd) -> Result<T, RedisError> {
        let mut slot = self.link.lock().await;
        let link = match slot.take() {
            Some(link) => link,
            None => Link::connect(&self.args, &self.key(FENCE_KEY)).await?,
        };
        let (link, answer) = link.query(command).await?;
        *slot = Some(link);
        Ok(answer)
    }

    /// Deletes keys, named without the configured prefix; those that are not there do not matter.
    pub(crate) async fn remove(&self, keys: &[String]) -> Result<(), RedisError> {
        let mut command = cmd("UNLINK");
        for key in keys {
            command.arg(self.key(key));
        }
        self.query::<i64>(command).await.map(drop)
    }

    async fn scan(&self, pattern: &str, keys: &mut Vec<String>) -> Result<(), RedisError> {
        let mut cursor = 0_u64;
        loop {
            let mut command = cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(SCAN_COUNT);
            let (next, found): (u64, Vec<Vec<u8>>) = self.query(command).await?;
            let prefix = self.args.key_prefix.as_bytes();
            // a key that is no UTF-8 is none that a view can have set
            let named =
                found.iter().filter_map(|key| String::from_utf8(key.strip_prefix(prefix)?.to_vec()).ok());
            keys.extend(named);
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

impl Store for RedisStore {
    type Error = RedisError;

    async fn fence(&self) -> Result<Option<Found>, RedisError> {
        let mut command = cmd("HGETALL");
        command.arg(self.key(FENCE_KEY));
        let fields: BTreeMap<String, String> = self.query(command).await?;
        Ok(found(&fields))
    }

    async fn write(&self, batch: &Batch) -> Result<Outcome, RedisError> {
        let Batch { expected, fence, sets, deletes } = batch;
        let fields = fence.to_fields();
        let mut command = cmd("EVAL");
        command.arg(SCRIPT).arg(1 + sets.len() + deletes.len()).arg(self.key(FENCE_KEY));
        for key in sets.iter().map(|(key, _)| key).chain(deletes) {
            command.arg(self.key(key));
        }
        command.arg(expected.as_deref().unwrap_or_default()).arg(sets.len()).arg(2 * fields.len());
        for (_, value) in sets {
            command.arg(value);
        }
        for (field, value) in &fields {
            command.arg(field).arg(value);
        }
        let written: bool = self.query(command).await?;
        Ok(if written { Outcome::Written } else { Outcome::Mismatch })
    }

    async fn list(&self, families: &[&str]) -> Result<Vec<String>, RedisError> {
        let mut keys = Vec::new();
        for family in families {
            let pattern = format!("{}*", glob_literal(&self.key(family)));
            self.scan(&pattern, &mut keys).await?;
        }
        Ok(keys)
    }
}

/// `text` as a pattern that matches nothing else.
fn glob_literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore").field("args", &self.args).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_matches_only_itself() {
        assert_eq!(glob_literal("{shop}:revenue:"), "{shop}:revenue:");
        assert_eq!(glob_literal(r"a*b?[c]\^"), r"a\*b\?\[c\]\\\^");
    }
}
