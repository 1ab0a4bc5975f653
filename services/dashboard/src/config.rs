//! What the dashboard is told.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::http::HeaderName;
use contract::Topics;
use ipnet::IpNet;
use runtime::config::{KafkaArgs, RedisAddress};

use crate::Reader;
use crate::app::Access;
use crate::guard::{Guard, Proxy, Token};
use crate::origins::{Origin, Origins};

/// The dashboard's own options.
#[derive(clap::Args, Clone, Debug)]
#[command(next_help_heading = "Dashboard")]
pub struct DashboardArgs {
    /// Address of the web page, the REST routes and Socket.IO. Port 0 takes a free one and logs it.
    #[arg(long, env = "DASHBOARD_LISTEN", value_name = "IP:PORT", default_value = "0.0.0.0:3001")]
    pub listen: SocketAddr,

    /// Origins whose pages may read, and no others, separated by commas; name the dashboard's own, too.
    /// Default: the dashboard's own page, and development servers on ports 3000 and 5173 of this machine.
    #[arg(long, env = "DASHBOARD_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub allowed_origins: Vec<Origin>,

    /// A file with the token that whoever asks must send, as a bearer token or as password. Default: no token.
    #[arg(long, env = "DASHBOARD_AUTH_TOKEN_FILE", value_name = "FILE", value_parser = token)]
    pub auth_token_file: Option<Token>,

    /// The header in which a proxy that has asked who it is names the user; whoever the proxy names may read.
    #[arg(long, env = "DASHBOARD_AUTH_PROXY_HEADER", value_name = "HEADER", requires = "auth_proxy_from")]
    pub auth_proxy_header: Option<HeaderName>,

    /// The addresses or networks that proxy connects from, separated by commas.
    #[arg(long, env = "DASHBOARD_AUTH_PROXY_FROM", value_name = "NETWORK", value_delimiter = ',')]
    #[arg(requires = "auth_proxy_header", value_parser = network)]
    pub auth_proxy_from: Vec<IpNet>,
}

fn token(path: &str) -> Result<Token, String> {
    // the chain in one line: clap prints no causes
    Token::read(Path::new(path)).map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().ok().map(|address: std::net::IpAddr| address.into());
    text.parse()
        .ok()
        .or_else(address)
        .ok_or_else(|| "must be an address or a network, for example 10.1.0.0/16".to_owned())
}

impl DashboardArgs {
    /// Open to everybody, at an address.
    pub fn at(listen: SocketAddr) -> Self {
        Self {
            listen,
            allowed_origins: Vec::new(),
            auth_token_file: None,
            auth_proxy_header: None,
            auth_proxy_from: Vec::new(),
        }
    }

    /// Who may ask.
    pub(crate) fn access(&self) -> Access {
        let Self { listen: _, allowed_origins, auth_token_file, auth_proxy_header, auth_proxy_from } = self;
        let proxy = |header: &HeaderName| Proxy { header: header.clone(), from: auth_proxy_from.clone() };
        Access {
            origins: Origins::exactly(allowed_origins.clone()),
            guard: Guard::new(auth_token_file.clone(), auth_proxy_header.as_ref().map(proxy)),
        }
    }
}

/// What [`run`](crate::run) needs.
#[derive(Clone, Debug)]
pub struct DashboardConfig {
    /// The own options.
    pub args: DashboardArgs,
    /// Where updates and alerts come from.
    pub kafka: KafkaArgs,
    /// In which topics they are.
    pub topics: Topics,
    /// Where statistics are read.
    pub store: Store,
}

/// Where statistics are read.
#[derive(Clone)]
pub enum Store {
    /// From Redis.
    Redis(RedisAddress),
    /// From something else, such as the in-memory store of the views in the same process.
    Reader(Arc<dyn Reader>),
}

impl Store {
    /// What health calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Redis(_) => "redis",
            Self::Reader(_) => "store",
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(args) => f.debug_tuple("Redis").field(args).finish(),
            Self::Reader(_) => f.debug_tuple("Reader").finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        args: DashboardArgs,
    }

    fn parse(args: &[&str]) -> Result<DashboardArgs, String> {
        let all = ["dashboard"].into_iter().chain(args.iter().copied());
        Command::try_parse_from(all).map(|command| command.args).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let args = parse(&[
            "--allowed-origins=https://a.example,http://b.example:8080",
            "--auth-proxy-header=X-Forwarded-User",
            "--auth-proxy-from=10.1.0.0/16,fd00::7",
        ])
        .unwrap();
        assert_eq!((args.allowed_origins.len(), args.auth_proxy_from.len()), (2, 2));
    }

    #[test]
    fn what_cannot_be_right_is_refused_with_the_options_name() {
        for (args, named) in [
            (&["--allowed-origins=*"][..], "--allowed-origins"),
            (&["--allowed-origins=https://a.example/"], "--allowed-origins"),
            (&["--auth-token-file=/nowhere/token"], "--auth-token-file"),
            (&["--auth-proxy-header=X-User"], "--auth-proxy-from"),
            (&["--auth-proxy-from=10.0.0.1"], "--auth-proxy-header"),
            (&["--auth-proxy-header=X User", "--auth-proxy-from=10.0.0.1"], "--auth-proxy-header"),
            (&["--auth-proxy-header=X-User", "--auth-proxy-from=10.0.0.0/33"], "--auth-proxy-from"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
