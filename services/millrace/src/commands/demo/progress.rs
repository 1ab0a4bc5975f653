//! What the demo tells while it starts.

use std::collections::BTreeSet;
use std::time::Duration;

use contract::keys;
use runtime::{Health, Shutdown};
use views::store::MemoryStore;

const LOOK: Duration = Duration::from_millis(200);

/// The first lines: where to look, what this is, and how to run the real thing.
pub fn banner(port: u16) -> String {
    format!(
        "\
Millrace demo: open http://localhost:{port}
Everything runs in this process; its data is gone when it stops (Ctrl-C).
The real thing, on a real Kafka and a real Redis: `make up`, or `millrace help` for each part by hand.
Starting: the stand-in for Kafka takes some 3 seconds to form a consumer group …"
    )
}

/// Prints what becomes ready, until orders are counted.
pub async fn show(health: Health, store: MemoryStore, shutdown: Shutdown) {
    let mut waiting = BTreeSet::new();
    loop {
        let missing: BTreeSet<_> = health.missing().into_iter().map(|missing| missing.need).collect();
        for ready in waiting.difference(&missing) {
            println!("  {ready}: ready");
        }
        waiting = missing;
        if let Some(orders) = store.get(keys::ORDERS_TOTAL) {
            println!("Orders flow: {orders} so far. Watch them on the page.");
            return;
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
