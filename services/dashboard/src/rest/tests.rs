use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use prometheus::Registry;
use serde_json::value::RawValue;
use tower::ServiceExt;

use super::*;
use crate::app::Access;
use crate::feed::Head;
use crate::guard::{Guard, Token};
use crate::metrics::Metrics;
use crate::origins::Origins;
use crate::reader::{MemoryReader, ReadError};
use crate::recent::Recent;
use crate::sockets::{self, Limits};

struct Server {
    app: Router,
    feed: Feed,
    recent: Recent,
    reader: Arc<MemoryReader>,
    registry: Registry,
}

impl Server {
    fn new() -> Self {
        Self::with(Access::default())
    }

    fn with(access: Access) -> Self {
        let (feed, reader, registry) = (Feed::default(), Arc::new(MemoryReader::default()), Registry::new());
        let metrics = Metrics::register(&registry).unwrap();
        let stop = runtime::Shutdown::new();
        let (socket_io, _) = sockets::router(feed.clone(), metrics.clone(), Limits::default(), stop.clone());
        let recent = Recent::default();
        let process = runtime::Process::new(stop);
        process.health.need("redis").missing("connection refused by 10.0.0.7");
        let pipeline = Pipeline::new(process, feed.clone(), recent.clone());
        let rest =
            Rest { stats: Arc::new(Stats::new(Arc::clone(&reader) as _)), feed: feed.clone(), pipeline };
        Self { app: crate::app::router(rest, socket_io, &metrics, access), feed, recent, reader, registry }
    }

