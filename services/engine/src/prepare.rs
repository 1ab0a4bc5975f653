//! From configuration to a running stage: topics, claims, clients, thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::settings::{Claim, SETTINGS_KEY};
use contract::topics::stage_name;
use contract::{ProcessorKind, Topics};
use runtime::config::KafkaArgs;
use runtime::topics::{SETTINGS_CONFIG, STATE_CONFIG, ensure_internal};
use runtime::{Need, Process, kafka};

use crate::changelog::Changelog;
use crate::claims::{ClaimError, Claimant, Start};
use crate::cleanup;
use crate::config::{StageConfig, StartAt};
use crate::error::{Interrupt, StageError};
use crate::fold::{Fold, Partitions};
use crate::input::{Input, consumer_config};
use crate::metrics::Metrics;
use crate::producer::{LARGEST_BATCH, transactional};
use crate::report::Reporter;
use crate::restore::Restorer;
use crate::settle::StateTopic;
use crate::stage::{Identity, Stage};
use crate::state::ADMIN;
use crate::traces::Traces;

/// Dead letters are cut to this many bytes, and to less if their topic takes less.
const DEAD_LETTER_LIMIT: usize = 512 * 1024;
/// Between two attempts to prepare topics and claims.
const RETRY: Duration = Duration::from_millis(500);

/// Runs a stage until the process shuts down; then drains it and leaves the group.
///
/// # Errors
/// When the configuration is wrong, the processors are claimed by another stage, the input lost data, or this
/// instance was replaced by another process. Everything that may pass by itself is waited for; the process'
/// health says what.
pub async fn run(config: StageConfig, process: Process) -> Result<(), StageError> {
    let Topics { orders, alerts, dead_letters, .. } = &config.topics;
    // Before anything is waited for, so that the process is not called ready between two waits.
    let need = process.health.need("stage");
    let waits = async {
        let partitions = wait(&config, &process, orders, "--orders-topic / ORDERS_TOPIC").await?;
        wait(&config, &process, alerts, "--alerts-topic / ALERTS_TOPIC").await?;
        wait(&config, &process, dead_letters, "--dead-letter-topic / DEAD_LETTER_TOPIC").await?;
        Ok(partitions)
    };
    let partitions = match waits.await {
        Ok(partitions) => partitions,
        Err(kafka::WaitError::Stopped) => return Ok(()),
        Err(kafka::WaitError::Client(error)) => return Err(StageError::Client(error)),
    };
    let (done, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("stage".to_owned())
        .spawn(move || {
            let _ = done.send(run_here(&config, &process, partitions, need));
        })
        .map_err(StageError::Thread)?;
    result.await.unwrap_or(Err(StageError::Panicked))
}

async fn wait(
    config: &StageConfig,
    process: &Process,
    topic: &str,
    option: &'static str,
) -> Result<i32, kafka::WaitError> {
    let need = process.health.need(format!("topic {topic}"));
    kafka::wait_for_topic(&config.kafka, topic, option, &need, &process.shutdown).await
}

fn run_here(config: &StageConfig, process: &Process, partitions: i32, need: Need) -> Result<(), StageError> {
    let preparation = Preparation::new(config, process, partitions)?;
    match preparation.prepare(need) {
        Ok(stage) => stage.run(),
        Err(Interrupt::Fatal(error)) => Err(error),
        Err(_) => Ok(()),
    }
}

struct Preparation<'a> {
    config: &'a StageConfig,
    process: &'a Process,
    partitions: i32,
    identity: Identity,
    processors: Vec<Arc<dyn ProcessorKind>>,
}

impl<'a> Preparation<'a> {
    fn new(config: &'a StageConfig, process: &'a Process, partitions: i32) -> Result<Self, StageError> {
        let mut processors = config.processors.clone();
        processors.sort_by_key(|kind| kind.name());
        let names: Vec<_> = processors.iter().map(|kind| kind.name()).collect();
        let stage = stage_name(&names);
        let instance = match &config.args.instance {
            Some(instance) => instance.clone(),
            None => hostname::get()
                .ok()
                .and_then(|name| name.into_string().ok())
                .ok_or_else(|| StageError::Topic("the host has no name: set --instance".to_owned()))?,
        };
        if instance == ADMIN {
            let problem = format!(
                "instance {ADMIN:?} is what `millrace state` calls itself: choose another --instance"
            );
            return Err(StageError::Topic(problem));
        }
        let topics = config.topics.clone();
        let identity = Identity {
            group: topics.group(&stage),
            owner: topics.transactional_id(&stage, &instance),
            commit_interval: config.args.commit_interval,
            topics,
            stage,
            instance,
        };
        Ok(Self { config, process, partitions, identity, processors })
    }

