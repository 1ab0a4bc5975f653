//! Keeps the store what it is to be: writes what changed, and everything when the fence says so.
//!
//! Sends nothing to Kafka and waits for nothing from it, so a store that is away holds nothing else up.

mod chunks;
mod pace;
mod standstill;

use std::sync::Arc;

use runtime::{Need, Shutdown};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::chunks::{chunks, in_order};
use self::pace::{FINISH, LOOK_AGAIN, LOOK_BACK, Next, backoff, until_overdue};
use self::standstill::{Standstill, patience};
use crate::desired::{Changes, Shared};
use crate::fence::{Cause, Decision, Fence, Found, Own, Phase, Token, Waiting, WriterId, decide, is_ahead};
use crate::metrics::Metrics;
use crate::store::{Batch, Outcome, Store, StoreError};

/// What the writer needs from its process.
pub(crate) struct Surroundings {
    /// What is to be written.
    pub shared: Arc<Shared>,
    /// Whether another process is the one that writes.
    pub standby: watch::Sender<bool>,
    pub need: Need,
    pub metrics: Metrics,
}

/// Writes the store.
pub(crate) struct Writer<S> {
    store: S,
    around: Surroundings,
    pipeline: String,
    families: Vec<&'static str>,
    me: WriterId,
    /// Numbers every attempt.
    batch: u64,
    /// The last token known to be written.
    last: Option<Token>,
    /// Whether the store held `last` when it was last asked.
    in_step: bool,
    /// Whether the store ever answered.
    reached: bool,
    foreign: Standstill,
    takeovers: u32,
}

impl<S: Store> Writer<S> {
    pub(crate) fn new(store: S, pipeline: &str, families: Vec<&'static str>, around: Surroundings) -> Self {
        Self {
            store,
            around,
            pipeline: pipeline.to_owned(),
            families,
            me: WriterId::random(),
            batch: 0,
            last: None,
            in_step: false,
            reached: false,
            foreign: Standstill::default(),
            takeovers: 0,
        }
    }

    /// Writes until `drained`, then what is left, and releases the fence.
    ///
    /// # Errors
    /// When the store refuses its configuration before it was ever used. Later it is waited for.
    pub(crate) async fn run(mut self, drained: &Shutdown) -> Result<(), S::Error> {
        let mut backoff = backoff();
        loop {
            let next = match until_overdue(drained, self.step()).await {
                None => return Ok(()),
                Some(Ok(next)) => {
                    self.reached = true;
                    backoff = pace::backoff();
                    next
                }
                Some(Err(error)) if error.is_refusal() && !self.reached => return Err(error),
                Some(Err(error)) => {
                    self.failed(&error);
                    Next::After(backoff.next().unwrap_or(LOOK_BACK))
                }
            };
            tokio::select! {
                () = drained.cancelled() => break,
                () = self.pause(&next) => {}
            }
        }
        if !matches!(timeout(FINISH, self.finish()).await, Ok(Ok(()))) {
            tracing::warn!("ended without a last batch; the next process writes everything");
        }
        Ok(())
    }

    async fn pause(&self, next: &Next) {
        match next {
            Next::After(time) => sleep(*time).await,
            Next::Idle => drop(timeout(LOOK_BACK, self.around.shared.changed.notified()).await),
        }
    }

    /// Writes what changed; or reads the fence and does what it asks for.
    async fn step(&mut self) -> Result<Next, S::Error> {
        if self.in_step && self.around.shared.lock().has_changes() {
            let changes = self.around.shared.lock().take_changes();
            let expected = self.last.as_ref().map(Token::to_string);
            let newest = changes.newest;
            if self.write(expected, changes, Phase::Settled).await? {
                self.around.metrics.record_batch(newest);
                return Ok(Next::Idle);
            }
        }
        let found = {
            let _timer = self.around.metrics.time_request("fence");
            self.store.fence().await?
        };
        if !self.around.shared.lock().is_complete() {
            self.around.need.met();
            return Ok(Next::Idle);
        }
        self.follow(found).await
    }

    async fn follow(&mut self, found: Option<Found>) -> Result<Next, S::Error> {
        match self.decide(found.as_ref()) {
            Decision::InStep => {
                self.in_step = true;
                self.settled();
                if self.around.shared.lock().has_changes() {
                    self.around.shared.changed.notify_one();
                }
                Ok(Next::Idle)
            }
            Decision::Rewrite(cause) => self.rewrite(found.map(|f| f.token), cause).await,
            Decision::Wait(why) => {
                self.wait(&why);
                Ok(Next::After(LOOK_AGAIN))
            }
        }
    }

