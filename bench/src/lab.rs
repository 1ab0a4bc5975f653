//! What all measurements share: servers, binaries, filled topics.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

use crate::binaries::Binaries;
use crate::cli::Options;
use crate::fill;
use crate::server::Server;
use crate::topic::Kafka;
use crate::workload::Workload;

/// Servers that run, and where everything is.
pub struct Lab {
    /// The options of this run.
    pub options: Options,
    /// What is measured.
    pub binaries: Binaries,
    /// The broker's process.
    pub broker: Server,
    /// Redis' process.
    pub redis: Server,
    /// The broker, for clients.
    pub kafka: Kafka,
    run: String,
    pipelines: AtomicU32,
}

impl Lab {
    /// Builds and starts what is needed.
    ///
    /// # Errors
    /// When something cannot be built or started.
    pub fn open(options: Options) -> Result<Self> {
        let binaries = Binaries::get(options.no_build)?;
        let logs = options.data.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        let broker = Server::up("kafka", &options.data)?;
        let redis = Server::up("redis", &options.data)?;
        let kafka = Kafka { brokers: broker.address.to_string() };
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let run = format!("bench-{}", since.as_secs());
        Ok(Self { options, binaries, broker, redis, kafka, run, pipelines: AtomicU32::new(0) })
    }

    /// The topic with the orders of `workload`; filled if it is not there in full.
    ///
    /// # Errors
    /// When it cannot be filled.
    pub fn filled(&self, workload: Workload) -> Result<String> {
        let Options { orders, partitions, refill, .. } = self.options;
        fill::filled(&self.kafka, workload, fill::Size { orders, partitions }, refill)
    }

    /// A name that no pipeline had before.
    pub fn new_pipeline(&self) -> String {
        format!("{}-{}", self.run, self.pipelines.fetch_add(1, Ordering::Relaxed))
    }

    /// Where a process of a pipeline writes its log.
    pub fn log(&self, pipeline: &str, process: &str) -> PathBuf {
        self.options.data.join("logs").join(format!("{pipeline}-{process}.log"))
    }
}
