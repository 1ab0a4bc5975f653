//! Decides when something is shown: soon after it changed, but once an interval at most.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::Timestamp;
use runtime::settings::Directory;
use runtime::{Need, Shutdown};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::desired::Shared;
use crate::hub::Hub;
use crate::projection::Unready;
use crate::updates::Outbox;

/// Moves what the views want to show to the store's writer and to the outbox of updates.
pub(crate) struct Publisher {
    pub hub: Arc<Hub>,
    pub shared: Arc<Shared>,
    pub outbox: Arc<Outbox>,
    pub directory: watch::Receiver<Arc<Directory>>,
    /// Overrides the live settings.
    pub interval: Option<Duration>,
    /// The state topics, as a need of the process.
    pub need: Need,
    /// The settings topic, for the message that nothing is claimed.
    pub settings_topic: String,
}

impl Publisher {
    /// Publishes until `shutdown`, then once more, then cancels `drained`.
    pub(crate) async fn run(mut self, shutdown: &Shutdown, drained: &Shutdown) {
        let mut settings_gone = false;
        while !shutdown.is_cancelled() {
            self.publish();
            let not_before = Instant::now() + self.interval();
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.hub.changed.notified() => {}
                changed = self.directory.changed(), if !settings_gone => settings_gone = changed.is_err(),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sleep_until(not_before) => {}
            }
        }
        self.publish();
        drained.cancel();
    }

    fn interval(&self) -> Duration {
        let settings = || Duration::from_millis(self.directory.borrow().settings.view_interval_ms);
        self.interval.unwrap_or_else(settings)
    }

    fn publish(&mut self) {
        let directory = Arc::clone(&self.directory.borrow_and_update());
        let mut projection = self.hub.lock();
        let unready = projection.unready();
        let snapshot = projection.publish(&directory.settings, now());
        drop(projection);
        self.report(unready);
        let Some(mut snapshot) = snapshot else { return };
        self.outbox.put(std::mem::take(&mut snapshot.publication.updates));
        let mut desired = self.shared.lock();
        let first = !desired.is_complete();
        desired.absorb(snapshot);
        if first || desired.has_changes() {
            self.shared.changed.notify_one();
        }
    }

    fn report(&self, unready: Option<Unready>) {
        match unready {
            None => self.need.met(),
            Some(Unready::Gap) => {}
            Some(Unready::NoStage) => self.need.missing(format!(
                "no stage of a processor with a view is claimed in topic {}: start one with \
                 `millrace process` and the same --pipeline",
                self.settings_topic
            )),
            Some(Unready::NoTopic(stage)) => {
                self.need.missing(format!("the state topic of stage {stage} has not been found yet"));
            }
            Some(Unready::CatchingUp { stage, missing, of }) => self
                .need
                .missing(format!("reading the state of stage {stage}: {missing} of {of} partitions to go")),
        }
    }
}

/// The time, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