    fn decide(&mut self, found: Option<&Found>) -> Decision {
        let still = self.foreign.look(found, &self.me);
        let desired = self.around.shared.lock();
        let fence = found.and_then(|f| f.fence.as_ref());
        let ahead = fence.is_some_and(|fence| is_ahead(desired.positions(), &fence.positions));
        let own = Own {
            writer: &self.me,
            pipeline: &self.pipeline,
            last: self.last.as_ref(),
            positions: desired.positions(),
            patience: patience(self.takeovers, ahead),
        };
        decide(found, &own, still)
    }

    /// Writes everything, and deletes what else there is in our families.
    async fn rewrite(&mut self, expected: Option<String>, cause: Cause) -> Result<Next, S::Error> {
        let existing = {
            let _timer = self.around.metrics.time_request("list");
            self.store.list(&self.families).await?
        };
        let changes = self.around.shared.lock().take_everything(existing);
        let (keys, deletes, newest) = (changes.sets.len(), changes.deletes.len(), changes.newest);
        if !self.write(expected, changes, Phase::Settled).await? {
            return Ok(Next::After(LOOK_AGAIN));
        }
        tracing::info!(cause = cause.label(), keys, deletes, "wrote everything");
        self.around.metrics.record_rewrite(cause, newest);
        self.takeovers += u32::from(cause == Cause::TakenOver);
        Ok(Next::Idle)
    }

    /// Writes `changes`, in several batches when they are many. `false` when somebody else wrote.
    async fn write(
        &mut self,
        mut expected: Option<String>,
        changes: Changes,
        phase: Phase,
    ) -> Result<bool, S::Error> {
        let changes = in_order(changes);
        let mut chunks = chunks(&changes).into_iter().peekable();
        while let Some((sets, deletes)) = chunks.next() {
            self.batch += 1;
            let phase = if chunks.peek().is_some() { Phase::Rewriting } else { phase };
            let token = Token { writer: self.me.clone(), batch: self.batch, phase };
            let (pipeline, positions) = (self.pipeline.clone(), changes.positions.clone());
            let fence = Fence { pipeline, token: token.clone(), positions };
            let batch = Batch { expected, fence, sets: sets.to_vec(), deletes: deletes.to_vec() };
            let written = {
                let _timer = self.around.metrics.time_request("write");
                self.store.write(&batch).await
            };
            if !matches!(written, Ok(Outcome::Written)) {
                self.in_step = false;
                drop(chunks);
                self.around.shared.lock().put_back(changes);
                return written.map(|_| false);
            }
            self.around.metrics.record_written(&batch.sets, &batch.deletes);
            expected = Some(token.to_string());
            self.last = Some(token);
        }
        self.in_step = true;
        self.settled();
        Ok(true)
    }

    /// The last batch, and the word that none will follow.
    async fn finish(&mut self) -> Result<(), S::Error> {
        if !self.in_step {
            return Ok(());
        }
        self.step().await?;
        if self.in_step {
            let expected = self.last.as_ref().map(Token::to_string);
            let nothing = self.around.shared.lock().take_changes();
            self.write(expected, nothing, Phase::Released).await?;
        }
        Ok(())
    }

    fn settled(&self) {
        self.around.need.met();
        self.stand_by(false);
        self.around.metrics.record_keys(self.around.shared.lock().len());
    }

    fn wait(&mut self, why: &Waiting) {
        self.in_step = false;
        match why {
            Waiting::OtherWriter => self.around.need.met(),
            Waiting::Behind(partition) => self.around.need.missing(format!(
                "what is written there has read more of state partition {partition} than this process finds: \
                 was a state topic deleted? delete the key millrace:fence there to write anyway"
            )),
            Waiting::OtherPipeline(pipeline) => self.around.need.missing(format!(
                "the keys there are those of pipeline {pipeline}: choose another --key-prefix / \
                 REDIS_KEY_PREFIX, or delete the key millrace:fence there"
            )),
        }
        // only somebody seen alive is left to speak for the pipeline
        let other_pipeline = matches!(why, Waiting::OtherPipeline(_));
        self.stand_by(self.foreign.moved && !other_pipeline);
    }

    fn stand_by(&self, standby: bool) {
        let changed = self.around.standby.send_if_modified(|now| std::mem::replace(now, standby) != standby);
        if changed {
            tracing::info!(standby, "another process writes the store, or does not any more");
            self.around.metrics.record_standby(standby);
        }
    }

    fn failed(&mut self, error: &S::Error) {
        self.in_step = false;
        self.around.metrics.record_store_failure();
        self.around.need.missing(error.to_string());
    }
}

#[cfg(test)]
mod tests;
