use std::net::SocketAddr;

use runtime::Shutdown;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::app::Access;
use crate::feed::{Head, Payload};
use crate::reader::MemoryReader;
use crate::rest::Rest;
use crate::server::CONNECTIONS;
use crate::stats::Stats;

struct Server {
    address: SocketAddr,
    feed: Feed,
    metrics: Metrics,
    io: SocketIo,
    stop: Shutdown,
    _serving: AbortOnDropHandle<()>,
}

impl Server {
    async fn start(limits: Limits) -> Self {
        let (feed, stop) = (Feed::default(), Shutdown::new());
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let (socket_io, io) = router(feed.clone(), metrics.clone(), limits, stop.clone());
        let stats = Arc::new(Stats::new(Arc::new(MemoryReader::default())));
        let app = crate::app::router(Rest::only(stats, feed.clone()), socket_io, &metrics, Access::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = crate::server::serve(listener, app, metrics.clone(), CONNECTIONS, stop.clone());
        Self { address, feed, metrics, io, stop, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    fn update(&self, sequence: u64) {
        let json = format!(r#"{{"type":"revenue_update","totalRevenue":{sequence}}}"#);
        self.feed.update(Head::of("revenue_update", Some(sequence)), payload(json));
    }

    fn alert(&self, number: i64, message: &str) {
        let json = format!(r#"{{"n":{number},"message":"{message}"}}"#);
        self.feed.alert((number, 0, number), payload(json).into(), true);
    }
}

fn payload(json: String) -> Payload {
    RawValue::from_string(json).unwrap().into()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A WebSocket by hand: what a client in no hurry, or with bad manners, would do.
struct WebSocket(TcpStream);

impl WebSocket {
    async fn open(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self(stream)
    }

    /// Open, and a member of the default namespace.
    async fn join(address: SocketAddr) -> Self {
        let mut socket = Self::open(address).await;
        assert!(socket.event().await.starts_with("0{"));
        socket.write("40").await;
        assert!(socket.event().await.starts_with("40{"));
        socket
    }

    async fn write(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]); // the mask, which changes nothing
        frame.extend(text.as_bytes());
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next text; `None` when the server closed.
    async fn read(&mut self) -> Option<String> {
        let kind = self.0.read_u8().await.ok()? & 0x0f;
        let length = match self.0.read_u8().await.ok()? {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut content = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut content).await.ok()?;
        (kind == 1).then(|| String::from_utf8(content).unwrap())
    }

    /// The next packet that is no ping; pings are answered.
    async fn event(&mut self) -> String {
        loop {
            match self.read().await.expect("the server closed").as_str() {
                "2" => self.write("3").await,
                event => return event.to_owned(),
            }
        }
    }
}

#[tokio::test]
async fn a_client_gets_the_newest_updates_at_once_and_then_what_is_new() {
    let server = Server::start(Limits::default()).await;
    server.alert(1, "before");
    server.update(1);
    server.feed.update(Head::of("trend_update", Some(1)), payload(r#"{"type":"trend_update"}"#.into()));
    server.update(2);
    let mut client = WebSocket::join(server.address).await;
    assert_eq!(client.event().await, r#"42["metrics",{"type":"trend_update"}]"#);
    assert_eq!(client.event().await, r#"42["metrics",{"type":"revenue_update","totalRevenue":2}]"#);
    server.alert(2, "after");
    assert_eq!(client.event().await, r#"42["alerts",{"n":2,"message":"after"}]"#);
    server.update(3);
    assert_eq!(client.event().await, r#"42["metrics",{"type":"revenue_update","totalRevenue":3}]"#);
}

#[tokio::test]
async fn numbers_of_any_size_reach_the_client_exactly() {
    let server = Server::start(Limits::default()).await;
    let json = r#"{"type":"revenue_update", "totalRevenue":170141183460469231731687303715884105727}"#;
    server.feed.update(Head::of("revenue_update", Some(1)), payload(json.into()));
    let mut client = WebSocket::join(server.address).await;
    assert_eq!(client.event().await, format!(r#"42["metrics",{json}]"#));
}

/// One client never reads; another one keeps seeing new events, and what the first one misses is counted.
#[tokio::test]
async fn a_client_that_never_reads_holds_nobody_up() {
    let limits = Limits {
        ping_interval: Duration::from_secs(2),
        ping_timeout: Duration::from_secs(1),
        ..Limits::default()
    };
    let server = Server::start(limits).await;
    let silent = WebSocket::join(server.address).await;
    let mut lively = WebSocket::join(server.address).await;
    assert_eq!(server.metrics.clients(), 2);

    // far more than all buffers of a connection hold, at the pace the lively one takes it
    let filler = "x".repeat(60_000);
    let mut seen = 0;
    for number in 1..=200 {
        server.alert(number, &filler);
        server.update(u64::try_from(number).unwrap());
        while !lively.event().await.starts_with(&format!(r#"42["alerts",{{"n":{number},"#)) {}
        seen += 1;
    }
    assert_eq!(seen, 200);
    // the silent one has answered no ping: it is ended, and its place is free
    let mut sequence = 1_000;
    while server.metrics.clients() > 1 {
        sequence += 1;
        server.update(sequence);
        lively.event().await;
    }
    drop(silent);
}

#[tokio::test]
async fn a_flood_is_cut_to_the_rate_and_the_rest_is_counted() {
    let server = Server::start(Limits::default()).await;
    let mut client = WebSocket::join(server.address).await;
    let flood = i64::try_from(crate::feed::WINDOW).unwrap() * 4;
    for number in 1..=flood {
        server.alert(number, "flood");
    }
    let mut got = 0;
    while !client.event().await.contains(&format!(r#""n":{flood},"#)) {
        got += 1;
    }
    let missed = server.metrics.dropped("alerts");
    assert_eq!(got + 1 + missed, u64::try_from(flood).unwrap(), "each was sent or counted");
    assert!(missed >= u64::try_from(flood).unwrap() - 2 * crate::feed::WINDOW as u64 && missed > 0);
}

#[tokio::test]
async fn whatever_a_client_sends_is_ignored() {
    let server = Server::start(Limits::default()).await;
    let mut client = WebSocket::join(server.address).await;
    for nonsense in [r#"42["metrics",{"totalRevenue":0}]"#, r#"420["ask"]"#, "40", r#"431["ack"]"#, "3", "3"]
    {
        client.write(nonsense).await;
    }
    server.update(1);
    assert_eq!(client.event().await, r#"42["metrics",{"type":"revenue_update","totalRevenue":1}]"#);
    assert_eq!(server.metrics.clients(), 1);
}

#[tokio::test]
async fn what_is_not_the_protocol_ends_the_client() {
    let server = Server::start(Limits::default()).await;
    for rubbish in ["4", "42", "42{}", "9", "", "451-[\"x\",{\"_placeholder\":true,\"num\":0}]\u{0}", "6"] {
        let mut client = WebSocket::join(server.address).await;
        client.write(rubbish).await;
        client.write("42[\"again\"]").await;
        drop(client);
        until(|| server.metrics.clients() == 0).await;
    }
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_client() {
    let server = Server::start(Limits::default()).await;
    let mut client = WebSocket::join(server.address).await;
    client.write(&format!("42[\"x\",\"{}\"]", "y".repeat(MESSAGE_MAX))).await;
    while client.read().await.is_some() {}
    until(|| server.metrics.clients() == 0).await;
}

#[tokio::test]
async fn clients_over_the_limit_are_told_and_places_come_back() {
    let server = Server::start(Limits { clients: 1, ..Limits::default() }).await;
    let first = WebSocket::join(server.address).await;
    let mut second = WebSocket::open(server.address).await;
    assert!(second.event().await.starts_with("0{"));
    second.write("40").await;
    let refused = r#"44{"message":"too many clients are connected; try again later"}"#;
    assert_eq!(second.event().await, refused);
    drop(first);
    until(|| server.metrics.clients() == 0).await;
    WebSocket::join(server.address).await;
}

#[tokio::test]
async fn closing_ends_all_clients() {
    let server = Server::start(Limits::default()).await;
    let mut client = WebSocket::join(server.address).await;
    server.stop.cancel();
    server.io.close().await;
    while client.read().await.is_some() {}
    until(|| server.metrics.clients() == 0).await;
}

#[test]
fn only_requests_without_a_session_open_one() {
    let opens = |uri: &'static str| opens_session(&Uri::from_static(uri));
    assert!(opens("/socket.io/?EIO=4&transport=polling"));
    assert!(opens("/socket.io?EIO=4&transport=websocket"));
    assert!(!opens("/socket.io/?EIO=4&transport=polling&sid=abc"));
    assert!(!opens("/socket.iox/?EIO=4"));
    assert!(!opens("/api/stats"));
}
