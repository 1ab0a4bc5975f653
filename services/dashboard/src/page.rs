//! The web page. Its files are part of the binary; nothing is loaded from elsewhere.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// What the page may do: load its own files and talk to this server. No inline script or style.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../page/style.css")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../page/app.js")),
    ("/socket.js", "text/javascript; charset=utf-8", include_str!("../page/socket.js")),
    ("/words.js", "text/javascript; charset=utf-8", include_str!("../page/words.js")),
    ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
];

/// The routes of the page's files.
pub fn router() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        let file = async move || {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], content).into_response()
        };
        router.route(path, get(file))
    })
}
