//! Which connections wait for their client, and since when.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The connections that wait for a request, the one that has waited longest first. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    line: Arc<Mutex<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, CancellationToken>,
}

/// A connection; it waits while it is not [`busy`](Place::busy).
#[derive(Debug)]
pub struct Place {
    waiting: Waiting,
    end: CancellationToken,
    /// Its number in the line; numbers begin with 1, and 0 is none.
    number: Arc<AtomicU64>,
}

/// A request is answered while this is held.
#[derive(Debug)]
pub struct Busy {
    waiting: Waiting,
    end: CancellationToken,
    number: Arc<AtomicU64>,
}

impl Waiting {
    /// A connection that waits for its first request.
    pub fn begin(&self) -> Place {
        let place = Place { waiting: self.clone(), end: CancellationToken::new(), number: Arc::default() };
        self.queue(&place.end, &place.number);
        place
    }

    /// Ends the connection that has waited longest; `false` when none waits.
    pub fn end_oldest(&self) -> bool {
        self.lock().waiting.pop_first().map(|(_, end)| end.cancel()).is_some()
    }

    fn queue(&self, end: &CancellationToken, number: &AtomicU64) {
        let mut line = self.lock();
        line.next += 1;
        let at = line.next;
        line.waiting.insert(at, end.clone());
        number.store(at, Ordering::Relaxed);
    }

    fn leave(&self, number: &AtomicU64) {
        self.lock().waiting.remove(&number.load(Ordering::Relaxed));
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The connection does not wait while the result is held; afterwards it waits anew.
    pub fn busy(&self) -> Busy {
        self.waiting.leave(&self.number);
        Busy { waiting: self.waiting.clone(), end: self.end.clone(), number: Arc::clone(&self.number) }
    }

    /// Cancelled when the place is given to another.
    pub fn ended(&self) -> CancellationToken {
        self.end.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.leave(&self.number);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.waiting.queue(&self.end, &self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_waited_longest_is_ended_first() {
        let waiting = Waiting::default();
        let (first, second, third) = (waiting.begin(), waiting.begin(), waiting.begin());
        drop(first.busy()); // asked once, so it waits from now on
        let busy = third.busy();
        assert!(waiting.end_oldest());
        assert!(second.ended().is_cancelled() && !first.ended().is_cancelled());
        assert!(waiting.end_oldest());
        assert!(first.ended().is_cancelled());
        assert!(!waiting.end_oldest(), "a busy one is left alone");
        drop(busy);
        assert!(waiting.end_oldest() && third.ended().is_cancelled());
        drop(waiting.begin());
        assert!(!waiting.end_oldest(), "one that is gone waits for nothing");
    }
}
