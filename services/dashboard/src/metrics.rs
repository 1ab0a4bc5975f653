//! What the dashboard counts. All names begin with `millrace_dashboard_`.

use prometheus::{
    Error, GaugeVec, HistogramTimer, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};
use runtime::metrics::{Family, Label, Maker};

use crate::feed::{Item, Taken};
use crate::lag::Behind;

/// From a Redis beside it to the longest that a read may take.
const READS: [f64; 11] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.0];

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
    stage_lag: IntGaugeVec,
    stage_behind: GaugeVec,
}

/// What the dashboard registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> Result<Vec<Family>, Error> {
    Maker::describe(Metrics::make)
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
        Self::make(&Maker::new(registry))
    }

    fn make(make: &Maker) -> Result<Self, Error> {
        let [records, frames, dropped] = events(make)?;
        let [refused, requests] = clients(make)?;
        let stage = || Label::described("stage", "the stage, as `revenue-fraud`");
        Ok(Self {
            clients: make.gauge("dashboard_clients", "Socket.IO clients that are connected")?,
            connections: make.gauge("dashboard_connections", "TCP connections that are open")?,
            records,
            frames,
            dropped,
            refused,
            requests,
            redis: make.histograms(
                "dashboard_redis_seconds",
                "Time that reads from Redis took",
                &READS,
                &[Label::known("call", ["get", "scan"])],
            )?,
            stage_lag: make.gauges(
                "dashboard_stage_lag_records",
                "Records that a stage has not read, as its consumer group says: known while the stage is away too",
                &[stage()],
            )?,
            stage_behind: make.float_gauges(
                "dashboard_stage_behind_seconds",
                "How long the oldest of these records has waited, since it was seen here",
                &[stage()],
            )?,
        })
    }

    /// How far behind stages are; what is not known is not shown.
    pub fn behind(&self, behind: &Behind) {
        self.stage_lag.reset();
        self.stage_behind.reset();
        for stage in &behind.stages {
            let labels = [stage.stage.as_str()];
            if let Some(unread) = stage.unread {
                self.stage_lag.with_label_values(&labels).set(unread);
            }
            if let Some(waited) = stage.waited {
                self.stage_behind.with_label_values(&labels).set(waited.as_secs_f64());
            }
        }
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

/// What came from Kafka, and what of it went to clients.
fn events(make: &Maker) -> Result<[IntCounterVec; 3], Error> {
    let event = || Label::known("event", ["metrics", "alerts"]);
    let outcome = Label::known("outcome", ["relayed", "older", "invalid", "too_large"]);
    Ok([
        make.counters("dashboard_records_total", "Records read from Kafka", &[event(), outcome])?,
        make.counters("dashboard_frames_total", "Events handed over to be sent to clients", &[event()])?,
        make.counters(
            "dashboard_dropped_total",
            "Events a client did not get because it was slow or they were too many",
            &[event()],
        )?,
    ])
}

/// Who came, and who was turned away.
fn clients(make: &Maker) -> Result<[IntCounterVec; 2], Error> {
    let limits = ["connections", "clients", "sessions", "requests", "origin", "unauthorized"];
    let route = Label::described("route", "the route's path, `other` for everything else");
    let status = Label::described("status", "the HTTP status");
    Ok([
        make.counters(
            "dashboard_refused_total",
            "Clients turned away: which limit they reached, or what they lack",
            &[Label::known("limit", limits)],
        )?,
        make.counters("dashboard_requests_total", "Requests answered", &[route, status])?,
    ])
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
