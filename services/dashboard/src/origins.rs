//! Which pages may read: a browser names the page that asks in `Origin`, and only those in the list are answered.
//!
//! Programs that are no browser send no `Origin`; they are not kept out by this, but by the [`guard`](crate::guard).

use std::str::FromStr;

use axum::extract::{Request, State};
use axum::http::uri::Uri;
use axum::http::{HeaderMap, HeaderValue, header, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::metrics::{Metrics, Refusal};
use crate::rest::RestError;

/// Where the usual development servers of front ends are: beside the dashboard's own page they may read unless
/// origins are configured.
const DEVELOPMENT: [&str; 4] =
    ["http://localhost:3000", "http://localhost:5173", "http://127.0.0.1:3000", "http://127.0.0.1:5173"];

/// `scheme://host` or `scheme://host:port`, exactly as browsers write it: without a slash at the end, in lower
/// case, and without the scheme's usual port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// Not what a browser would send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin as browsers write it, for example https://live.shop.example")]
pub struct InvalidOrigin;

/// The pages that may read.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<Origin>);

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let rest =
            text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(InvalidOrigin)?;
        let usual_port = if text.starts_with("https:") { ":443" } else { ":80" };
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let names_all_of_it = uri.authority().is_some_and(|authority| authority.as_str() == rest);
        let plain =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']');
        let browser_like = rest.bytes().all(plain) && !rest.ends_with(usual_port);
        match HeaderValue::from_str(text) {
            Ok(value) if names_all_of_it && browser_like => Ok(Self(value)),
            _ => Err(InvalidOrigin),
        }
    }
}

impl Origins {
    /// Exactly these; with none of them the dashboard's own page and [`DEVELOPMENT`].
    pub fn exactly(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    fn allow(&self, origin: &HeaderValue, headers: &HeaderMap) -> bool {
        if self.0.is_empty() {
            return is_own(origin, headers) || DEVELOPMENT.iter().any(|known| origin == known);
        }
        self.0.iter().any(|Origin(known)| known == origin)
    }

    /// Tells browsers which pages may see answers.
    pub fn cors(&self) -> CorsLayer {
        let origins = self.clone();
        let allowed =
            move |origin: &HeaderValue, parts: &request::Parts| origins.allow(origin, &parts.headers);
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(allowed))
            .allow_methods([axum::http::Method::GET, axum::http::Method::POST])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
    }
}

/// Whether the page was loaded from the host that is asked. The scheme is not compared: whoever ends TLS before
/// us does not tell it.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let authority = origin.as_bytes().split(|byte| *byte == b'/').nth(2);
    host.is_some() && host == authority
}

/// Middleware: 403 for a page that may not read, whatever it asks for; the WebSocket handshake, which browsers
/// do not check themselves, too.
pub async fn check(
    State((origins, metrics)): State<(Origins, Metrics)>,
    request: Request,
    next: Next,
) -> Response {
    let mut named = request.headers().get_all(header::ORIGIN).iter();
    let allowed = named.all(|origin| origins.allow(origin, request.headers()));
    if allowed {
        return next.run(request).await;
    }
    metrics.refused(Refusal::Origin);
    RestError::Origin.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(origins: &Origins, origin: &str, host: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        origins.allow(&HeaderValue::from_str(origin).unwrap(), &headers)
    }

    #[test]
    fn only_what_a_browser_would_send_is_an_origin() {
        for good in
            ["https://live.shop.example", "http://localhost:5173", "http://[::1]:3001", "http://10.0.0.7"]
        {
            assert!(Origin::from_str(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "live.shop.example",
            "https://",
            "https://live.shop.example/",
            "https://live.shop.example/page",
            "https://live.shop.example:443",
            "http://live.shop.example:80",
            "https://Live.shop.example",
            "https://user@live.shop.example",
            "https://*.shop.example",
            "ftp://live.shop.example",
            "https://live.shop.example, https://other.example",
        ] {
            assert_eq!(Origin::from_str(bad), Err(InvalidOrigin), "{bad}");
        }
    }

    #[test]
    fn without_a_list_the_own_page_and_development_servers_may_read() {
        let origins = Origins::default();
        assert!(allow(&origins, "http://dashboard:3001", "dashboard:3001"));
        assert!(allow(&origins, "https://live.shop.example", "live.shop.example"), "TLS may end before us");
        assert!(allow(&origins, "http://localhost:5173", "localhost:3001"));
        for foreign in
            ["http://dashboard", "http://dashboard:3002", "http://dashboard:3001.evil.example", "null"]
        {
            assert!(!allow(&origins, foreign, "dashboard:3001"), "{foreign}");
        }
    }

    #[test]
    fn with_a_list_only_exact_matches_may_read() {
        let origins = Origins::exactly(vec!["https://live.shop.example".parse().unwrap()]);
        assert!(allow(&origins, "https://live.shop.example", "dashboard:3001"));
        for foreign in [
            "http://live.shop.example",
            "https://live.shop.example:8443",
            "https://live.shop.example.evil.example",
            "https://evil.live.shop.example",
            "https://LIVE.shop.example",
            "http://localhost:5173",
            "http://dashboard:3001",
        ] {
            assert!(!allow(&origins, foreign, "dashboard:3001"), "{foreign}");
        }
    }
}
