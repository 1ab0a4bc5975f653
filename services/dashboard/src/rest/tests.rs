use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use prometheus::Registry;
use serde_json::value::RawValue;
use tower::ServiceExt;

use super::*;
use crate::metrics::Metrics;
use crate::reader::{MemoryReader, ReadError};
use crate::sockets::{self, Limits};

struct Server {
    app: Router,
    feed: Feed,
    reader: Arc<MemoryReader>,
    registry: Registry,
}

impl Server {
    fn new() -> Self {
        let (feed, reader, registry) = (Feed::default(), Arc::new(MemoryReader::default()), Registry::new());
        let metrics = Metrics::register(&registry).unwrap();
        let (socket_io, _) =
            sockets::router(feed.clone(), metrics.clone(), Limits::default(), runtime::Shutdown::new());
        let rest = Rest { stats: Arc::new(Stats::new(Arc::clone(&reader) as _)), feed: feed.clone() };
        Self { app: crate::app::router(rest, socket_io, &metrics), feed, reader, registry }
    }

    async fn ask(&self, method: Method, path: &str) -> (u16, HeaderMap, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.ask(Method::GET, path).await;
        (status, body)
    }
}

fn ok(body: &str) -> (u16, String) {
    (200, body.to_owned())
}

#[tokio::test]
async fn routes_answer_without_any_order() {
    let server = Server::new();
    server.feed.alerts_loaded();
    let cities = ["Cần Thơ", "HCM", "Hà Nội", "Hải Phòng", "Đà Nẵng"]
        .map(|city| format!(r#"{{"city":"{city}","revenue":0}}"#));
    for (path, body) in [
        ("/api/stats", r#"{"totalRevenue":0,"totalOrders":0,"avgOrderValue":0}"#),
        ("/api/stats/cities", &*format!("[{}]", cities.join(","))),
        ("/api/stats/products", "[]"),
        ("/api/stats/hourly?hours=24", "[]"),
        ("/api/trends", r#"{"asOf":null,"windows":[]}"#),
        ("/api/alerts", "[]"),
    ] {
        assert_eq!(server.get(path).await, ok(body), "{path}");
    }
}

#[tokio::test]
async fn hours_are_checked_and_the_error_names_the_field() {
    let server = Server::new();
    server.reader.set("revenue:hourly:2026-11-22T17", "5");
    server.reader.set("orders:hourly:2026-11-22T17", "1");
    let expected = r#"{"error":"hours must be one whole number from 1 to 2160","field":"hours"}"#;
    for hours in ["0", "2161", "-1", "1.5", "many", "", "1&hours=2", "99999999999999999999"] {
        let path = format!("/api/stats/hourly?hours={hours}");
        assert_eq!(server.get(&path).await, (400, expected.to_owned()), "{path}");
    }
    let one = r#"[{"hour":"2026-11-22T17","revenue":5,"orders":1}]"#;
    assert_eq!(server.get("/api/stats/hourly?hours=1&other=ignored").await, ok(one));
    let count = |body: String| body.matches("\"hour\"").count();
    assert_eq!(count(server.get("/api/stats/hourly").await.1), 24);
    assert_eq!(count(server.get("/api/stats/hourly?hours=2160").await.1), 2160);
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_comes_back() {
    let server = Server::new();
    server.reader.fail(Some(ReadError::Failed("connection refused".into())));
    let down = r#"{"error":"the statistics cannot be read","field":null}"#;
    for path in ["/api/stats", "/api/stats/cities", "/api/stats/products", "/api/stats/hourly", "/api/trends"]
    {
        assert_eq!(server.get(path).await, (503, down.to_owned()), "{path}");
    }
    server.reader.fail(None);
    tokio::time::sleep(std::time::Duration::from_millis(110)).await;
    assert_eq!(server.get("/api/stats").await.0, 200);
}

#[tokio::test]
async fn a_foreign_value_is_500_and_named() {
    let server = Server::new();
    server.reader.set("orders:total", "many");
    let body = r#"{"error":"key \"orders:total\" holds no decimal integer","field":null}"#;
    assert_eq!(server.get("/api/stats").await, (500, body.to_owned()));
}

#[tokio::test]
async fn alerts_are_the_records_as_they_were_newest_first() {
    let server = Server::new();
    let before = r#"{"error":"the alerts were not read from Kafka yet; try again","field":null}"#;
    assert_eq!(server.get("/api/alerts").await, (503, before.to_owned()));
    for number in 1..=101 {
        let json = format!(r#"{{"n": {number}, "big": 170141183460469231731687303715884105727}}"#);
        server.feed.alert((number, 0, number), RawValue::from_string(json).unwrap().into(), true);
    }
    server.feed.alerts_loaded();
    let (status, body) = server.get("/api/alerts").await;
    let alerts: Vec<Box<RawValue>> = serde_json::from_str(&body).unwrap();
    assert_eq!((status, alerts.len()), (200, 100));
    assert_eq!(alerts[0].get(), r#"{"n": 101, "big": 170141183460469231731687303715884105727}"#);
    assert_eq!(alerts[99].get(), r#"{"n": 2, "big": 170141183460469231731687303715884105727}"#);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_json() {
    let server = Server::new();
    assert_eq!(
        server.get("/api/nothing").await,
        (404, r#"{"error":"there is no such page","field":null}"#.into())
    );
    let (status, headers, body) = server.ask(Method::POST, "/api/stats").await;
    assert_eq!((status, body.as_str()), (405, r#"{"error":"only GET is possible here","field":null}"#));
    assert_eq!(headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn every_answer_has_the_protective_headers_and_any_origin_may_read() {
    let server = Server::new();
    for path in ["/", "/app.js", "/api/stats", "/nothing", "/socket.io/?EIO=4&transport=polling"] {
        let request =
            Request::get(path).header("origin", "http://localhost:5173").body(Body::empty()).unwrap();
        let response = server.app.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["access-control-allow-origin"], "*", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
    }
}

#[tokio::test]
async fn the_page_loads_only_files_that_are_served() {
    let server = Server::new();
    let (status, html) = server.get("/").await;
    assert_eq!(status, 200);
    let linked: Vec<_> =
        html.split(['"', '\'']).filter(|text| text.starts_with('/') && text.len() > 1).collect();
    assert!(linked.contains(&"/app.js") && linked.contains(&"/style.css"), "{linked:?}");
    for path in linked {
        assert_eq!(server.get(path).await.0, 200, "{path}");
    }
    for script in ["/app.js", "/socket.js", "/words.js"] {
        assert_eq!(server.get(script).await.0, 200);
    }
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("onclick"), "inline");
}

#[tokio::test]
async fn requests_are_counted_by_route_and_status() {
    let server = Server::new();
    server.get("/api/stats").await;
    server.get("/api/stats").await;
    server.get("/wp-login.php").await;
    let families = server.registry.gather();
    let requests = families.iter().find(|f| f.name() == "dashboard_requests_total").unwrap();
    let counted: Vec<_> = requests
        .get_metric()
        .iter()
        .map(|m| {
            let labels: Vec<_> = m.get_label().iter().map(prometheus::proto::LabelPair::value).collect();
            (labels.join(" "), m.get_counter().get_value())
        })
        .collect();
    assert_eq!(counted, [("/api/stats 200".to_owned(), 2.0), ("other 404".to_owned(), 1.0)]);
}
