//! Reads from Redis, Valkey or a cluster of either.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, Value};
use runtime::config::RedisAddress;
use tokio::sync::Mutex;

use super::{ReadError, Reader, Reading};
use crate::metrics::Metrics;

/// How long connecting and each command may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a whole read may take: connecting, finding out what the server is, and some round trips.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
/// Keys that one SCAN call looks at: large enough for few round trips, small enough (well under 1 ms of
/// the server's time) not to be felt by its other clients.
const SCAN_COUNT: usize = 1_000;

/// Reads from Redis. Connects when first asked; after an error it connects anew with the next read.
pub struct RedisReader {
    url: String,
    prefix: String,
    connection: Mutex<Option<Connection>>,
    metrics: Metrics,
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    /// All our keys are in one slot; its owner is the node that SCAN must ask.
    Cluster(ClusterConnection, RoutingInfo),
}

impl RedisReader {
    /// A reader that has not connected yet.
    pub fn new(address: &RedisAddress, metrics: &Metrics) -> Self {
        let RedisAddress { url, key_prefix } = address.clone();
        Self { url, prefix: key_prefix, connection: Mutex::default(), metrics: metrics.clone() }
    }

    async fn values(&self, keys: &[String]) -> Result<Vec<Option<String>>, RedisError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg([self.prefix.as_bytes(), key.as_bytes()].concat());
        }
        let mut connection = self.connection().await?;
        connection.ask(&command).await
    }

    async fn scan(&self, prefix: &str) -> Result<Vec<String>, RedisError> {
        let pattern = pattern(&[&self.prefix, prefix].concat());
        let mut connection = self.connection().await?;
        let mut names = BTreeSet::new();
        let mut cursor = 0_u64;
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_COUNT);
            let (next, page): (u64, Vec<Vec<u8>>) = connection.ask(&command).await?;
            let ours = page.into_iter().filter_map(|name| String::from_utf8(name).ok());
            names.extend(ours.filter_map(|name| name.strip_prefix(&self.prefix).map(str::to_owned)));
            if next == 0 {
                return Ok(names.into_iter().collect());
            }
            cursor = next;
        }
    }

    async fn connection(&self) -> Result<Connection, RedisError> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = &*slot {
            return Ok(connection.clone());
        }
        let connection = connect(&self.url, &self.prefix).await?;
        Ok(slot.insert(connection).clone())
    }

    async fn bounded<T>(
        &self,
        call: &'static str,
        read: impl Future<Output = Result<T, RedisError>> + Send,
    ) -> Result<T, ReadError> {
        let timer = self.metrics.redis_call(call);
        let result = match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(ReadError::Failed(format!("{error} (--redis-url / REDIS_URL)"))),
            Err(_) => Err(ReadError::TimedOut(READ_TIMEOUT)),
        };
        drop(timer);
        if result.is_err() {
            *self.connection.lock().await = None;
        }
        result
    }
}

impl Reader for RedisReader {
    fn get<'a>(&'a self, keys: &'a [String]) -> Reading<'a, Vec<Option<String>>> {
        Box::pin(self.bounded("get", self.values(keys)))
    }

    fn names<'a>(&'a self, prefix: &'a str) -> Reading<'a, Vec<String>> {
        Box::pin(self.bounded("scan", self.scan(prefix)))
    }
}

impl Connection {
    async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        let value: Value = match self {
            Self::Single(connection) => command.query_async(connection).await?,
            Self::Cluster(connection, node) => {
                connection.route_command(command.clone(), node.clone()).await?
            }
        };
        Ok(redis::from_redis_value(value)?)
    }
}

async fn connect(url: &str, prefix: &str) -> Result<Connection, RedisError> {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut single = Client::open(url)?.get_multiplexed_async_connection_with_config(&settings).await?;
    if !is_cluster(&mut single).await {
        return Ok(Connection::Single(single));
    }
    if !has_hash_tag(prefix) {
        let why = "redis is a cluster, so --key-prefix must hold a hash tag, for example {shop}:";
        return Err((ErrorKind::InvalidClientConfig, why).into());
    }
    let slot: u16 = redis::cmd("CLUSTER").arg("KEYSLOT").arg(prefix).query_async(&mut single).await?;
    let cluster = ClusterClientBuilder::new([url])
        .connection_timeout(PATIENCE)
        .response_timeout(PATIENCE)
        .retries(2)
        .build()?
        .get_async_connection()
        .await?;
    let node = SingleNodeRoutingInfo::SpecificNode(Route::new(slot, SlotAddr::Master));
    Ok(Connection::Cluster(cluster, RoutingInfo::SingleNode(node)))
}

/// A server that does not answer INFO (some hosted ones block it) is taken for a single one.
async fn is_cluster(connection: &mut MultiplexedConnection) -> bool {
    let info: Result<String, _> = redis::cmd("INFO").arg("cluster").query_async(connection).await;
    info.is_ok_and(|info| info.contains("cluster_enabled:1"))
}

/// Whether Redis hashes only a part in braces, so that all keys with this prefix are in one slot.
fn has_hash_tag(prefix: &str) -> bool {
    let tag = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

/// The glob that matches exactly the keys that begin with `prefix`.
fn pattern(prefix: &str) -> String {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('*');
    pattern
}

#[cfg(test)]
mod tests {
    use super::{has_hash_tag, pattern};

    #[test]
    fn a_hash_tag_is_the_first_pair_of_braces_with_something_in_it() {
        assert!(has_hash_tag("{ns.shop}:"));
        assert!(has_hash_tag("a{b}c"));
        for none in ["", "shop:", "{}:", "{shop", "}{", "{}{shop}:"] {
            assert!(!has_hash_tag(none), "{none}");
        }
    }

    #[test]
    fn glob_characters_of_a_prefix_match_themselves() {
        assert_eq!(pattern("{ns.shop}:revenue:city:"), "{ns.shop}:revenue:city:*");
        assert_eq!(pattern(r"a*b?c[d]e\f^"), r"a\*b\?c\[d\]e\\f\^*");
    }
}
