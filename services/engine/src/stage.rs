//! The loop of a stage: rebalances, settings, a batch, a commit when due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{Settings, Topics};
use rdkafka::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use runtime::Shutdown;
use runtime::config::KafkaArgs;
use runtime::health::Need;
use runtime::settings::Directory;
use tokio::sync::watch;

use crate::StageError;
use crate::changelog::Changelog;
use crate::error::Interrupt;
use crate::fold::{Fold, Partitions};
use crate::input::Input;
use crate::metrics::Metrics;
use crate::partition::{Extent, Partition};
use crate::producer::{BATCH_SIZE, Producer};
use crate::report::Reporter;
use crate::restore::Restorer;

/// The longest wait for input: bounds how late a rebalance, new settings or a shutdown is noticed.
const WAIT: Duration = Duration::from_millis(100);
/// Alerts of a stage that has caught up are committed early, but commits are this far apart.
const EARLY: Duration = Duration::from_millis(5);
/// Waits between attempts to restore, doubled up to the maximum while they fail.
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Batches and dead letters are not made smaller than this many bytes for a topic that refuses them.
const SMALLEST: usize = 2048;

/// What does not change while a stage runs.
pub(crate) struct Identity {
    pub topics: Topics,
    pub stage: String,
    pub group: String,
    pub instance: String,
    /// The transactional id; also the owner in progress records.
    pub owner: String,
    /// `--commit-interval`; wins over the settings.
    pub commit_interval: Option<Duration>,
}

/// A running stage. One thread owns it.
pub(crate) struct Stage {
    pub identity: Identity,
    pub kafka: KafkaArgs,
    pub producer_config: ClientConfig,
    /// Partitions that the state topic has at least.
    pub state_partitions: i32,
    pub input: Input,
    pub restorer: Restorer,
    pub settings: watch::Receiver<Arc<Directory>>,
    pub metrics: Metrics,
    pub reporter: Reporter,
    pub need: Need,
    pub shutdown: Shutdown,
    pub fold: Fold,
    pub changelog: Changelog,
    /// What the group gave us; `None` between a revocation and the next assignment.
    pub assigned: Option<Vec<i32>>,
    pub membership: Option<ConsumerGroupMetadata>,
    /// Restored and being read; empty until then.
    pub partitions: Partitions,
    pub producer: Option<Producer>,
    pub committed_at: Instant,
    /// The last batch was not a full one: we read as fast as orders come.
    pub caught_up: bool,
    pub failures: u32,
    /// The partition and offset that the group had committed beyond the state that was read last.
    pub ahead: Option<(i32, i64)>,
    /// When the group last gave our place to another member.
    pub fenced_at: Option<Instant>,
    /// The producer's bound of a batch, in bytes.
    pub batch_limit: usize,
    /// A dead letter larger than this cannot be sent to its topic.
    pub dead_letter_limit: usize,
}

impl Stage {
    /// Runs until the process shuts down or nothing helps.
    pub(crate) fn run(mut self) -> Result<(), StageError> {
        loop {
            match self.work() {
                Ok(()) | Err(Interrupt::Rebalance) => {}
                Err(Interrupt::Doubt { doing, source }) => self.give_up(doing, &source),
                Err(Interrupt::TooLarge { topic, source }) => {
                    self.send_less(&topic);
                    self.give_up("delivering a record", &source);
                }
                Err(Interrupt::Shutdown) => {
                    self.drain();
                    return Ok(());
                }
                Err(Interrupt::Fatal(error)) => {
                    self.need.missing(error.to_string());
                    self.input.close();
                    return Err(error);
                }
            }
        }
    }

    /// One turn of the loop.
    fn work(&mut self) -> Result<(), Interrupt> {
        if self.shutdown.is_cancelled() {
            return Err(Interrupt::Shutdown);
        }
        let idle = if self.assigned.is_none() { WAIT } else { Duration::ZERO };
        if let Some(event) = self.input.group_event(idle) {
            return self.handle(event);
        }
        if self.assigned.is_none() {
            return Ok(());
        }
        if self.partitions.is_empty() && !self.restore_assigned()? {
            return Ok(());
        }
        self.apply_settings()?;
        self.read()?;
        self.commit_if_due()?;
        self.reporter.report(&self.input, &self.partitions, &self.metrics);
        Ok(())
    }

    fn read(&mut self) -> Result<(), Interrupt> {
        let wait = self.wait();
        let batch = self.input.drain(wait);
        if batch.len() == 0 {
            drop(batch);
            self.caught_up = true;
            if self.partitions.iter().all(|p| p.position == p.committed) {
                self.note_working();
            }
            return Ok(());
        }
        let started = Instant::now();
        self.caught_up = !batch.is_full();
        let folded = self.fold.batch(&batch, &mut self.partitions, &self.metrics);
        drop(batch);
        if !self.fold.outputs.is_empty() {
            crate::faults::pass(crate::faults::Point::Folded);
        }
        let time = started.elapsed();
        self.metrics.record_folding(time.as_secs_f64());
        self.reporter.note_folding(time);
        folded
    }

