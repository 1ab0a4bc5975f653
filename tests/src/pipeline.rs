//! One pipeline under test: its servers, its topics, and the processes that can be started for it.

use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context, Result};

use crate::binary::{self, Build};
use crate::case::Case;
use crate::kafka::Kafka;
use crate::redis_server::Redis;
use crate::service::Spec;
use crate::topic::Admin;

/// A pipeline of its own name, with topics of its own.
#[derive(Clone)]
pub struct Pipeline {
    name: String,
    brokers: String,
    redis_url: String,
    program: PathBuf,
    dir: PathBuf,
}

impl Pipeline {
    /// A pipeline called `name` on these servers, run by this build.
    ///
    /// # Errors
    /// When the binary cannot be built.
    pub fn new(case: &Case, name: &str, kafka: &Kafka, redis: &Redis, build: Build) -> Result<Self> {
        Ok(Self { program: binary::path(build)?, ..Self::elsewhere(case, name, kafka, redis) })
    }

    /// A pipeline called `name` on these servers whose processes somebody else runs.
    pub fn elsewhere(case: &Case, name: &str, kafka: &Kafka, redis: &Redis) -> Self {
        Self {
            name: name.to_owned(),
            brokers: kafka.brokers(),
            redis_url: redis.url(),
            program: PathBuf::new(),
            dir: case.dir().to_owned(),
        }
    }

    /// The same pipeline, reached through other broker addresses.
    #[must_use]
    pub fn through(&self, brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), ..self.clone() }
    }

    /// The same pipeline with another Redis.
    #[must_use]
    pub fn with_redis(&self, url: &str) -> Self {
        Self { redis_url: url.to_owned(), ..self.clone() }
    }

    /// Creates its public topics, records kept forever.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn create_topics(&self, partitions: i32) -> Result<()> {
        self.create_topics_with(partitions, &[])
    }

    /// The same with further settings of the orders topic.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn create_topics_with(&self, partitions: i32, orders: &[(&str, &str)]) -> Result<()> {
        let admin = Admin::new(&self.brokers)?;
        admin.create(&self.orders(), partitions, orders)?;
        admin.create(&self.alerts(), partitions, &[])?;
        admin.create(&self.metrics(), 1, &[])?;
        admin.create(&self.dead_letters(), 1, &[])
    }

    /// Its brokers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its orders topic.
    pub fn orders(&self) -> String {
        format!("{}-orders", self.name)
    }

    /// Its alerts topic.
    pub fn alerts(&self) -> String {
        format!("{}-alerts", self.name)
    }

    /// Its metrics topic.
    pub fn metrics(&self) -> String {
        format!("{}-metrics", self.name)
    }

    /// Its topic of dead letters.
    pub fn dead_letters(&self) -> String {
        format!("{}-dead-letters", self.name)
    }

    /// The consumer group of `stage`.
    pub fn group(&self, stage: &str) -> String {
        format!("{}.{stage}", self.name)
    }

    /// The state topic of `stage`.
    pub fn state(&self, stage: &str) -> String {
        format!("{}.{stage}.state", self.name)
    }

    /// The prefix of its Redis keys.
    pub fn key_prefix(&self) -> String {
        format!("{}:", self.name)
    }

    /// A stage's replica: `processors` as on the command line, under an instance name.
    pub fn process(&self, processors: &[&str], instance: &str) -> Spec {
        let mut args = vec!["process"];
        args.extend(processors);
        args.extend(["--instance", instance]);
        self.spec(instance, &args, Needs { kafka: true, redis: false })
    }

    /// The views process.
    pub fn views(&self) -> Spec {
        self.spec("views", &["views", "--key-prefix", &self.key_prefix()], Needs { kafka: true, redis: true })
    }

    /// The dashboard, serving on `port`.
    pub fn dashboard(&self, port: u16) -> Spec {
        let (listen, prefix) = (format!("127.0.0.1:{port}"), self.key_prefix());
        let args = ["dashboard", "--listen", &listen, "--key-prefix", &prefix];
        self.spec("dashboard", &args, Needs { kafka: true, redis: true })
    }

    /// Runs a command that ends by itself (`topics …`, `state …`, `settings …`) and gives what came of it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, args: &[&str]) -> Result<Output> {
        let spec = self.spec("command", args, Needs { kafka: true, redis: false });
        spec.command(None).output().with_context(|| format!("running millrace {}", args.join(" ")))
    }

    /// A specification of any command.
    pub fn spec(&self, name: &str, args: &[&str], needs: Needs) -> Spec {
        let mut all: Vec<String> = args.iter().map(|&a| a.to_owned()).collect();
        if needs.kafka {
            all.extend(["--brokers".to_owned(), self.brokers.clone()]);
            all.extend(["--pipeline".to_owned(), self.name.clone()]);
            all.extend(["--orders-topic".to_owned(), self.orders()]);
            all.extend(["--alerts-topic".to_owned(), self.alerts()]);
            all.extend(["--metrics-topic".to_owned(), self.metrics()]);
            all.extend(["--dead-letter-topic".to_owned(), self.dead_letters()]);
        }
        if needs.redis {
            all.extend(["--redis-url".to_owned(), self.redis_url.clone()]);
        }
        Spec {
            name: name.to_owned(),
            program: self.program.clone(),
            args: all,
            env: [("RUST_LOG".to_owned(), "info".to_owned())].into(),
            log: self.dir.join(format!("{}-{name}.log", self.name)),
            mark: self.dir.clone(),
        }
    }
}

/// Which options a command has.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// Those of Kafka and of the pipeline.
    pub kafka: bool,
    /// Those of Redis.
    pub redis: bool,
}