    async fn send(&self, request: axum::http::request::Builder) -> Response {
        self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
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
        server.feed.alert(
            (number, 0, number),
            crate::feed::Payload::from(RawValue::from_string(json).unwrap()).into(),
            true,
        );
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
async fn rankings_are_cut_to_the_limit() {
    let server = Server::new();
    for (product, orders) in [("a", "3"), ("b", "2"), ("c", "1")] {
        server.reader.set(format!("orders:product:{product}"), orders);
    }
    let two = r#"[{"product":"a","orders":3},{"product":"b","orders":2}]"#;
    assert_eq!(server.get("/api/stats/products?limit=2").await, ok(two));
    assert_eq!(server.get("/api/stats/products?limit=10000").await.1.matches("product").count(), 3);
    assert_eq!(server.get("/api/stats/cities?limit=1").await, ok(r#"[{"city":"Cần Thơ","revenue":0}]"#));
    let expected = r#"{"error":"limit must be one whole number from 1 to 10000","field":"limit"}"#;
    for limit in ["0", "10001", "-1", "all", "1&limit=2"] {
        let path = format!("/api/stats/cities?limit={limit}");
        assert_eq!(server.get(&path).await, (400, expected.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn recent_totals_are_those_of_the_updates() {
    let server = Server::new();
    assert_eq!(server.get("/api/stats/recent").await, ok("[]"));
    server.recent.take(
        r#"{"type":"revenue_update","totalRevenue":170141183460469231731687303715884105727,"totalOrders":2,
            "hourlyRevenue":1,"timestamp":"2026-11-22T17:00:00Z","sequence":1}"#,
    );
    let point = r#"[{"at":"2026-11-22T17:00:00.000Z","totalRevenue":170141183460469231731687303715884105727,"totalOrders":2}]"#;
    assert_eq!(server.get("/api/stats/recent").await, ok(point));
}

#[tokio::test]
async fn the_state_of_the_pipeline_names_what_is_missing_and_gives_no_address_away() {
    let server = Server::new();
    let head = Head {
        kind: "revenue_update".into(),
        sequence: Some(7),
        timestamp: Some("2026-11-22T17:00:00.000Z".into()),
    };
    server.feed.update(head, RawValue::from_string("{}".into()).unwrap().into());
    let (status, body) = server.get("/api/pipeline").await;
    let (now, rest) = body.split_once(',').unwrap();
    assert!(status == 200 && now.starts_with(r#"{"now":"20"#) && now.ends_with(r#"Z""#), "{now}");
    assert_eq!(
        rest,
        r#""missing":["redis"],"updates":[{"type":"revenue_update","sequence":7,"timestamp":"2026-11-22T17:00:00.000Z"}],"stages":[],"unshownSeconds":null}"#
    );
}

#[tokio::test]
async fn every_answer_has_the_protective_headers() {
    let server = Server::new();
    for path in crate::app::paths().iter().map(String::as_str).chain(["/nothing"]) {
        let headers = server.ask(Method::GET, path).await.1;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
    }
}

const HANDSHAKES: [&str; 2] =
    ["/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=4&transport=websocket"];

fn asks(path: &str) -> axum::http::request::Builder {
    let request = Request::get(path).header("host", "dashboard:3001");
    if !path.contains("websocket") {
        return request;
    }
    request
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_wherever_they_ask() {
    let origins = Origins::exactly(vec!["https://live.shop.example".parse().unwrap()]);
    let server = Server::with(Access { origins, ..Access::default() });
    let paths = crate::app::paths();
    for path in paths.iter().map(String::as_str).chain(HANDSHAKES).chain(["/nothing"]) {
        for foreign in
            ["https://evil.example", "http://dashboard:3001", "null", "https://live.shop.example.evil"]
        {
            let refused = server.send(asks(path).header("origin", foreign)).await;
            assert_eq!(refused.status(), 403, "{path} {foreign}");
            assert!(!refused.headers().contains_key("access-control-allow-origin"), "{path} {foreign}");
        }
        let allowed = server.send(asks(path).header("origin", "https://live.shop.example")).await;
        assert_ne!(allowed.status(), 403, "{path}");
        assert_eq!(allowed.headers()["access-control-allow-origin"], "https://live.shop.example", "{path}");
        let both =
            asks(path).header("origin", "https://live.shop.example").header("origin", "https://evil.example");
        assert_eq!(server.send(both).await.status(), 403, "{path}");
        assert_ne!(server.send(asks(path)).await.status(), 403, "{path}: no browser");
    }
}

#[tokio::test]
async fn front_ends_under_development_may_read_unless_origins_are_configured() {
    let server = Server::new();
    for (origin, status) in
        [("http://localhost:5173", 200), ("http://dashboard:3001", 200), ("http://other", 403)]
    {
        assert_eq!(
            server.send(asks("/api/stats").header("origin", origin)).await.status(),
            status,
            "{origin}"
        );
        let handshake = server.send(asks(HANDSHAKES[0]).header("origin", origin)).await;
        assert_eq!(handshake.status(), status, "{origin}");
    }
    let preflight = Request::options("/api/stats")
        .header("host", "dashboard:3001")
        .header("origin", "http://localhost:5173")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = server.send(preflight).await;
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://localhost:5173");
}

/// Walks the table of routes, and what is not in it.
#[tokio::test]
async fn no_route_is_open_when_there_is_a_token() {
    let file = std::env::temp_dir().join(format!("millrace-dashboard-token-{}", std::process::id()));
    std::fs::write(&file, "0123456789abcdef0123456789abcdef").unwrap();
    let guard = Guard::new(Some(Token::read(&file).unwrap()), None);
    std::fs::remove_file(&file).unwrap();
    let server = Server::with(Access { guard, ..Access::default() });
    let paths = crate::app::paths();
    assert!(paths.len() > 12, "{paths:?}");
    for path in paths.iter().map(String::as_str).chain(HANDSHAKES).chain(["/nothing", "/api/stats?x=1"]) {
        for wrong in [None, Some("Bearer 0123456789abcdef0123456789abcdeX"), Some("Basic YTpi")] {
            let asked =
                wrong.into_iter().fold(asks(path), |request, value| request.header("authorization", value));
            let refused = server.send(asked).await;
            assert_eq!(refused.status(), 401, "{path} {wrong:?}");
            assert_eq!(refused.headers()["www-authenticate"], r#"Basic realm="Millrace", charset="UTF-8""#);
        }
        let right = asks(path).header("authorization", "Bearer 0123456789abcdef0123456789abcdef");
        assert_ne!(server.send(right).await.status(), 401, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::HEAD] {
        let (status, ..) = server.ask(method.clone(), "/api/stats").await;
        assert_eq!(status, 401, "{method}");
    }
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
