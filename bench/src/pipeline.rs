//! A pipeline of its own for one measurement: topics, and the processes that work on them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::lab::Lab;
use crate::service::Service;
use crate::topic::GroupOffsets;
use crate::web;

/// The stage that is measured.
pub const STAGE: [&str; 4] = ["process", "revenue", "fraud", "trend"];
const STAGE_NAME: &str = "revenue-fraud-trend";
/// How long results may take to be complete in Redis after the stage is done.
const SETTLE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Topics with fresh names over one orders topic. They are removed when dropped.
pub struct Pipeline<'l> {
    lab: &'l Lab,
    name: String,
    orders_topic: String,
}

impl<'l> Pipeline<'l> {
    /// Makes the topics.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn new(lab: &'l Lab, orders_topic: &str) -> Result<Self> {
        let pipeline = Self { lab, name: lab.new_pipeline(), orders_topic: orders_topic.to_owned() };
        lab.kafka.create(&pipeline.alerts(), lab.options.partitions)?;
        lab.kafka.create(&pipeline.metrics(), 1)?;
        lab.kafka.create(&pipeline.dead_letters(), 1)?;
        Ok(pipeline)
    }

    /// The topic that alerts go to.
    pub fn alerts(&self) -> String {
        format!("{}-alerts", self.name)
    }

    fn metrics(&self) -> String {
        format!("{}-metrics", self.name)
    }

    fn dead_letters(&self) -> String {
        format!("{}-dead-letters", self.name)
    }

    /// Starts the stage with `program`; with some more `environment`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn stage(&self, program: &Path, environment: &[(&str, &str)]) -> Result<Service> {
        let mut command = self.command(program, &STAGE);
        command.args(["--instance", "bench", "--commit-interval", "50ms"]);
        command.envs(environment.iter().copied());
        Service::start(command, self.lab.log(&self.name, "stage"))
    }

    /// Starts the views.
    ///
    /// # Errors
    /// When they cannot be started.
    pub fn views(&self) -> Result<Service> {
        Service::start(self.command(&self.lab.binaries.plain, &["views"]), self.lab.log(&self.name, "views"))
    }

    /// Starts a shop with many users at a steady rate.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn shop(&self, rate: u32, users: u32) -> Result<Service> {
        let mut command = self.command(&self.lab.binaries.plain, &["simulate"]);
        command.args(["--rate", &rate.to_string(), "--users", &users.to_string(), "--seed", "1"]);
        Service::start(command, self.lab.log(&self.name, "shop"))
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("KAFKA_BROKERS", &self.lab.kafka.brokers)
            .env("REDIS_URL", format!("redis://{}", self.lab.redis.address))
            .env("REDIS_KEY_PREFIX", self.key(""))
            .env("MILLRACE_PIPELINE", &self.name)
            .env("ORDERS_TOPIC", &self.orders_topic)
            .env("ALERTS_TOPIC", self.alerts())
            .env("METRICS_TOPIC", self.metrics())
            .env("DEAD_LETTER_TOPIC", self.dead_letters())
            .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
            .env_remove("MILLRACE_MUTATION");
        command
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.name)
    }

    /// Where the stage's group has come to.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn offsets(&self) -> Result<GroupOffsets> {
        let group = format!("{}.{STAGE_NAME}", self.name);
        self.lab.kafka.group_offsets(&group, &self.orders_topic, self.lab.options.partitions)
    }

    /// Waits until Redis says that all `orders` are counted.
    ///
    /// # Errors
    /// When it says another number for too long, or `views` ends.
    pub fn wait_for_redis(&self, orders: u64, views: &mut Service) -> Result<()> {
        let deadline = Instant::now() + SETTLE;
        let key = self.key("orders:total");
        loop {
            let counted = web::redis_integer(self.lab.redis.address, &key)?;
            if counted == Some(orders) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{key} is {counted:?} in Redis, not {orders}");
            views.check()?;
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Pipeline<'_> {
    fn drop(&mut self) {
        let state = format!("{}.{STAGE_NAME}.state", self.name);
        let settings = format!("{}.settings", self.name);
        let topics = [self.alerts(), self.metrics(), self.dead_letters(), state, settings];
        // Best effort: a measurement that failed may not have made all of them.
        for topic in &topics {
            let _ = self.lab.kafka.delete(&[topic]);
        }
    }
}
