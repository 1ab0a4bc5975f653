//! Work with Kafka, which blocks: on threads of its own, few at a time, and never so that a cluster that does not
//! answer keeps the pipelines of others waiting.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Pipelines whose cluster answered the last time, at once. Each has clients with a few threads and buffers.
const HEALTHY: usize = 4;
/// Pipelines whose cluster did not: they wait for each other.
const SUSPECT: usize = 2;
/// The longest that a reconcile waits for its work: a look, some changes of up to 15 s each, and the settings.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a cluster was the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// It answered, or was never asked.
    Healthy,
    /// It did not answer.
    Suspect,
}

/// Where work waits for its turn.
#[derive(Debug)]
pub(crate) struct Lanes {
    healthy: Arc<Semaphore>,
    suspect: Arc<Semaphore>,
}

/// The work did not come to its end in time. It may still go on; nothing else starts in its place meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Kafka did not answer within {} s", PATIENCE.as_secs())]
pub(crate) struct Late;

impl Default for Lanes {
    fn default() -> Self {
        Self { healthy: Arc::new(Semaphore::new(HEALTHY)), suspect: Arc::new(Semaphore::new(SUSPECT)) }
    }
}

impl Lanes {
    /// Runs `work`, which blocks.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Late> {
        let turns = match lane {
            Lane::Healthy => &self.healthy,
            Lane::Suspect => &self.suspect,
        };
        let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| Late)?;
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        match tokio::time::timeout(PATIENCE, running).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
            Err(_) => Err(Late),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn clusters_that_do_not_answer_never_hold_up_the_others() {
        let lanes = Arc::new(Lanes::default());
        let (release, held) = mpsc::channel::<()>();
        let held = Arc::new(std::sync::Mutex::new(held));
        let stuck: Vec<_> = (0..SUSPECT * 3)
            .map(|_| {
                let (lanes, held) = (Arc::clone(&lanes), Arc::clone(&held));
                tokio::spawn(async move {
                    lanes.run(Lane::Suspect, move || held.lock().unwrap().recv().is_err()).await
                })
            })
            .collect();
        assert_eq!(lanes.run(Lane::Healthy, || 7).await, Ok(7));
        drop(release);
        for work in stuck {
            assert_eq!(work.await.unwrap(), Ok(true));
        }
    }
}
