//! What clients see live, shared by all of them: the newest update of each type and the last alerts.
//!
//! Nothing is kept per client but a [`Cursor`] of four numbers, so that a slow client costs no memory:
//! updates it did not take in time are replaced by newer ones, alerts fall out of the window it shares
//! with the others. Both are counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use tokio::sync::watch;

use crate::traces::Emission;

/// Alerts that a client may be behind. At the most that one client is sent
/// ([`ALERTS_PER_SECOND`](crate::sockets::client::ALERTS_PER_SECOND)) this is two seconds' worth: a burst arrives
/// whole, and in a lasting flood what a client shows is never older than that.
pub const WINDOW: usize = 500;
/// Alerts that `GET /api/alerts` shows.
pub const LATEST_ALERTS: usize = 100;
/// Updates that may be older than the newest one in a row. After these, five to ten seconds at the default
/// rate, whoever numbers updates has begun anew from a lower number, and is believed.
const OLDER_IN_A_ROW: u32 = 100;
/// Types of updates that are told apart. There are three; whoever writes more to the topic is not relayed.
const TYPES: usize = 16;

/// One JSON object, exactly as it stood in the record.
pub type Payload = Arc<RawValue>;

/// An alert, and its trace if it has one.
#[derive(Clone, Debug)]
pub struct Alert {
    /// The object.
    pub payload: Payload,
    /// Begins the span of the event.
    pub emission: Option<Arc<Emission>>,
}

/// Where an alert stands: record time in ms, partition, offset. Newest is greatest.
pub type Position = (i64, i32, i64);

/// The shared state. Clones are the same feed.
#[derive(Clone, Debug)]
pub struct Feed {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    updates: Vec<Newest>,
    /// Updates taken so far; the version of the last one.
    version: u64,
    /// The last [`WINDOW`] live alerts, oldest first; the last one has the number `alerts`.
    window: VecDeque<Alert>,
    /// Live alerts taken so far.
    alerts: u64,
    latest: BTreeMap<Position, Payload>,
    alerts_loaded: bool,
}

/// The head of an update: what we need to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its type.
    pub kind: String,
    /// Its number among those of the type.
    pub sequence: Option<u64>,
    /// When it was made, as it says itself.
    pub timestamp: Option<String>,
}

#[derive(Debug)]
struct Newest {
    head: Head,
    version: u64,
    payload: Payload,
    /// Older ones that came since.
    older: u32,
}

/// What a client has been sent.
#[derive(Clone, Debug)]
pub struct Cursor {
    version: u64,
    /// Updates up to this one were replaced before the client came, so they were not missed.
    connected_at: u64,
    alert: u64,
}

/// The next thing to send to a client.
#[derive(Clone, Debug)]
pub enum Item {
    /// An update, and how many before it were replaced before they could be sent.
    Update {
        /// The object.
        payload: Payload,
        /// Updates of any type that the client will never see.
        replaced: u64,
        /// Its version.
        version: u64,
    },
    /// An alert, and how many before it fell out of the window.
    Alert {
        /// The object and its trace.
        alert: Alert,
        /// Alerts that the client will never see.
        missed: u64,
        /// Its number.
        number: u64,
    },
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the newest of its type now.
    New,
    /// A newer one was there already.
    Older,
    /// There are too many types.
    UnknownType,
}

impl Default for Feed {
    fn default() -> Self {
        Self { state: Arc::default(), changed: watch::Sender::new(()) }
    }
}

impl Feed {
    /// Takes an update, unless its sequence says that a newer one of its type came before.
    pub fn update(&self, head: Head, payload: Payload) -> Taken {
        let taken = self.lock().update(head, payload);
        if taken == Taken::New {
            self.changed.send_replace(());
        }
        taken
    }

    /// The heads of the newest updates, one of each type.
    pub fn newest(&self) -> Vec<Head> {
        self.lock().updates.iter().map(|newest| newest.head.clone()).collect()
    }

