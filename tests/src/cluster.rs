//! A whole pipeline at work: servers, replicas of one stage, views; and what it takes to compare the results.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::binary::Build;
use crate::case::Case;
use crate::checks;
use crate::oracle::{self, Expected, Thresholds};
use crate::pipeline::Pipeline;
use crate::servers::Servers;
use crate::service::{Service, Spec};
use crate::state_topic::{self, Progress};
use crate::topic;
use crate::wait;

/// How long a process may take to be ready on a busy machine.
pub const READY_LIMIT: Duration = Duration::from_mins(1);
/// How long results may take to arrive once all orders are sent.
const CATCH_UP_LIMIT: Duration = Duration::from_mins(2);
/// What is under way to Redis and the metrics topic has arrived after this long.
const SETTLE: Duration = Duration::from_secs(2);

/// A running pipeline.
pub struct Cluster {
    /// Its servers, which other pipelines may share.
    pub servers: Rc<Servers>,
    /// Its names and commands.
    pub pipeline: Pipeline,
    /// The replicas of its stage.
    pub replicas: Vec<Service>,
    /// Its views process, when the setup asks for it.
    pub views: Option<Service>,
    processors: Vec<String>,
}

/// How to start one.
pub struct Setup<'a> {
    /// Which build.
    pub build: Build,
    /// Partitions of the orders topic.
    pub partitions: i32,
    /// The processors of the stage.
    pub processors: &'a [&'a str],
    /// Replicas of the stage.
    pub replicas: usize,
    /// Whether results go on to Redis and the metrics topic.
    pub views: bool,
    /// Environment of the replicas.
    pub env: &'a [(&'a str, &'a str)],
}

impl Default for Setup<'_> {
    /// One replica of revenue and fraud over four partitions, as users run it.
    fn default() -> Self {
        let processors = &["revenue", "fraud"];
        Self { build: Build::Plain, partitions: 4, processors, replicas: 1, views: true, env: &[] }
    }
}

impl Cluster {
    /// Starts servers of its own, views and replicas, and waits until all are ready.
    ///
    /// # Errors
    /// When anything does not start.
    pub fn start(case: &Case, setup: &Setup<'_>) -> Result<Self> {
        Self::start_on(&Servers::start(case)?, case, "shop", setup)
    }

    /// Starts views and replicas of a pipeline called `name` on these servers.
    ///
    /// # Errors
    /// When anything does not start.
    pub fn start_on(servers: &Rc<Servers>, case: &Case, name: &str, setup: &Setup<'_>) -> Result<Self> {
        let servers = Rc::clone(servers);
        let pipeline = Pipeline::new(case, name, &servers.kafka, &servers.redis, setup.build)?;
        pipeline.create_topics(setup.partitions)?;
        let views = setup.views.then(|| pipeline.views().start()).transpose()?;
        let processors = setup.processors.iter().map(|&p| p.to_owned()).collect();
        let mut cluster = Self { servers, pipeline, replicas: Vec::new(), views, processors };
        for number in 0..setup.replicas {
            let mut spec = cluster.replica_spec(number);
            for (name, value) in setup.env {
                spec = spec.env(name, value);
            }
            cluster.replicas.push(spec.start()?);
        }
        for replica in &mut cluster.replicas {
            replica.wait_ready(READY_LIMIT)?;
        }
        if let Some(views) = &mut cluster.views {
            views.wait_ready(READY_LIMIT)?;
        }
        Ok(cluster)
    }

    /// How replica `number` is started.
    pub fn replica_spec(&self, number: usize) -> Spec {
        let processors: Vec<&str> = self.processors.iter().map(String::as_str).collect();
        let instance = format!("replica-{number}");
        self.pipeline.through(&self.servers.stage_brokers()).process(&processors, &instance)
    }

    /// The stage's name.
    pub fn stage(&self) -> String {
        self.processors.join("-")
    }

    /// The partitions that the replicas of these indices work on together.
    pub fn owned(&self, replicas: &[usize]) -> BTreeSet<i32> {
        let of = |&index: &usize| self.replicas.get(index)?.partitions().ok();
        replicas.iter().filter_map(of).flatten().map(|p| p.partition).collect()
    }

    /// Waits until every order was read and the results stand still at their final values.
    ///
    /// # Errors
    /// When that takes too long.
    pub fn settle(&self, expected: &Expected) -> Result<()> {
        let group = self.pipeline.group(&self.stage());
        wait::equal("lag to be gone", &0, CATCH_UP_LIMIT, || {
            topic::lag(self.pipeline.brokers(), &self.pipeline.orders(), &group)
        })?;
        wait::until("everything to be committed and checkpointed", CATCH_UP_LIMIT, || self.is_settled())?;
        if self.views.is_some() {
            // Too many is also an answer: the checks tell it better than a wait.
            wait::until("Redis to have every order", CATCH_UP_LIMIT, || {
                Ok(self.redis_orders()?.is_some_and(|n| n >= expected.orders))
            })?;
            thread::sleep(SETTLE);
        }
        Ok(())
    }

    /// Whether the state topic shows every order read and every checkpoint there.
    fn is_settled(&self) -> Result<bool> {
        let ends = topic::ends(self.pipeline.brokers(), &self.pipeline.orders())?;
        let progress = state_topic::progress(self.pipeline.brokers(), &self.pipeline.state(&self.stage()))?;
        let settled =
            |p: &Progress, end| p.position == end && p.checkpoints.values().all(|c| c.position == p.position);
        Ok((0..).zip(ends).all(|(partition, end)| progress.get(&partition).is_some_and(|p| settled(p, end))))
    }

    /// How many orders Redis has counted.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub fn redis_orders(&self) -> Result<Option<u64>> {
        let total = self.servers.redis.get(&format!("{}orders:total", self.pipeline.key_prefix()))?;
        Ok(total.and_then(|n| n.parse().ok()))
    }

    /// What the oracle says of the orders topic.
    ///
    /// # Errors
    /// When it cannot be replayed.
    pub fn expected(&self) -> Result<Expected> {
        oracle::replay(self.pipeline.brokers(), &self.pipeline.orders(), Thresholds::default())
    }

    /// Drains the replicas and waits for their last results, then drains the views.
    ///
    /// # Errors
    /// When one does not drain.
    pub fn drain(&mut self) -> Result<()> {
        for replica in &mut self.replicas {
            replica.drain()?;
        }
        if let Some(views) = &mut self.views {
            thread::sleep(SETTLE);
            views.drain()?;
        }
        Ok(())
    }

    /// Runs all checks of what a drained stage left.
    ///
    /// # Errors
    /// When anything differs from `expected`.
    pub fn compare(&self, expected: &Expected) -> Result<()> {
        let redis = self.views.as_ref().map(|_| &self.servers.redis);
        checks::everything(&self.pipeline, &self.stage(), redis, expected)
    }

    /// Waits for the results, drains everything, and runs all checks.
    ///
    /// # Errors
    /// When anything differs from the oracle.
    pub fn check(&mut self) -> Result<Expected> {
        let expected = self.expected().context("replaying the orders")?;
        self.settle(&expected)?;
        self.drain()?;
        self.compare(&expected)?;
        Ok(expected)
    }
}

/// What the checks say when they found what they look for.
///
/// # Errors
/// When `outcome` is not an error, or one of another kind.
pub fn must_differ(outcome: Result<()>) -> Result<()> {
    let Err(failure) = outcome else { bail!("the checks found nothing") };
    let text = format!("{failure:#}");
    ensure!(text.contains("compared") && text.contains(" differ"), "not the checks' words: {text}");
    Ok(())
}
