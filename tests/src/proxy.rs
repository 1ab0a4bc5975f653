//! A TCP proxy in front of a broker that understands the headers of Kafka's protocol: it delays, drops,
//! loses and cuts what it is told to, and keeps a journal of requests and answers in wire order.

mod connection;
mod journal;

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

pub use journal::{Direction, Event, assignments_without_barrier, offsets_before_records};

/// A request type of Kafka's protocol, by its api key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Api(pub i16);

impl Api {
    /// Produce.
    pub const PRODUCE: Self = Self(0);
    /// Fetch.
    pub const FETCH: Self = Self(1);
    /// `OffsetFetch`.
    pub const OFFSET_FETCH: Self = Self(9);
    /// `SyncGroup`: its answer is an assignment.
    pub const SYNC_GROUP: Self = Self(14);
    /// `InitProducerId`: a new producer.
    pub const INIT_PRODUCER_ID: Self = Self(22);
    /// `AddOffsetsToTxn`.
    pub const ADD_OFFSETS_TO_TXN: Self = Self(25);
    /// `EndTxn`.
    pub const END_TXN: Self = Self(26);
    /// `TxnOffsetCommit`.
    pub const TXN_OFFSET_COMMIT: Self = Self(28);
}

/// What happens to one request or its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The broker does it and answers; the connection is cut instead of answering.
    Cut,
    /// The broker does it and answers; the answer never arrives.
    DropAnswer,
    /// The answer arrives late, and all that follows on the connection behind it.
    DelayAnswer(Duration),
    /// The request reaches the broker late, even if the client has gone by then.
    HoldRequest(Duration),
    /// The request, and all of its type that follow on the connection, reach the broker after [`Proxy::release`].
    Hold,
    /// The request never reaches the broker.
    LoseRequest,
}

/// A running proxy.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

/// What the connections share.
#[derive(Default)]
struct Shared {
    rules: Mutex<Vec<Rule>>,
    hits: Mutex<Vec<(Api, Fault)>>,
    journal: Mutex<Vec<Event>>,
    sockets: Mutex<Vec<TcpStream>>,
    released: AtomicBool,
    closing: AtomicBool,
}

/// What the next request of a type by one of certain clients meets.
struct Rule {
    /// What the ids of the clients begin with.
    client: String,
    api: Api,
    fault: Fault,
}

impl Proxy {
    /// Binds a port. Nothing is forwarded before [`Proxy::forward`].
    ///
    /// # Errors
    /// When no port is free.
    pub fn bind() -> Result<(Self, TcpListener)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("binding the proxy's port")?;
        let port = listener.local_addr().context("the proxy's port")?.port();
        Ok((Self { port, shared: Arc::default() }, listener))
    }

    /// Forwards every connection to `target` from now on.
    pub fn forward(&self, listener: TcpListener, target: u16) {
        let shared = Arc::clone(&self.shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.closing.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", target)) {
                    connection::start(client, server, &shared);
                }
            }
        });
    }

    /// The port clients connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address clients connect to.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The next request of type `api` meets `fault`, once.
    pub fn inject(&self, api: Api, fault: Fault) {
        self.inject_for("", api, fault);
    }

    /// The next request of type `api` by a client whose id begins with `client` meets `fault`, once.
    pub fn inject_for(&self, client: &str, api: Api, fault: Fault) {
        if fault == Fault::Hold {
            self.shared.released.store(false, Ordering::Relaxed);
        }
        lock(&self.shared.rules).push(Rule { client: client.to_owned(), api, fault });
    }

    /// Takes back all faults that nobody met.
    pub fn withdraw(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Lets go what [`Fault::Hold`] holds.
    pub fn release(&self) {
        self.shared.released.store(true, Ordering::Relaxed);
    }

    /// The faults that really happened, in order.
    pub fn hits(&self) -> Vec<(Api, Fault)> {
        lock(&self.shared.hits).clone()
    }

    /// All requests and answers so far of clients whose id begins with `prefix`, in wire order.
    pub fn journal(&self, prefix: &str) -> Vec<Event> {
        let journal = lock(&self.shared.journal);
        journal.iter().filter(|event| event.client.starts_with(prefix)).cloned().collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for socket in lock(&self.shared.sockets).iter() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    /// The fault that is due for a request of this type by this client.
    fn take_fault(&self, api: Api, client: &str) -> Option<Fault> {
        let mut rules = lock(&self.rules);
        let at = rules.iter().position(|rule| rule.api == api && client.starts_with(&rule.client))?;
        Some(rules.remove(at).fault)
    }

    /// Waits for the release, or the proxy's end.
    fn wait_for_release(&self) {
        while !self.released.load(Ordering::Relaxed) && !self.closing.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn hit(&self, api: Api, fault: Fault) {
        lock(&self.hits).push((api, fault));
    }

    fn record(&self, event: Event) {
        lock(&self.journal).push(event);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
