//! Protection of every route: by a token, by a proxy that has asked who it is, or by neither.
//!
//! The token is taken as `Authorization: Bearer TOKEN`, for programs, and as the password of HTTP Basic, which
//! browsers ask for and then send with everything, the WebSocket handshake included. Health is not here: the
//! process answers for itself on its admin port.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use subtle::ConstantTimeEq as _;

use crate::metrics::{Metrics, Refusal};
use crate::rest::RestError;

/// A shorter token could be guessed.
const TOKEN_MIN: usize = 16;
/// What browsers are told to ask for.
const CHALLENGE: &str = r#"Basic realm="Millrace", charset="UTF-8""#;

/// Who may ask. Nobody is kept out when nothing is configured.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    token: Option<Token>,
    proxy: Option<Proxy>,
}

/// The secret that a client must know.
#[derive(Clone)]
pub struct Token(Arc<str>);

/// A proxy that lets through only those it knows, and says who they are.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// The header that holds the user; whoever asked must not be able to set it, so the proxy replaces it.
    pub header: HeaderName,
    /// Where the proxy connects from; the header of anybody else says nothing.
    pub from: Vec<IpNet>,
}

/// A token that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token in {} (--auth-token-file / DASHBOARD_AUTH_TOKEN_FILE)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The failure.
        #[source]
        source: std::io::Error,
    },
    /// It is no secret.
    #[error(
        "the token in {} (--auth-token-file / DASHBOARD_AUTH_TOKEN_FILE) must be {TOKEN_MIN} or more visible \
         ASCII characters on one line; make one with `openssl rand -hex 32`",
        path.display()
    )]
    Weak {
        /// The file.
        path: PathBuf,
    },
}

/// The address a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl Token {
    /// Reads it from a file; a line break at the end does not belong to it.
    ///
    /// # Errors
    /// When the file cannot be read or holds no token.
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| TokenError::Read { path: path.to_owned(), source })?;
        Self::new(text.trim_end_matches(['\r', '\n']))
            .ok_or_else(|| TokenError::Weak { path: path.to_owned() })
    }

    fn new(text: &str) -> Option<Self> {
        (text.len() >= TOKEN_MIN && text.bytes().all(|b| b.is_ascii_graphic())).then(|| Self(text.into()))
    }

    fn is(&self, claimed: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(claimed).into()
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let Some(given) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        match given.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                self.is(token.trim().as_bytes())
            }
            Some((scheme, both)) if scheme.eq_ignore_ascii_case("basic") => {
                let decoded = BASE64_STANDARD.decode(both.trim()).unwrap_or_default();
                let colon = decoded.iter().position(|byte| *byte == b':');
                colon.is_some_and(|colon| self.is(&decoded[colon + 1..]))
            }
            _ => false,
        }
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Proxy {
    fn vouches(&self, request: &Request) -> bool {
        let Some(Peer(address)) = request.extensions().get() else { return false };
        // an IPv4 peer of an IPv6 socket
        let address = address.to_canonical();
        let named = request.headers().get(&self.header).is_some_and(|user| !user.is_empty());
        named && self.from.iter().any(|network| network.contains(&address))
    }
}

impl Guard {
    /// Lets through who knows the token, and whom the proxy vouches for.
    pub fn new(token: Option<Token>, proxy: Option<Proxy>) -> Self {
        Self { token, proxy }
    }

    fn admits(&self, request: &Request) -> bool {
        let Self { token, proxy } = self;
        if token.is_none() && proxy.is_none() {
            return true;
        }
        token.as_ref().is_some_and(|token| token.is_in(request.headers()))
            || proxy.as_ref().is_some_and(|proxy| proxy.vouches(request))
    }
}

/// Middleware: 401 for who may not ask.
pub async fn protect(
    State((guard, metrics)): State<(Guard, Metrics)>,
    request: Request,
    next: Next,
) -> Response {
    if guard.admits(&request) {
        return next.run(request).await;
    }
    metrics.refused(Refusal::Unauthorized);
    let mut refused = RestError::Unauthorized.into_response();
    if guard.token.is_some() {
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
    }
    refused
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn asks(authorization: Option<&str>, peer: &str, user: Option<&str>) -> Request {
        let mut request = Request::get("/api/stats");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        if let Some(value) = user {
            request = request.header("x-forwarded-user", value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        request
    }

    fn with_token() -> Guard {
        Guard::new(Token::new(TOKEN), None)
    }

    fn with_proxy() -> Guard {
        let header = HeaderName::from_static("x-forwarded-user");
        let from = vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
        Guard::new(None, Some(Proxy { header, from }))
    }

    #[test]
    fn without_configuration_everybody_may_ask() {
        assert!(Guard::default().admits(&asks(None, "203.0.113.9", None)));
    }

    #[test]
    fn the_token_is_taken_as_bearer_and_as_password() {
        let guard = with_token();
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for good in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}"), basic(&format!("anybody:{TOKEN}"))]
        {
            assert!(guard.admits(&asks(Some(&good), "203.0.113.9", None)), "{good}");
        }
        for bad in [
            String::new(),
            TOKEN.to_owned(),
            "Bearer ".to_owned(),
            "Bearer 0123456789abcdeX".to_owned(),
            format!("Bearer {TOKEN}0"),
            format!("Digest {TOKEN}"),
            basic(TOKEN),
            basic(&format!("{TOKEN}:")),
            "Basic ?".to_owned(),
        ] {
            assert!(!guard.admits(&asks(Some(&bad), "203.0.113.9", Some("admin"))), "{bad}");
        }
        assert!(!guard.admits(&asks(None, "203.0.113.9", None)));
    }

    #[test]
    fn the_proxys_word_counts_only_from_where_the_proxy_is() {
        let guard = with_proxy();
        for peer in ["10.1.2.3", "fd00::7", "::ffff:10.1.2.3"] {
            assert!(guard.admits(&asks(None, peer, Some("an@shop.example"))), "{peer}");
            assert!(!guard.admits(&asks(None, peer, Some(""))), "{peer}");
            assert!(!guard.admits(&asks(None, peer, None)), "{peer}");
        }
        assert!(!guard.admits(&asks(None, "10.2.0.1", Some("an@shop.example"))));
        let mut unknown = asks(None, "10.1.2.3", Some("an@shop.example"));
        unknown.extensions_mut().clear();
        assert!(!guard.admits(&unknown));
    }

    #[test]
    fn a_token_that_is_no_secret_is_refused_without_repeating_it() {
        let file = std::env::temp_dir().join(format!("millrace-token-{}", std::process::id()));
        std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
        assert!(Token::read(&file).unwrap().is(TOKEN.as_bytes()));
        for weak in ["", "short", "0123456789 abcdef", "0123456789\nabcdef", "0123456789abcdéf"] {
            std::fs::write(&file, weak).unwrap();
            let error = Token::read(&file).unwrap_err().to_string();
            assert!(
                error.contains("--auth-token-file") && (weak.is_empty() || !error.contains(weak)),
                "{error}"
            );
        }
        std::fs::remove_file(&file).unwrap();
        assert!(Token::read(&file).unwrap_err().to_string().contains("cannot read"));
    }
}
