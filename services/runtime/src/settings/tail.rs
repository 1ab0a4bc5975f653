//! Follows the settings topic in a thread of its own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use contract::Topics;
use serde_json::json;
use tokio::sync::watch;

use super::Directory;
use super::log::{Polled, SettingsLog};
use crate::config::KafkaArgs;
use crate::topics::{SETTINGS_CONFIG, ensure_internal};
use crate::{Need, Process, Shutdown, Status};

/// How long one poll waits: what stopping takes at most.
const POLL: Duration = Duration::from_millis(200);
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Follows the settings topic.
pub struct SettingsTail {
    kafka: KafkaArgs,
    topics: Topics,
    need: Need,
    status: Status,
    shutdown: Shutdown,
    sender: watch::Sender<Arc<Directory>>,
}

impl SettingsTail {
    /// Starts to follow; creates the topic if it is missing. What the receiver holds first is not `loaded`;
    /// wait for a change before relying on it. The need `settings` says why it is not loaded yet, the status
    /// section `settings` which generation was read last: `{"generation": 7}`. The sender side goes away after
    /// the process' shutdown.
    pub fn start(kafka: &KafkaArgs, topics: &Topics, process: &Process) -> watch::Receiver<Arc<Directory>> {
        let (sender, receiver) = watch::channel(Arc::new(Directory::default()));
        let Process { health, status, registry: _, tracer: _, shutdown } = process.clone();
        let need = health.need("settings");
        let tail = Self { kafka: kafka.clone(), topics: topics.clone(), need, status, shutdown, sender };
        let started = std::thread::Builder::new().name("settings".to_owned()).spawn(move || tail.run());
        if let Err(error) = started {
            tracing::error!(%error, "cannot start the settings thread");
            health.fail(format!("cannot start the settings thread: {error}"));
        }
        receiver
    }

    fn run(self) {
        while !self.shutdown.is_cancelled() {
            if let Err(why) = self.follow() {
                self.need.missing(why);
                std::thread::sleep(RETRY_PAUSE);
            }
        }
    }

    /// Reads until told to stop, or until something is wrong.
    fn follow(&self) -> Result<(), String> {
        ensure_internal(&self.kafka, &self.topics.settings(), 1, &self.topics.orders, SETTINGS_CONFIG)
            .map_err(|e| e.to_string())?;
        let log =
            SettingsLog::open(&self.kafka, &self.topics).map_err(|e| self.unreadable(&e.to_string()))?;
        // begun anew, so that what was removed meanwhile is not kept
        let mut directory = Directory::default();
        while !self.shutdown.is_cancelled() {
            let polled = log.poll(&mut directory, POLL).map_err(|e| self.unreadable(&e.to_string()))?;
            if self.take(&polled, &mut directory).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(&self, polled: &Polled, directory: &mut Directory) -> ControlFlow<()> {
        match polled {
            Polled::Nothing => return ControlFlow::Continue(()),
            Polled::Record => {}
            Polled::End => {
                directory.loaded = true;
                self.need.met();
            }
        }
        if directory.loaded {
            self.send(directory);
        }
        ControlFlow::Continue(())
    }

    fn send(&self, directory: &Directory) {
        self.sender.send_if_modified(|current| {
            let changed = **current != *directory;
            if changed {
                tracing::info!(
                    generation = directory.settings.generation,
                    claims = directory.claims.len(),
                    "settings"
                );
                self.status.publish("settings", json!({"generation": directory.settings.generation}));
                *current = Arc::new(directory.clone());
            }
            changed
        });
    }

    fn unreadable(&self, problem: &str) -> String {
        format!("cannot read topic {}: {problem}", self.topics.settings())
    }
}
