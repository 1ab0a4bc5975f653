//! One client: sends it what is new, as fast as it takes it and no faster than it should get it.

use std::time::{Duration, SystemTime};

use runtime::Shutdown;
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};

use crate::feed::{Cursor, Feed, Item};
use crate::metrics::Metrics;

/// Alerts that one client is sent at most; more are counted as dropped. At 350 bytes each this is 90 kB/s.
pub const ALERTS_PER_SECOND: u32 = 250;
/// How long a client is left alone whose queue is full.
pub const SLOW_PAUSE: Duration = Duration::from_millis(250);
/// Alerts a client is sent at a time.
const ALERTS_PER_PASS: u32 = 10;
/// Time between two passes.
const PASS_PAUSE: Duration = Duration::from_millis(1_000 * ALERTS_PER_PASS as u64 / ALERTS_PER_SECOND as u64);

struct Client<'a> {
    socket: &'a SocketRef,
    feed: &'a Feed,
    metrics: &'a Metrics,
    cursor: Cursor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// The client has everything.
    Complete,
    /// It got as many alerts as it may; there may be more.
    Enough,
    /// Its queue is full.
    Full,
    /// It is gone.
    Gone,
}

/// Sends until the client goes, or `gone` is cancelled by somebody else.
pub async fn serve(socket: &SocketRef, feed: &Feed, metrics: &Metrics, gone: Shutdown) {
    let told = gone.clone();
    socket.on_disconnect(async move |_: SocketRef| told.cancel());
    let mut client = Client { socket, feed, metrics, cursor: feed.cursor() };
    gone.run_until_cancelled(client.send_all()).await;
}

impl Client<'_> {
    /// Ends when the client is gone.
    async fn send_all(&mut self) {
        let mut changes = self.feed.subscribe();
        // it may have gone before its disconnect handler was there
        while self.socket.connected() {
            changes.mark_unchanged();
            match self.pass() {
                Pass::Complete => {
                    tokio::time::sleep(PASS_PAUSE).await;
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
                Pass::Enough => tokio::time::sleep(PASS_PAUSE).await,
                Pass::Full => tokio::time::sleep(SLOW_PAUSE).await,
                Pass::Gone => return,
            }
        }
    }

    fn pass(&mut self) -> Pass {
        let mut alerts = 0;
        while let Some(item) = self.feed.next(&self.cursor, alerts < ALERTS_PER_PASS) {
            match self.emit(&item) {
                Ok(()) => {}
                Err(SendError::Socket(SocketError::InternalChannelFull)) => return Pass::Full,
                Err(_) => return Pass::Gone,
            }
            alerts += u32::from(matches!(item, Item::Alert { .. }));
            self.metrics.sent(&item);
            self.cursor.advance(&item);
        }
        if alerts < ALERTS_PER_PASS { Pass::Complete } else { Pass::Enough }
    }

    fn emit(&self, item: &Item) -> Result<(), SendError> {
        match item {
            Item::Update { payload, .. } => self.socket.emit("metrics", &**payload),
            Item::Alert { alert, .. } => {
                let traced = alert.emission.as_ref().map(|emission| (emission, SystemTime::now()));
                self.socket.emit("alerts", &*alert.payload)?;
                if let Some((emission, since)) = traced {
                    emission.sent(since);
                }
                Ok(())
            }
        }
    }
}