    /// How long to wait for input: until something of our own is due.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        let commit = self.commit_due_at();
        let due = if self.partitions.iter().any(|p| p.position != p.committed) {
            commit
        } else {
            let checkpoint = self.partitions.iter().filter_map(Partition::next_checkpoint).min();
            checkpoint.map_or(now + WAIT, |checkpoint| checkpoint.max(commit))
        };
        due.saturating_duration_since(now).clamp(Duration::from_millis(1), WAIT)
    }

    fn commit_due_at(&self) -> Instant {
        let early = self.caught_up && !self.fold.outputs.is_empty();
        self.committed_at + if early { EARLY } else { self.commit_interval() }
    }

    fn commit_interval(&self) -> Duration {
        let live = || Duration::from_millis(self.settings.borrow().settings.commit_interval_ms);
        self.identity.commit_interval.unwrap_or_else(live)
    }

    fn commit_if_due(&mut self) -> Result<(), Interrupt> {
        let now = Instant::now();
        if !self.fold.is_full() && now < self.commit_due_at() {
            return Ok(());
        }
        if self.partitions.iter().any(|p| p.is_due(Extent::Due)) {
            self.commit(Extent::Due)?;
        }
        Ok(())
    }

    /// A new generation is applied between two commits, through a transaction that also checkpoints everything:
    /// orders before it are never folded again with the new settings.
    fn apply_settings(&mut self) -> Result<(), Interrupt> {
        // A partition may come from a replica that has seen newer settings than we have: never go back.
        let older =
            |newest: &Settings| self.partitions.iter().any(|p| p.settings.generation < newest.generation);
        let newest = {
            let directory = self.settings.borrow();
            if !older(&directory.settings) {
                return Ok(());
            }
            directory.settings.clone()
        };
        let mut changed = Vec::new();
        for partition in self.partitions.iter_mut().filter(|p| p.settings.generation < newest.generation) {
            partition.settings = newest.clone();
            partition.settings_due = true;
            changed.push(partition.id);
        }
        self.commit(Extent::Everything)?;
        for partition in self.partitions.iter_mut().filter(|p| changed.contains(&p.id)) {
            partition.configure(&newest);
        }
        tracing::info!(generation = newest.generation, "settings applied");
        self.metrics.record_settings(newest.generation);
        Ok(())
    }

    /// Rule 5: a failed or doubtful call leaves nothing to trust; the next turn restores from Kafka.
    fn give_up(&mut self, doing: &'static str, error: &rdkafka::error::KafkaError) {
        tracing::warn!(doing, %error, "giving up producer and state; restoring from kafka");
        self.need.missing(format!("{doing} failed: {error}; trying again"));
        self.metrics.record_given_up(doing);
        self.forget();
        self.producer = None;
        self.input.unassign();
        let backoff = BACKOFF.saturating_mul(1 << self.failures.min(10)).min(BACKOFF_MAX);
        self.failures += 1;
        let until = Instant::now() + backoff;
        while Instant::now() < until && !self.shutdown.is_cancelled() && !self.input.has_group_event() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// After a topic refused a batch: smaller batches first, then shorter dead letters.
    fn send_less(&mut self, topic: &str) {
        self.batch_limit = (self.batch_limit / 4).max(SMALLEST);
        self.producer_config.set(BATCH_SIZE, self.batch_limit.to_string());
        if topic == self.identity.topics.dead_letters {
            self.dead_letter_limit = (self.dead_letter_limit / 4).max(SMALLEST);
        }
        tracing::warn!(
            topic,
            batch_bytes = self.batch_limit,
            dead_letter_bytes = self.dead_letter_limit,
            "the topic's max.message.bytes is small; sending less at a time"
        );
    }

    /// The stage does what it is for: called after a commit of orders, and when there is nothing to read.
    pub(crate) fn note_working(&mut self) {
        self.failures = 0;
        self.need.met();
    }

    /// Drops state and waiting outputs.
    pub(crate) fn forget(&mut self) {
        self.partitions.clear();
        self.fold.clear();
        self.metrics.reset_lag();
        self.reporter.forget();
    }

    fn drain(mut self) {
        tracing::info!("draining");
        if !self.partitions.is_empty()
            && let Err(error) = self.commit(Extent::Everything)
        {
            tracing::warn!(%error, "last commit failed; the next start restores");
        }
        self.input.leave();
        crate::input::drop_within(Duration::from_secs(2), "clients", (self.producer.take(), self.restorer));
        tracing::info!("drained");
    }
}
