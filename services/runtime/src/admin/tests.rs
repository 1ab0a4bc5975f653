use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::*;

/// Serves on a free port and gives its address.
async fn started(process: &Process) -> SocketAddr {
    let listener = http::listen(([127, 0, 0, 1], 0).into(), "--admin-listen").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, process.into(), process.shutdown.clone()));
    address
}

/// Status code and body of one request over a connection of its own.
async fn get_path(address: SocketAddr, path: &'static str) -> (u16, String) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    });
    asked.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_missing() {
    let process = Process::new(Shutdown::new());
    let need = process.health.need("redis");
    let address = started(&process).await;

    need.missing("wrong password (--redis-url / REDIS_URL)");
    let (code, body) = get_path(address, "/readyz").await;
    assert_eq!(code, 503);
    assert_eq!(body, r#"[{"need":"redis","why":"wrong password (--redis-url / REDIS_URL)"}]"#);

    need.met();
    assert_eq!(get_path(address, "/readyz").await, (200, "[]".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_process_is_not_live() {
    let process = Process::new(Shutdown::new());
    let address = started(&process).await;
    assert_eq!(get_path(address, "/livez").await, (200, "live\n".to_owned()));
    process.health.fail("the stage ended");
    assert_eq!(get_path(address, "/livez").await, (500, "the stage ended\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_carry_the_prefix() {
    let process = Process::new(Shutdown::new());
    let orders = prometheus::IntCounter::new("orders_total", "Orders").unwrap();
    process.registry.register(Box::new(orders.clone())).unwrap();
    orders.inc_by(3);
    let (code, body) = get_path(started(&process).await, "/metrics").await;
    assert_eq!(code, 200);
    assert!(body.contains("\nmillrace_orders_total 3\n"), "{body}");
    assert!(body.contains("millrace_build_info{version="), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_sections() {
    let process = Process::new(Shutdown::new());
    process.status.publish("stage", json!({"position": 7}));
    let (code, body) = get_path(started(&process).await, "/status").await;
    assert_eq!(code, 200);
    let status: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["sections"]["stage"]["position"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_screen_says_first_what_is_wrong() {
    let process = Process::new(Shutdown::new());
    let need = process.health.need("redis");
    process.status.publish("views", json!({"standby": false}));
    let address = started(&process).await;
    need.missing("connection refused");
    let (code, text) = get_path(address, "/status/text").await;
    assert_eq!(code, 200);
    assert!(
        text.contains("NOT READY\n  waits for redis: connection refused\n\nviews\n  standby  false\n"),
        "{text}"
    );
    need.met();
    assert!(get_path(address, "/status/text").await.1.contains(": ready\n\nviews"));
    process.health.fail("the stage ended");
    assert!(get_path(address, "/status/text").await.1.contains(": FAILED: the stage ended\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_does_not_hold_up_the_end() {
    let process = Process::new(Shutdown::new());
    let listener = http::listen(([127, 0, 0, 1], 0).into(), "--admin-listen").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(serve(listener, (&process).into(), process.shutdown.clone()));
    let silent = TcpStream::connect(address).unwrap();
    get_path(address, "/livez").await; // the silent one was accepted before this one

    process.shutdown.cancel();
    serving.await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn a_taken_port_names_the_option() {
    let taken = http::listen(([127, 0, 0, 1], 0).into(), "--admin-listen / ADMIN_LISTEN").await.unwrap();
    let refused =
        http::listen(taken.local_addr().unwrap(), "--admin-listen / ADMIN_LISTEN").await.unwrap_err();
    assert!(refused.to_string().contains("--admin-listen / ADMIN_LISTEN"), "{refused}");
}
