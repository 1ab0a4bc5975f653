//! Which state topics are read: those of the stages that have claimed processors with a view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contract::{ProcessorName, Topics};
use runtime::Shutdown;
use runtime::settings::Directory;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::DropGuard;

use crate::projection::TailId;
use crate::tail::{self, TailContext, TailError, TailTask};

/// Beyond this a tail is left behind; a consumer whose brokers are away may block for long.
const STOP_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Stages, and which of their processors are read.
type Wanted = BTreeMap<String, BTreeSet<ProcessorName>>;

/// Starts and stops tails as claims come and go.
pub(crate) struct Stages {
    context: TailContext,
    topics: Topics,
    directory: watch::Receiver<Arc<Directory>>,
    /// Processors with a view.
    viewed: BTreeSet<ProcessorName>,
    running: BTreeMap<String, Running>,
    runs: u64,
    failed: (mpsc::UnboundedSender<TailError>, mpsc::UnboundedReceiver<TailError>),
}

struct Running {
    processors: BTreeSet<ProcessorName>,
    /// Stops the tail when dropped.
    _stop: DropGuard,
    ended: oneshot::Receiver<()>,
}

impl Stages {
    pub(crate) fn new(
        context: TailContext,
        topics: Topics,
        directory: watch::Receiver<Arc<Directory>>,
    ) -> Self {
        let viewed = context.hub.lock().processors().collect();
        let failed = mpsc::unbounded_channel();
        Self { context, topics, directory, viewed, running: BTreeMap::new(), runs: 0, failed }
    }

    /// Follows the claims until `shutdown`.
    ///
    /// # Errors
    /// The first error of a tail.
    pub(crate) async fn run(mut self, shutdown: &Shutdown) -> Result<(), TailError> {
        let mut settings_gone = false;
        loop {
            let directory = Arc::clone(&self.directory.borrow_and_update());
            if directory.loaded {
                if self.running.is_empty() {
                    // whoever has read the settings has reached the brokers; tails say more
                    self.context.need.met();
                }
                self.follow(&wanted(&directory, &self.viewed));
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = self.directory.changed(), if !settings_gone => settings_gone = changed.is_err(),
                Some(error) = self.failed.1.recv() => return Err(error),
            }
        }
        self.stop().await;
        Ok(())
    }

    fn follow(&mut self, wanted: &Wanted) {
        let context = &self.context;
        self.running.retain(|stage, running| {
            let keep = wanted.get(stage) == Some(&running.processors);
            if !keep {
                tracing::info!(stage, "not reading this stage as before any more");
                context.hub.lock().end(stage);
                context.hub.changed.notify_one();
            }
            keep
        });
        for (stage, processors) in wanted {
            if !self.running.contains_key(stage) {
                self.start(stage, processors);
            }
        }
    }

    fn start(&mut self, stage: &str, processors: &BTreeSet<ProcessorName>) {
        self.runs += 1;
        let id = TailId { stage: stage.to_owned(), run: self.runs };
        let task = TailTask { id, topic: self.topics.state(stage), processors: processors.clone() };
        // counted as not read from now on, not only when the thread runs
        self.context.hub.lock().begin(&task.id);
        let (context, failed, stop) = (self.context.clone(), self.failed.0.clone(), Shutdown::new());
        let (told, (end, ended)) = (stop.clone(), oneshot::channel());
        std::thread::spawn(move || {
            if let Err(error) = tail::follow(&task, &context, &told) {
                // nobody listens only when the process ends anyway
                let _ = failed.send(error);
            }
            drop(end);
        });
        let running = Running { processors: processors.clone(), _stop: stop.drop_guard(), ended };
        self.running.insert(stage.to_owned(), running);
    }

    async fn stop(self) {
        let ended: Vec<_> = self.running.into_values().map(|running| running.ended).collect();
        for end in ended {
            let _ = timeout(STOP_TIMEOUT, end).await;
        }
    }
}

fn wanted(directory: &Directory, viewed: &BTreeSet<ProcessorName>) -> Wanted {
    let mut wanted = Wanted::new();
    for (processor, claim) in &directory.claims {
        if viewed.contains(processor) {
            wanted.entry(claim.stage.clone()).or_default().insert(*processor);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use contract::settings::Claim;

    use super::*;

    #[test]
    fn only_stages_of_processors_with_a_view_are_read() {
        let claim = |stage: &str| Claim::from_json(format!(r#"{{"stage":"{stage}"}}"#).as_bytes()).unwrap();
        let claims = [
            (ProcessorName::Revenue, claim("revenue-fraud")),
            (ProcessorName::Fraud, claim("revenue-fraud")),
            (ProcessorName::Trend, claim("trend")),
        ];
        let directory = Directory { claims: claims.into(), ..Directory::default() };
        let viewed = [ProcessorName::Revenue].into();
        let expected = [("revenue-fraud".to_owned(), [ProcessorName::Revenue].into())];
        assert_eq!(wanted(&directory, &viewed), expected.into());
    }
}
