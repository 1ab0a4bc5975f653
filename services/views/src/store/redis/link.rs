//! One connection to Redis, and what has to be right before it is used.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind, cmd,
};
use runtime::config::RedisAddress;

use crate::store::StoreError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A batch takes milliseconds; a server that is silent for longer is not there.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a cluster's answers that ask for patience (moved, down, try again).
const CLUSTER_RETRIES: u32 = 3;

/// A connection that has been checked.
pub(super) struct Link {
    connection: Connection,
    address: String,
}

enum Connection {
    Single(MultiplexedConnection),
    /// All commands go to the node that has the slot of our keys.
    Cluster(ClusterConnection, Route),
}

/// Why Redis cannot be used. Each message says which option names it and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// The URL is none.
    #[error("--redis-url / REDIS_URL is not a Redis URL")]
    Url(#[source] ::redis::RedisError),
    /// Nobody answers.
    #[error("cannot reach Redis at {address} (--redis-url / REDIS_URL): {problem}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the client says.
        problem: ::redis::RedisError,
    },
    /// User or password are wrong or missing, or the user may not do what is needed.
    #[error("Redis at {address} refuses the user or password in --redis-url / REDIS_URL: {problem}")]
    Credentials {
        /// Host and port.
        address: String,
        /// What the server says.
        problem: ::redis::RedisError,
    },
    /// The server would throw away totals when memory gets short.
    #[error(
        "Redis at {address} has maxmemory-policy {policy}: it would evict totals when memory gets short. \
         Set maxmemory-policy noeviction there, or name another Redis with --redis-url / REDIS_URL"
    )]
    Eviction {
        /// Host and port.
        address: String,
        /// The policy.
        policy: String,
    },
    /// The keys of a batch would lie on several nodes.
    #[error(
        "Redis at {address} is a cluster, and --key-prefix / REDIS_KEY_PREFIX ({prefix:?}) does not keep all \
         keys in one slot: give a prefix with a part in braces, for example {{shop}}:"
    )]
    NoHashTag {
        /// Host and port.
        address: String,
        /// The configured prefix.
        prefix: String,
    },
    /// The server answers with an error.
    #[error("Redis at {address} answers with an error: {problem}")]
    Command {
        /// Host and port.
        address: String,
        /// What the server says.
        problem: ::redis::RedisError,
    },
}

impl Link {
    /// Connects, and checks the server against `args`. `key` is one of ours: in a cluster it says which node
    /// to talk to.
    pub(super) async fn connect(args: &RedisAddress, key: &str) -> Result<Self, RedisError> {
        let client = Client::open(args.url.as_str()).map_err(RedisError::Url)?;
        let address = client.get_connection_info().addr().to_string();
        let failed = |problem| RedisError::of(&address, problem);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let single = client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)?;
        let mut connection = Connection::Single(single);
        if connection.info("cluster", "cluster_enabled").await.map_err(failed)?.as_deref() == Some("1") {
            if !has_hash_tag(&args.key_prefix) {
                return Err(RedisError::NoHashTag { address, prefix: args.key_prefix.clone() });
            }
            let cluster = connect_cluster(&client).await.map_err(failed)?;
            connection = Connection::Cluster(cluster, Route::with_key(key, SlotAddr::Master));
        }
        let policy = connection.info("memory", "maxmemory_policy").await.map_err(failed)?;
        check_policy(&address, policy.as_deref())?;
        tracing::info!(address, cluster = connection.is_cluster(), policy, "connected to redis");
        Ok(Self { connection, address })
    }

    /// Asks; the connection comes back only when it is good for more.
    pub(super) async fn query<T: FromRedisValue>(mut self, command: Cmd) -> Result<(Self, T), RedisError> {
        match self.connection.query(command).await {
            Ok(answer) => Ok((self, answer)),
            Err(problem) => Err(RedisError::of(&self.address, problem)),
        }
    }
}

