//! What the operator remembers of a pipeline between two looks at it. All of it can be found out again: a new leader
//! begins without.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After the first failure.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// However often it failed.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// By the uid of the resource.
pub(crate) struct Memories<T> {
    by_uid: Mutex<HashMap<String, T>>,
}

impl<T> Default for Memories<T> {
    fn default() -> Self {
        Self { by_uid: Mutex::default() }
    }
}

impl<T: Default> Memories<T> {
    /// Changes what is remembered of a pipeline. `change` must not block.
    pub(crate) fn with<R>(&self, uid: &str, change: impl FnOnce(&mut T) -> R) -> R {
        change(self.lock().entry(uid.to_owned()).or_default())
    }

    /// Forgets pipelines that are gone.
    pub(crate) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.lock().retain(|uid, _| is_there(uid));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, T>> {
        self.by_uid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often something failed in a row, and when it is to be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    count: u32,
    last: Option<Instant>,
}

impl Failures {
    /// It failed once more. Returns the pause: twice as long each time, from 1 s to 5 min.
    pub(crate) fn again(&mut self, now: Instant) -> Duration {
        self.count = self.count.saturating_add(1);
        self.last = Some(now);
        self.pause()
    }

    /// Whether it failed the last time.
    pub(crate) fn any(self) -> bool {
        self.count > 0
    }

    /// How long it is to be left alone from now on.
    pub(crate) fn left(self, now: Instant) -> Duration {
        let since = self.last.map_or(LONGEST_PAUSE, |last| now.saturating_duration_since(last));
        if self.any() { self.pause().saturating_sub(since) } else { Duration::ZERO }
    }

    fn pause(self) -> Duration {
        let doublings = self.count.saturating_sub(1).min(16);
        SHORTEST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let mut failures = Failures::default();
        let pauses: Vec<_> = (0..12).map(|_| failures.again(Instant::now()).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    }

    #[test]
    fn a_failure_is_left_alone_for_its_pause() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        assert_eq!(failures.left(now), Duration::ZERO);
        failures.again(now);
        failures.again(now);
        assert_eq!(failures.left(now), Duration::from_secs(2));
        assert_eq!(failures.left(now + Duration::from_millis(1_500)), Duration::from_millis(500));
        assert_eq!(failures.left(now + Duration::from_secs(9)), Duration::ZERO);
    }
}
