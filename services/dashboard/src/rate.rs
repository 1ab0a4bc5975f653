//! A limit on how often something is done.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many in a second, at most one second's worth at once. Clones share it.
#[derive(Clone, Debug)]
pub struct Rate {
    next: Arc<Mutex<Instant>>,
    pace: Duration,
}

impl Rate {
    /// With everything to spare.
    pub fn per_second(most: u32) -> Self {
        Self { next: Arc::new(Mutex::new(Instant::now())), pace: Duration::from_secs(1) / most.max(1) }
    }

    /// Whether one more may be done now; if so it counts.
    pub fn admit(&self) -> bool {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = (*next).max(now) + self.pace;
        if slot > now + Duration::from_secs(1) {
            return false;
        }
        *next = slot;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn as_many_are_admitted_as_the_rate_says() {
        let rate = Rate::per_second(200);
        let admitted = |rate: &Rate| (0..1_000).filter(|_| rate.admit()).count();
        assert_eq!(admitted(&rate), 200);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(admitted(&rate), 20);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(admitted(&rate), 200);
    }
}
