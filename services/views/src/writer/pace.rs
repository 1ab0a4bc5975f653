//! When the writer works, and when it rests.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use runtime::Shutdown;
use tokio::time::sleep;

/// How often the fence is read back when there is nothing to write.
pub(super) const LOOK_BACK: Duration = Duration::from_secs(1);
/// How often it is read while another writer is waited for.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long the last batch may take when the process ends.
pub(super) const FINISH: Duration = Duration::from_secs(3);

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// Wait for something to write, but not for longer than the look back.
    Idle,
    /// Nothing can be written now.
    After(Duration),
}

/// Pauses between attempts that fail.
pub(super) fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(2))
        .without_max_times()
        .with_jitter()
        .build()
}

/// The result of `work`, unless that is not there [`FINISH`] after `drained`.
pub(super) async fn until_overdue<T>(drained: &Shutdown, work: impl Future<Output = T>) -> Option<T> {
    let overdue = async {
        drained.cancelled().await;
        sleep(FINISH).await;
    };
    tokio::select! {
        biased;
        result = work => Some(result),
        () = overdue => None,
    }
}
