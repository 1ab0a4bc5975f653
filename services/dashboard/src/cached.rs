//! Answers that are computed once for all who ask at about the same time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long an answer is at least handed out again: no older than what a viewer would notice.
const FRESH: Duration = Duration::from_millis(100);
/// An answer is kept this many times as long as it took, so that at most a tenth of the time goes into
/// computing it, however many ask.
const COST_FACTOR: u32 = 10;
/// An answer is never older than this.
const OLDEST: Duration = Duration::from_secs(5);

/// The last answer, an error included. Whoever asks while one is computed waits for that one.
#[derive(Debug)]
pub struct Cached<T, E> {
    last: Mutex<Option<Answer<T, E>>>,
}

#[derive(Debug)]
struct Answer<T, E> {
    result: Result<Arc<T>, E>,
    fresh_until: Instant,
}

impl<T, E> Default for Cached<T, E> {
    fn default() -> Self {
        Self { last: Mutex::new(None) }
    }
}

impl<T, E: Clone> Cached<T, E> {
    /// The last answer if it is fresh, else what `load` gives.
    ///
    /// # Errors
    /// With the error of `load`; those who waited for it get it too.
    pub async fn get(&self, load: impl Future<Output = Result<T, E>>) -> Result<Arc<T>, E> {
        let mut last = self.last.lock().await;
        if let Some(Answer { result, fresh_until }) = &*last
            && Instant::now() < *fresh_until
        {
            return result.clone();
        }
        let started = Instant::now();
        let result = load.await.map(Arc::new);
        let ended = Instant::now();
        let kept = match result {
            Ok(_) => (ended - started).saturating_mul(COST_FACTOR).clamp(FRESH, OLDEST),
            Err(_) => FRESH,
        };
        *last = Some(Answer { result: result.clone(), fresh_until: ended + kept });
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Cached<u32, &'static str>;

    #[tokio::test(start_paused = true)]
    async fn a_fresh_answer_is_handed_out_again() {
        let cached = Numbers::default();
        assert_eq!(cached.get(async { Ok(1) }).await.as_deref(), Ok(&1));
        assert_eq!(cached.get(async { Ok(2) }).await.as_deref(), Ok(&1));
        tokio::time::advance(FRESH).await;
        assert_eq!(cached.get(async { Ok(3) }).await.as_deref(), Ok(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_expensive_answer_is_kept_longer() {
        let cached = Numbers::default();
        let slow = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(1)
        };
        assert_eq!(cached.get(slow).await.as_deref(), Ok(&1));
        tokio::time::advance(Duration::from_millis(499)).await;
        assert_eq!(cached.get(async { Ok(2) }).await.as_deref(), Ok(&1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(cached.get(async { Ok(3) }).await.as_deref(), Ok(&3));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_one_failure() {
        let cached = Arc::new(Numbers::default());
        let ask = |cached: Arc<Numbers>| {
            tokio::spawn(async move {
                cached
                    .get(async {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        Err("down")
                    })
                    .await
            })
        };
        let started = Instant::now();
        let asking: Vec<_> = (0..50).map(|_| ask(Arc::clone(&cached))).collect();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), Err("down"));
        }
        assert_eq!(started.elapsed(), Duration::from_secs(3));
        tokio::time::advance(FRESH).await;
        assert_eq!(cached.get(async { Ok(1) }).await.as_deref(), Ok(&1));
    }
}