impl Connection {
    async fn query<T: FromRedisValue>(&mut self, command: Cmd) -> RedisResult<T> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection, route) => {
                let node = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(*route));
                let value = connection.route_command(command, node).await?;
                Ok(T::from_redis_value(value)?)
            }
        }
    }

    /// One field of a section of INFO; `None` when the server does not have it, or does not tell.
    async fn info(&mut self, section: &str, field: &str) -> RedisResult<Option<String>> {
        let mut command = cmd("INFO");
        command.arg(section);
        let info: String = match self.query(command).await {
            Ok(info) => info,
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
                tracing::warn!(section, "the redis user may not ask for INFO; not checked");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.map(|v| v.trim().to_owned()))
    }

    const fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }
}

async fn connect_cluster(client: &Client) -> RedisResult<ClusterConnection> {
    ClusterClient::builder([client.get_connection_info().clone()])
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(RESPONSE_TIMEOUT)
        .retries(CLUSTER_RETRIES)
        .build()?
        .get_async_connection()
        .await
}

/// Our keys have no time to live, so `volatile-*` evicts none of them, but may make room at their cost later.
fn check_policy(address: &str, policy: Option<&str>) -> Result<(), RedisError> {
    match policy {
        Some(policy) if policy.starts_with("allkeys-") => {
            Err(RedisError::Eviction { address: address.to_owned(), policy: policy.to_owned() })
        }
        Some(policy) if policy.starts_with("volatile-") => {
            tracing::warn!(
                address,
                policy,
                "redis evicts keys when memory gets short; noeviction is the safe policy"
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether a Redis Cluster puts all keys that begin with `prefix` into one slot: what stands between the
/// first `{` and the next `}` is hashed, if anything does.
fn has_hash_tag(prefix: &str) -> bool {
    let tag = prefix.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    tag.is_some_and(|(tag, _)| !tag.is_empty())
}

impl RedisError {
    fn of(address: &str, problem: ::redis::RedisError) -> Self {
        let address = address.to_owned();
        let denied = matches!(problem.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
        if denied || problem.kind() == ErrorKind::AuthenticationFailed {
            Self::Credentials { address, problem }
        } else if problem.is_io_error() || problem.kind() == ErrorKind::ClusterConnectionNotFound {
            Self::Unreachable { address, problem }
        } else {
            Self::Command { address, problem }
        }
    }
}

impl StoreError for RedisError {
    fn is_refusal(&self) -> bool {
        match self {
            Self::Url(_) | Self::Credentials { .. } | Self::Eviction { .. } | Self::NoHashTag { .. } => true,
            Self::Unreachable { .. } | Self::Command { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_tags_are_what_redis_cluster_takes_for_one() {
        for prefix in ["{shop}:", "x{a}", "{a}{b}", "{{a}"] {
            assert!(has_hash_tag(prefix), "{prefix}");
        }
        for prefix in ["", "shop:", "{}:", "{}{a}", "{shop", "}a{"] {
            assert!(!has_hash_tag(prefix), "{prefix}");
        }
    }

    #[test]
    fn a_password_of_its_own_reaches_the_client_as_it_is() {
        for (user, password) in [("shop", "p@other:1/2?c#d"), ("a:b@c%40", "100%41 đồng\\[x]"), ("", "%")]
        {
            let args = runtime::config::RedisArgs {
                redis_url: "rediss://redis:6380/2".to_owned(),
                redis_username: (!user.is_empty()).then(|| user.to_owned()),
                redis_password: Some(runtime::config::Secret::new(password)),
                key_prefix: String::new(),
            };
            let client = Client::open(args.address().unwrap().url).unwrap();
            let info = client.get_connection_info();
            assert_eq!(info.redis_settings().username().unwrap_or_default(), user);
            assert_eq!(info.redis_settings().password(), Some(password));
            assert_eq!((info.addr().to_string().as_str(), info.redis_settings().db()), ("redis:6380", 2));
        }
    }

    #[test]
    fn only_policies_that_evict_any_key_are_refused() {
        for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
            let error = check_policy("localhost:6379", Some(policy)).unwrap_err();
            assert!(error.is_refusal());
            assert!(error.to_string().contains("maxmemory-policy noeviction"), "{error}");
        }
        for policy in [None, Some("noeviction"), Some("volatile-lru"), Some("volatile-ttl")] {
            assert!(check_policy("localhost:6379", policy).is_ok(), "{policy:?}");
        }
    }
}