    /// Takes an alert. One that is not `live` (it was in the topic before we were) is only listed.
    pub fn alert(&self, position: Position, alert: Alert, live: bool) {
        self.lock().alert(position, alert, live);
        if live {
            self.changed.send_replace(());
        }
    }

    /// From now on the list of latest alerts is complete.
    pub fn alerts_loaded(&self) {
        self.lock().alerts_loaded = true;
    }

    /// The latest alerts, newest first; `None` until they were read once.
    pub fn latest_alerts(&self) -> Option<Vec<Payload>> {
        let state = self.lock();
        state.alerts_loaded.then(|| state.latest.values().rev().cloned().collect())
    }

    /// Told whenever there is something new.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// For a client that comes now: it gets the newest update of each type, and alerts from now on.
    pub fn cursor(&self) -> Cursor {
        let state = self.lock();
        Cursor { version: 0, connected_at: state.version, alert: state.alerts }
    }

    /// What to send next to the client at `cursor`; updates first, `alerts` only when asked for.
    pub fn next(&self, cursor: &Cursor, alerts: bool) -> Option<Item> {
        let state = self.lock();
        state.next_update(cursor).or_else(|| state.next_alert(cursor).filter(|_| alerts))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn update(&mut self, head: Head, payload: Payload) -> Taken {
        let version = self.version + 1;
        let room = self.updates.len() < TYPES;
        match self.updates.iter_mut().find(|newest| newest.head.kind == head.kind) {
            Some(newest) => {
                if newest.outranks(head.sequence) {
                    return Taken::Older;
                }
                *newest = Newest { head, version, payload, older: 0 };
            }
            None if room => self.updates.push(Newest { head, version, payload, older: 0 }),
            None => return Taken::UnknownType,
        }
        self.version = version;
        Taken::New
    }

    fn alert(&mut self, position: Position, alert: Alert, live: bool) {
        let payload = Arc::clone(&alert.payload);
        if live {
            self.alerts += 1;
            self.window.push_back(alert);
            if self.window.len() > WINDOW {
                self.window.pop_front();
            }
        }
        self.latest.insert(position, payload);
        if self.latest.len() > LATEST_ALERTS {
            self.latest.pop_first();
        }
    }

    fn next_update(&self, cursor: &Cursor) -> Option<Item> {
        let after = cursor.version;
        let newest = self.updates.iter().filter(|u| u.version > after).min_by_key(|u| u.version)?;
        let version = newest.version;
        // whatever lies between was replaced by something later
        let replaced = (version - 1).saturating_sub(after.max(cursor.connected_at));
        Some(Item::Update { payload: Arc::clone(&newest.payload), replaced, version })
    }

    fn next_alert(&self, cursor: &Cursor) -> Option<Item> {
        let before_window = self.alerts - self.window.len() as u64;
        let from = cursor.alert.max(before_window);
        let index = usize::try_from(from - before_window).ok()?;
        let alert = self.window.get(index)?.clone();
        Some(Item::Alert { alert, missed: from - cursor.alert, number: from + 1 })
    }
}

impl Newest {
    fn outranks(&mut self, sequence: Option<u64>) -> bool {
        if sequence.is_some() && sequence == self.head.sequence {
            // sent again, as it is after a quiet time: says nothing about the numbering
            return true;
        }
        let older = sequence.is_some() && sequence <= self.head.sequence;
        self.older += u32::from(older);
        older && self.older <= OLDER_IN_A_ROW
    }
}

impl Cursor {
    /// The client was sent `item`.
    pub fn advance(&mut self, item: &Item) {
        match item {
            Item::Update { version, .. } => self.version = *version,
            Item::Alert { number, .. } => self.alert = *number,
        }
    }
}

#[cfg(test)]
impl From<Payload> for Alert {
    fn from(payload: Payload) -> Self {
        Self { payload, emission: None }
    }
}

#[cfg(test)]
impl Head {
    /// The head of an update that says nothing else.
    pub fn of(kind: &str, sequence: Option<u64>) -> Self {
        Self { kind: kind.to_owned(), sequence, timestamp: None }
    }
}

#[cfg(test)]
mod tests;
