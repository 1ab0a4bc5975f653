//! What the dashboard counts. All names begin with `millrace_dashboard_`.

use prometheus::{
    Error, HistogramOpts, HistogramTimer, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
};
use runtime::metrics::registered;

use crate::feed::{Item, Taken};

/// The metrics; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    clients: IntGauge,
    connections: IntGauge,
    records: IntCounterVec,
    frames: IntCounterVec,
    dropped: IntCounterVec,
    refused: IntCounterVec,
    requests: IntCounterVec,
    redis: HistogramVec,
}

/// Why a client was turned away.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// All TCP connections are taken.
    Connections,
    /// All Socket.IO clients are connected.
    Clients,
    /// New sessions come too fast.
    Sessions,
    /// Other requests come too fast.
    Requests,
    /// The page of another origin asks.
    Origin,
    /// It does not say who it is.
    Unauthorized,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordOutcome {
    /// Clients see it.
    Relayed,
    /// A newer one was seen before.
    Older,
    /// It is not the JSON object it should be.
    Invalid,
    /// It is larger than a client could be sent.
    TooLarge,
}

/// Counts something that exists while this is held.
#[derive(Debug)]
pub struct Held(IntGauge);

impl Metrics {
    /// Registers all of them, once per process.
    ///
    /// # Errors
    /// When one is registered already.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(format!("dashboard_{name}"), help)?;
            registered(registry, gauge)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(format!("dashboard_{name}"), help), labels)?;
            registered(registry, counter)
        };
        let redis = HistogramOpts::new("dashboard_redis_seconds", "Time that reads from Redis took")
            .buckets(vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0]);
        Ok(Self {
            clients: gauge("clients", "Socket.IO clients that are connected")?,
            connections: gauge("connections", "TCP connections that are open")?,
            records: counter("records_total", "Records read from Kafka", &["event", "outcome"])?,
            frames: counter("frames_total", "Events handed over to be sent to clients", &["event"])?,
            dropped: counter(
                "dropped_total",
                "Events a client did not get because it was slow or they were too many",
                &["event"],
            )?,
            refused: counter(
                "refused_total",
                "Clients turned away: which limit they reached, or what they lack",
                &["limit"],
            )?,
            requests: counter("requests_total", "Requests answered", &["route", "status"])?,
            redis: registered(registry, HistogramVec::new(redis, &["call"])?)?,
        })
    }

    /// A client is connected while the result is held.
    pub fn client(&self) -> Held {
        Held::new(&self.clients)
    }

    /// A TCP connection is open while the result is held.
    pub fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// How many clients are connected.
    pub fn clients(&self) -> i64 {
        self.clients.get()
    }

    /// A record was read.
    pub fn record(&self, event: &str, outcome: RecordOutcome) {
        let outcome = match outcome {
            RecordOutcome::Relayed => "relayed",
            RecordOutcome::Older => "older",
            RecordOutcome::Invalid => "invalid",
            RecordOutcome::TooLarge => "too_large",
        };
        self.records.with_label_values(&[event, outcome]).inc();
    }

    /// `item` was handed over for one client.
    pub fn sent(&self, item: &Item) {
        let (event, gone) = match item {
            Item::Update { replaced, .. } => ("metrics", replaced),
            Item::Alert { missed, .. } => ("alerts", missed),
        };
        self.frames.with_label_values(&[event]).inc();
        self.dropped.with_label_values(&[event]).inc_by(*gone);
    }

    /// A client was turned away.
    pub fn refused(&self, refusal: Refusal) {
        let limit = match refusal {
            Refusal::Connections => "connections",
            Refusal::Clients => "clients",
            Refusal::Sessions => "sessions",
            Refusal::Requests => "requests",
            Refusal::Origin => "origin",
            Refusal::Unauthorized => "unauthorized",
        };
        self.refused.with_label_values(&[limit]).inc();
    }

    /// A request was answered.
    pub fn request(&self, route: &str, status: u16) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
    }

    /// A read from Redis takes as long as the result is held.
    pub fn redis_call(&self, call: &str) -> HistogramTimer {
        self.redis.with_label_values(&[call]).start_timer()
    }

    /// How many TCP connections are open.
    #[cfg(test)]
    pub fn connections(&self) -> i64 {
        self.connections.get()
    }

    /// Events of one kind that clients did not get so far.
    #[cfg(test)]
    pub fn dropped(&self, event: &str) -> u64 {
        self.dropped.with_label_values(&[event]).get()
    }
}

impl From<Taken> for RecordOutcome {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::New => Self::Relayed,
            Taken::Older => Self::Older,
            Taken::UnknownType => Self::Invalid,
        }
    }
}

impl Held {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
