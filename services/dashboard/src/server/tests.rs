use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::*;

struct Served {
    address: std::net::SocketAddr,
    metrics: Metrics,
    is_busy: Arc<Notify>,
    _serving: AbortOnDropHandle<()>,
}

async fn served(connections: usize) -> Served {
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let is_busy = Arc::new(Notify::new());
    let told = Arc::clone(&is_busy);
    let busy = get(async move || {
        told.notify_one();
        std::future::pending::<()>().await;
    });
    let app = Router::new().route("/", get(async || "here")).route("/busy", busy);
    let serving = serve(listener, app, metrics.clone(), connections, Shutdown::new());
    Served { address, metrics, is_busy, _serving: AbortOnDropHandle::new(tokio::spawn(serving)) }
}

impl Served {
    async fn begin(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn connections(&self, wanted: i64) {
        while self.metrics.connections() != wanted {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

const ASKS: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn clients_that_trickle_their_request_do_not_keep_others_out() {
    let served = served(3).await;
    let mut trickling = Vec::new();
    for _ in 0..3 {
        trickling.push(served.begin("GET / HTTP/1.1\r\nHo").await);
    }
    served.connections(3).await;
    let mut answer = String::new();
    served.begin(ASKS).await.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("here"), "{answer}");
    // the one that came first had to go
    let mut nothing = String::new();
    assert_eq!(trickling[0].read_to_string(&mut nothing).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn connections_that_are_busy_are_left_alone() {
    let served = served(1).await;
    let busy = served.begin("GET /busy HTTP/1.1\r\nHost: x\r\n\r\n").await;
    served.is_busy.notified().await;
    let mut answer = String::new();
    let _ = served.begin(ASKS).await.read_to_string(&mut answer).await; // reset or closed
    assert_eq!(answer, "");
    assert_eq!(served.metrics.connections(), 1, "the busy one is still there");
    drop(busy);
}