    fn prepare(self, need: Need) -> Result<Stage, Interrupt> {
        self.retry(&need, "preparing topics", || self.ensure_topics())?;
        self.await_settings(&need)?;
        let Identity { topics, stage, group, instance, owner, .. } = &self.identity;
        let state = StateTopic::new(&self.client(), topics.state(stage), group, owner)?;
        let claim = self.retry(&need, "claiming processors", || self.claim(&state))?;
        let metrics = Metrics::register(&self.process.registry, stage)
            .map_err(|error| StageError::Metrics(error.to_string()))?;
        let input = Input::start(consumer_config(self.client(), group, instance), &topics.orders)?;
        need.missing(waiting_for_partitions(topics));
        let tracer = self.process.tracer.clone();
        Ok(Stage {
            kafka: self.config.kafka.clone(),
            producer_config: self.producer_config(),
            state_partitions: self.partitions,
            input,
            restorer: self.restorer(state, Start(claim.start)),
            settings: self.config.settings.clone(),
            metrics,
            reporter: Reporter::new(self.process.status.clone(), stage, instance),
            need,
            shutdown: self.process.shutdown.clone(),
            fold: Fold::new(claim.dead_letters, tracer.map(|tracer| Traces::new(tracer, &self.identity))),
            changelog: Changelog::default(),
            assigned: None,
            membership: None,
            partitions: Partitions::default(),
            producer: None,
            committed_at: Instant::now(),
            caught_up: true,
            failures: 0,
            ahead: None,
            fenced_at: None,
            batch_limit: LARGEST_BATCH,
            dead_letter_limit: DEAD_LETTER_LIMIT,
            identity: self.identity,
        })
    }

    fn restorer(&self, state: StateTopic, start: Start) -> Restorer {
        Restorer {
            stage: self.identity.stage.clone(),
            orders_topic: self.identity.topics.orders.clone(),
            state,
            processors: self.processors.clone(),
            start,
        }
    }

    fn producer_config(&self) -> rdkafka::ClientConfig {
        let mut config = transactional(self.client(), &self.identity.owner);
        if let Some(timeout) = self.config.args.transaction_timeout {
            config.set("transaction.timeout.ms", timeout.as_millis().to_string());
        }
        config
    }

    fn client(&self) -> rdkafka::ClientConfig {
        self.config.kafka.client(&self.identity.owner)
    }

    /// The stage's claim: the one it made when it was started first, or a new one.
    fn claim(&self, state: &StateTopic) -> Result<Claim, Attempt> {
        let claimant = Claimant {
            kafka: &self.config.kafka,
            topics: &self.identity.topics,
            stage: &self.identity.stage,
            processors: self.processors.iter().map(|kind| kind.name()).collect(),
        };
        let known = self.config.settings.borrow().claims.clone();
        if let Some(claim) = claimant.existing(&known)? {
            return Ok(claim);
        }
        let mut start = Vec::new();
        for partition in 0..self.partitions {
            let (low, end) = state.committed.watermarks(&self.identity.topics.orders, partition)?;
            start.push(match self.config.args.start {
                StartAt::Earliest => low,
                StartAt::Latest => end,
            });
        }
        let claim = claimant.claim(Start(start))?;
        tracing::info!(stage = claim.stage, start = ?self.config.args.start, "processors claimed");
        Ok(claim)
    }

    fn check(&self) -> Result<(), Interrupt> {
        if self.process.shutdown.is_cancelled() { Err(Interrupt::Shutdown) } else { Ok(()) }
    }

    fn ensure_topics(&self) -> Result<(), Attempt> {
        let Identity { topics, stage, .. } = &self.identity;
        let kafka: &KafkaArgs = &self.config.kafka;
        if self.config.has_admin_api {
            cleanup::refuse_compacted(kafka, &topics.orders).map_err(Interrupt::Fatal)?;
        }
        let prepare = |topic: &str, partitions, config| {
            ensure_internal(kafka, topic, partitions, &topics.orders, config)
                .map_err(|error| Attempt::Failed(format!("topic {topic}: {error}")))
        };
        prepare(&topics.settings(), 1, SETTINGS_CONFIG)?;
        prepare(&topics.state(stage), self.partitions, STATE_CONFIG)?;
        if self.config.has_admin_api {
            cleanup::require_compacted(kafka, &topics.state(stage)).map_err(Interrupt::Fatal)?;
        }
        Ok(())
    }

    /// The first order is folded with the pipeline's settings, not with defaults that are then corrected.
    fn await_settings(&self, need: &Need) -> Result<(), Interrupt> {
        loop {
            let topic = self.identity.topics.settings();
            let waits = {
                let directory = self.config.settings.borrow();
                match directory.unreadable.get(SETTINGS_KEY) {
                    Some(why) => Some(format!("settings that can be read in {topic} ({why})")),
                    None if !directory.loaded => Some(format!("reading {topic}")),
                    None => None,
                }
            };
            let Some(what) = waits else { return Ok(()) };
            need.missing(what);
            self.check()?;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn retry<T>(
        &self,
        need: &Need,
        doing: &str,
        mut attempt: impl FnMut() -> Result<T, Attempt>,
    ) -> Result<T, Interrupt> {
        loop {
            match attempt() {
                Ok(value) => return Ok(value),
                Err(Attempt::Interrupted(interrupt)) => return Err(interrupt),
                Err(Attempt::Failed(why)) => need.missing(format!("{doing}: {why}; trying again")),
            }
            self.check()?;
            std::thread::sleep(RETRY);
        }
    }
}

/// What a member of the group lacks between a revocation, or its start, and an assignment.
pub(crate) fn waiting_for_partitions(topics: &Topics) -> String {
    format!("waiting for the group to assign partitions of topic {}", topics.orders)
}

/// How an attempt ended that did not succeed.
enum Attempt {
    /// May pass by itself.
    Failed(String),
    Interrupted(Interrupt),
}

impl From<ClaimError> for Attempt {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Taken(taken) => Self::Interrupted(Interrupt::Fatal(taken)),
            ClaimError::Publish(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                Self::Failed(format!("{error}{}", cause.unwrap_or_default()))
            }
        }
    }
}

impl From<Interrupt> for Attempt {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Doubt { doing, source } => Self::Failed(format!("{doing} failed: {source}")),
            other => Self::Interrupted(other),
        }
    }
}
