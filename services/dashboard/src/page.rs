//! The web page. Its files are part of the binary; nothing is loaded from elsewhere.
//!
//! That is the page built from `ui/`, when it was built before the binary was (`make ui`); without Node.js it is
//! the one of `page/`, which says how to build the other.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// What the page may do: load its own files and talk to this server. No inline script or style.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is served while there is no built page.
const HINT: [(&str, &[u8]); 3] = [
    (INDEX, include_bytes!("../page/index.html")),
    ("style.css", include_bytes!("../page/style.css")),
    ("icon.svg", include_bytes!("../ui/public/icon.svg")),
];
/// The document that `/` answers with.
const INDEX: &str = "index.html";
/// Files in this folder have their content's hash in their name.
const HASHED: &str = "assets/";

#[derive(rust_embed::Embed)]
#[folder = "ui/dist/page"]
#[allow_missing = true]
struct Built;

/// A file with what was compressed beforehand.
#[derive(Clone, Debug)]
struct File {
    path: String,
    tag: HeaderValue,
    plain: Bytes,
    br: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// The routes of the page's files.
pub fn router() -> Router {
    serve(files())
}

/// The paths that answer.
#[cfg(test)]
pub fn paths() -> Vec<String> {
    files().iter().map(File::route).collect()
}

/// Those of the page that was built, else those of the hint.
fn files() -> Vec<File> {
    let built: Vec<_> =
        Built::iter().filter(|path| !is_compressed(path)).filter_map(|path| built(&path)).collect();
    if built.iter().any(|file| file.path == INDEX) { built } else { hint() }
}

fn built(path: &str) -> Option<File> {
    let content = |path: &str| {
        Some(match Built::get(path)?.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        })
    };
    let (br, gzip) = (content(&format!("{path}.br")), content(&format!("{path}.gz")));
    Some(File::new(path, content(path)?, br, gzip))
}

fn hint() -> Vec<File> {
    HINT.into_iter().map(|(path, content)| File::new(path, Bytes::from_static(content), None, None)).collect()
}

fn is_compressed(path: &str) -> bool {
    matches!(extension(path), "br" | "gz")
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn serve(files: Vec<File>) -> Router {
    files.into_iter().map(Arc::new).fold(Router::new(), |router, file| {
        let route = file.route();
        router.route(&route, get(async move |headers: HeaderMap| file.answer(&headers)))
    })
}

impl File {
    fn new(path: &str, plain: Bytes, br: Option<Bytes>, gzip: Option<Bytes>) -> Self {
        Self { path: path.to_owned(), tag: tag(&plain), plain, br, gzip }
    }

    fn route(&self) -> String {
        if self.path == INDEX { "/".to_owned() } else { format!("/{}", self.path) }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|known| known == self.tag);
        let (encoding, body) = self.encoded(asked);
        let mut answer = if known { StatusCode::NOT_MODIFIED.into_response() } else { body.into_response() };
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.caching()));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::ETAG, self.tag.clone());
        if let Some(encoding) = encoding.filter(|_| !known) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        answer
    }

    /// The smallest that the client takes.
    fn encoded(&self, asked: &HeaderMap) -> (Option<&'static str>, Bytes) {
        let accepted = asked.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let takes =
            |name| accepted.split(',').any(|part| part.split(';').next().map(str::trim) == Some(name));
        match (&self.br, &self.gzip) {
            (Some(br), _) if takes("br") => (Some("br"), br.clone()),
            (_, Some(gzip)) if takes("gzip") => (Some("gzip"), gzip.clone()),
            _ => (None, self.plain.clone()),
        }
    }

    fn caching(&self) -> &'static str {
        // behind a token only the browser may keep it
        if self.path.starts_with(HASHED) { "private, max-age=31536000, immutable" } else { "no-cache" }
    }

    fn kind(&self) -> &'static str {
        match extension(&self.path) {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "woff2" => "font/woff2",
            _ => "application/octet-stream",
        }
    }
}

/// Changes with the content: the sum of its bytes by FNV-1a, 64 bits.
fn tag(content: &[u8]) -> HeaderValue {
    let sum = content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    // hexadecimal digits in quotes are always a header's value
    HeaderValue::from_str(&format!("W/\"{sum:016x}\"")).unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
}

#[cfg(test)]
mod tests;
