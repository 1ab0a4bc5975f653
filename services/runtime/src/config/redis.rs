//! Where Redis is, who we are there, and how our keys are named.

use std::fmt;

use url::Url;

use super::secret::{Secret, Unechoed};

/// Where Redis is and how our keys are named there.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "Redis")]
pub struct RedisArgs {
    /// Redis or Valkey: redis://[user:password@]host:port[/db], or rediss:// for TLS.
    #[arg(long, env = "REDIS_URL", value_name = "URL", default_value = "redis://localhost:6379")]
    #[arg(hide_env_values = true, value_parser = Unechoed(redis_url))]
    pub redis_url: String,

    /// Log in to Redis as this user [default: Redis' own, `default`]
    #[arg(long, env = "REDIS_USERNAME", value_name = "NAME", requires = "redis_password")]
    pub redis_username: Option<String>,

    /// The user's password, if it is not in the URL. Better given by the environment variable: other processes
    /// can read command lines.
    #[arg(long, env = "REDIS_PASSWORD", value_name = "PASSWORD")]
    #[arg(hide_env_values = true, value_parser = Unechoed(Secret::parse))]
    pub redis_password: Option<Secret>,

    /// Put before every key. A part in braces keeps all keys in one slot of a Redis Cluster.
    #[arg(long, env = "REDIS_KEY_PREFIX", value_name = "PREFIX", default_value = "")]
    pub key_prefix: String,
}

/// A Redis to connect to. Plain strings: only the crates that talk to Redis link a client.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    /// The URL, with user and password if there are any.
    pub url: String,
    /// Put before every key.
    pub key_prefix: String,
}

/// A user and a password that cannot be put into the URL. Names the options, repeats no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    /// Which of the two would hold?
    #[error(
        "--redis-url / REDIS_URL holds a user or a password, and --redis-username / REDIS_USERNAME or \
         --redis-password / REDIS_PASSWORD says another: give them in one place"
    )]
    Twice,
    /// The URL is none, or one that has no place for them.
    #[error(
        "--redis-username and --redis-password (REDIS_USERNAME, REDIS_PASSWORD) need a --redis-url / REDIS_URL \
         with a host, for example redis://localhost:6379; for a socket, give them in the URL"
    )]
    NoHost,
}

impl RedisArgs {
    /// User and password brought into the URL, whatever characters they hold.
    ///
    /// # Errors
    /// When the URL holds some already, or is no URL with a host.
    pub fn address(self) -> Result<RedisAddress, InvalidCredentials> {
        let Self { redis_url, redis_username, redis_password, key_prefix } = self;
        let url = match redis_password {
            None => redis_url,
            Some(password) => with_credentials(&redis_url, redis_username.as_deref(), &password)?,
        };
        Ok(RedisAddress { url, key_prefix })
    }
}

fn with_credentials(url: &str, user: Option<&str>, password: &Secret) -> Result<String, InvalidCredentials> {
    let mut url = Url::parse(url).map_err(|_| InvalidCredentials::NoHost)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidCredentials::Twice);
    }
    let user = escaped(user.unwrap_or_default());
    url.set_username(&user).map_err(|()| InvalidCredentials::NoHost)?;
    url.set_password(Some(&escaped(password.expose()))).map_err(|()| InvalidCredentials::NoHost)?;
    Ok(url.into())
}

/// A setter of [`Url`] escapes what may not stand in a URL, but takes `%` for the beginning of an escape.
fn escaped(text: &str) -> String {
    text.replace('%', "%25")
}

fn redis_url(text: &str) -> Result<String, String> {
    let known = ["redis://", "rediss://", "valkey://", "valkeys://", "redis+unix://", "unix://"];
    if known.iter().any(|scheme| text.starts_with(scheme)) {
        Ok(text.to_owned())
    } else {
        Err("must begin with redis:// or rediss://, for example redis://localhost:6379".to_owned())
    }
}

impl fmt::Debug for RedisArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the URL may hold a password
        let Self { redis_url: _, redis_username, redis_password, key_prefix } = self;
        f.debug_struct("RedisArgs")
            .field("redis_username", redis_username)
            .field("redis_password", redis_password)
            .field("key_prefix", key_prefix)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, key_prefix } = self;
        f.debug_struct("RedisAddress").field("key_prefix", key_prefix).finish_non_exhaustive()
    }
}
