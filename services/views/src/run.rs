//! Puts the parts together.

use std::sync::Arc;

use rdkafka::error::KafkaError;
use runtime::{Process, Shutdown, Status};
use tokio::sync::watch;

use crate::config::{StoreChoice, ViewsConfig};
use crate::desired::Shared;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::projection::Projection;
use crate::publisher::Publisher;
use crate::stages::Stages;
use crate::store::{RedisStore, Store};
use crate::tail::{TailContext, TailError};
use crate::updates::{Outbox, Repeats, UpdateSender};
use crate::writer::{Surroundings, Writer};

/// Why views ended.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The store must not be used as it is configured, or its configuration is wrong.
    #[error("the store cannot be used")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// State cannot be read.
    #[error("state cannot be read")]
    Tail(#[from] TailError),
    /// Updates cannot be sent.
    #[error("cannot make a Kafka producer (--kafka-property / KAFKA_PROPERTIES)")]
    Updates(#[source] KafkaError),
    /// Metrics cannot be registered: this ran twice with one registry.
    #[error("cannot register metrics")]
    Metrics(#[from] prometheus::Error),
}

impl ViewsError {
    /// Whether the configuration is wrong, so that nothing but another one will help.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Store(_) | Self::Updates(_) | Self::Tail(TailError::Client(_)) => true,
            Self::Tail(_) | Self::Metrics(_) => false,
        }
    }
}

/// Merges state into the store and the `metrics` topic until told to stop, then writes what is left.
///
/// # Errors
/// When the store refuses its configuration before it was ever used, or when state cannot be understood.
/// A store or broker that is away is waited for; the process's needs say so.
pub async fn run(mut config: ViewsConfig, process: Process) -> Result<(), ViewsError> {
    match std::mem::take(&mut config.store) {
        StoreChoice::Redis(address) => {
            let parts = Parts::new(RedisStore::new(address), config, &process)?;
            Box::pin(parts.run(&process.shutdown)).await
        }
        StoreChoice::Memory(store) => {
            let parts = Parts::new(store, config, &process)?;
            Box::pin(parts.run(&process.shutdown)).await
        }
    }
}

struct Parts<S> {
    stages: Stages,
    publisher: Publisher,
    writer: Writer<S>,
    sender: UpdateSender,
}

impl<S: Store> Parts<S> {
    fn new(store: S, config: ViewsConfig, process: &Process) -> Result<Self, ViewsError> {
        let ViewsConfig { args, kafka, store: _, topics, views, directory } = config;
        let Process { health, status, registry, tracer: _, shutdown: _ } = process;
        let metrics = Metrics::register(registry)?;
        let hub = Arc::new(Hub::new(Projection::new(views)));
        let (shared, outbox) = (Arc::new(Shared::default()), Arc::new(Outbox::default()));
        let (standby_sender, standby) = watch::channel(false);
        tell(status, hub.clone(), (standby.clone(), shared.clone(), metrics.clone()));

        let need = Arc::new(health.need("kafka"));
        let context = TailContext { kafka: kafka.clone(), hub: hub.clone(), need, metrics: metrics.clone() };
        let stages = Stages::new(context, topics.clone(), directory.clone());
        let publisher = Publisher {
            hub: hub.clone(),
            shared: shared.clone(),
            outbox: outbox.clone(),
            directory,
            interval: args.interval,
            need: health.need("state"),
            settings_topic: topics.settings(),
        };
        let need = health.need("store");
        let around = Surroundings { shared, standby: standby_sender, need, metrics: metrics.clone() };
        let writer = Writer::new(store, &topics.pipeline, hub.lock().families(), around);
        let need = health.need("updates");
        let repeats = Repeats::default();
        let sender = UpdateSender { kafka, topic: topics.metrics, outbox, standby, need, metrics, repeats };
        Ok(Self { stages, publisher, writer, sender })
    }

    async fn run(self, shutdown: &Shutdown) -> Result<(), ViewsError> {
        let Self { stages, publisher, writer, sender } = self;
        // the publisher's end is the sign for those behind it to write what is left
        let drained = Shutdown::new();
        let reading = async { stages.run(shutdown).await.map_err(ViewsError::Tail) };
        let publishing = async {
            publisher.run(shutdown, &drained).await;
            Ok(())
        };
        let writing = async { writer.run(&drained).await.map_err(|e| ViewsError::Store(Box::new(e))) };
        let sending = async { sender.run(&drained).await.map_err(ViewsError::Updates) };
        tokio::try_join!(reading, publishing, writing, sending).map(drop)
    }
}

/// What to say of the store beside what was read.
type OfStore = (watch::Receiver<bool>, Arc<Shared>, Metrics);

fn tell(status: &Status, hub: Arc<Hub>, (standby, shared, metrics): OfStore) {
    status.provide("views", move || {
        let (keys, unwritten) = {
            let desired = shared.lock();
            (desired.len(), desired.unwritten())
        };
        serde_json::json!({
            "standby": *standby.borrow(),
            "keys": keys,
            "unwrittenKeys": unwritten,
            "newestWrittenSecondsAgo": metrics.newest_written_ago().map(|ago| ago.as_secs_f64()),
            "healings": metrics.healings(),
            "partitions": hub.lock().to_json(),
        })
    });
}
