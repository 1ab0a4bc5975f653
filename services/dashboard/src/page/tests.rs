use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use super::*;

async fn ask(router: &Router, path: &str, header: Option<(&str, &str)>) -> (u16, HeaderMap, Bytes) {
    let mut request = Request::get(path);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, to_bytes(response.into_body(), 1 << 24).await.unwrap())
}

fn compressed() -> Router {
    let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
    let file = |path: &str| File::new(path, bytes("plain"), Some(bytes("br")), Some(bytes("gz")));
    serve(vec![file(INDEX), file("assets/page-abc.js")])
}

/// The page that was built when there is one, and the hint in any case: each loads only what is served, and nothing
/// that the policy would not let run.
#[tokio::test]
async fn the_pages_load_only_files_that_are_served() {
    for files in [files(), hint()] {
        let router = serve(files);
        let (status, headers, html) = ask(&router, "/", None).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "text/html; charset=utf-8"));
        let html = String::from_utf8(html.to_vec()).unwrap();
        let loaded: Vec<_> =
            html.split('"').filter(|text| text.starts_with('/') && !text.starts_with("/api/")).collect();
        assert!(loaded.iter().any(|path| extension(path) == "css"), "{loaded:?}");
        for path in loaded {
            assert_eq!(ask(&router, path, None).await.0, 200, "{path}");
        }
        for inline in ["<style", " style=", " onclick", "<script>", "src=\"http", "data:"] {
            assert!(!html.contains(inline), "{inline}");
        }
    }
}

#[tokio::test]
async fn without_a_built_page_it_is_said_how_to_build_it_and_where_the_figures_are() {
    let html = ask(&serve(hint()), "/", None).await.2;
    let html = String::from_utf8_lossy(&html);
    assert_eq!(html.matches("make ui").count(), 2, "in both languages");
    let linked: Vec<_> = html.split('"').filter(|text| text.starts_with("/api/")).collect();
    let routes = crate::rest::paths();
    assert!(linked.len() > 5 && linked.iter().all(|path| routes.contains(path)), "{linked:?}");
}

#[tokio::test]
async fn the_smallest_that_the_client_takes_is_sent() {
    let router = compressed();
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", Some("br"), "br"),
        ("gzip;q=1.0, *;q=0.5", Some("gzip"), "gz"),
        ("identity", None, "plain"),
        ("brotli", None, "plain"),
    ] {
        let (_, headers, got) = ask(&router, "/", Some(("accept-encoding", accepted))).await;
        assert_eq!(headers.get("content-encoding").map(|v| v.to_str().unwrap()), encoding, "{accepted}");
        assert_eq!((got.as_ref(), headers["vary"].to_str().unwrap()), (body.as_bytes(), "accept-encoding"));
    }
}

#[tokio::test]
async fn hashed_files_are_kept_and_the_document_is_asked_for_anew() {
    let router = compressed();
    let (_, headers, _) = ask(&router, "/assets/page-abc.js", None).await;
    assert_eq!(headers["cache-control"], "private, max-age=31536000, immutable");
    let (_, headers, _) = ask(&router, "/", None).await;
    assert_eq!(headers["cache-control"], "no-cache");
    let tag = headers["etag"].to_str().unwrap();
    let (status, _, body) = ask(&router, "/", Some(("if-none-match", tag))).await;
    assert_eq!((status, body.len()), (304, 0));
    assert_eq!(ask(&router, "/", Some(("if-none-match", "W/\"other\""))).await.0, 200);
}
