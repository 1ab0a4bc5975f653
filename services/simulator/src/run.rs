//! One run: from the first order to the last acknowledgement.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{Rejection, Timestamp};
use rdkafka::error::KafkaError;
use runtime::kafka::WaitError;
use runtime::{Process, Shutdown};
use tokio::time::Instant;

use crate::config::SimulatorConfig;
use crate::live::{Live, Terms};
use crate::metrics::{Counts, Tally};
use crate::pace::Pace;
use crate::progress::Progress;
use crate::sender::{Offer, Sender};
use crate::shop::Shop;

/// Why a run ended without having delivered what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The topic's partitions could not be asked for.
    #[error("cannot begin to send orders")]
    Begin(#[source] WaitError),
    /// No producer with this configuration.
    #[error("cannot make a Kafka producer (--kafka-property / KAFKA_PROPERTIES)")]
    Producer(#[source] KafkaError),
    /// The registry holds these metrics already.
    #[error("cannot register metrics")]
    Metrics(#[source] prometheus::Error),
    /// The clock says a time no order may have.
    #[error("the system clock gives a time that no order may have")]
    Clock(#[source] Rejection),
    /// The client took no further order.
    #[error("cannot send to topic {topic}")]
    Send {
        /// The orders topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// Orders were sent of which the brokers acknowledged only a part.
    #[error("of {} orders {} were delivered, {} failed and of {} it is not known", .0.accepted, .0.delivered, .0.failed, .0.pending())]
    Undelivered(Counts),
}

/// The most orders sent without a pause.
const BURST: u64 = 1_000;
/// How long to wait for room in the client's queue before the next try.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);
/// How long delivery may take once the process was told to stop: below the 10 s a drain may take in all.
const DRAIN: Duration = Duration::from_secs(8);
/// How often a drain looks whether it is done.
const DRAIN_STEP: Duration = Duration::from_millis(5);

/// Sends orders until told to stop or until there were as many as asked for, then waits until all that the
/// client accepted are delivered.
///
/// A full queue (brokers slow or away) pauses the shop; no order is skipped for it.
///
/// # Errors
/// When the topic or the client cannot be used, or when not every accepted order was acknowledged. Being told
/// to stop is none.
pub async fn run(config: SimulatorConfig, process: Process) -> Result<(), SimulatorError> {
    let SimulatorConfig { args, kafka, topics, settings } = config;
    let tally = Tally::register(&process.registry).map_err(SimulatorError::Metrics)?;
    let need = process.health.need("kafka");
    let option = "--orders-topic / ORDERS_TOPIC";
    match runtime::kafka::wait_for_topic(&kafka, &topics.orders, option, &need, &process.shutdown).await {
        Ok(partitions) => tracing::debug!(topic = topics.orders, partitions, "found topic"),
        Err(WaitError::Stopped) => return Ok(()),
        Err(error) => return Err(SimulatorError::Begin(error)),
    }
    let seed = args.seed.unwrap_or_else(rand::random);
    let mut live = Live(settings);
    let terms = live.first(Terms { rate: args.rate, suspicious_percent: args.suspicious_percent }).await;
    tracing::info!(seed, rate = %terms.rate, users = args.users, topic = topics.orders, "shop opens");
    let sender = Sender::new(&kafka, &topics, &args.source, tally.clone(), process.tracer)
        .map_err(SimulatorError::Producer)?;
    let mut trade = Trade {
        shop: Shop::new(seed, args.users, terms.suspicious_percent),
        terms,
        live,
        pace: Pace::new(terms.rate, seed),
        opened: Instant::now(),
        left: args.count.unwrap_or(u64::MAX),
        progress: Progress::new(terms.rate, args.count),
        sender,
        tally,
        shutdown: process.shutdown,
    };
    let traded = trade.place_orders().await;
    let delivered = trade.drain().await;
    traded.map_err(|error| error.on(topics.orders))?;
    delivered
}

/// What a run works with.
struct Trade {
    shop: Shop,
    terms: Terms,
    live: Live,
    pace: Pace,
    /// The moment that the pace counts from.
    opened: Instant,
    left: u64,
    progress: Progress,
    sender: Sender,
    tally: Tally,
    shutdown: Shutdown,
}

/// What can go wrong with one order.
enum TradeError {
    Clock(Rejection),
    Send(KafkaError),
}

impl Trade {
    async fn place_orders(&mut self) -> Result<(), TradeError> {
        while self.left > 0 && !self.shutdown.is_cancelled() {
            for _ in 0..self.pace.due(self.opened.elapsed()).min(BURST).min(self.left) {
                if !self.place_order().await? {
                    return Ok(());
                }
                self.pace.take(self.opened.elapsed());
                self.left -= 1;
            }
            self.progress.total(self.tally.counts());
            let pause = self.pace.pause(self.opened.elapsed());
            self.pause(if self.left == 0 { Duration::ZERO } else { pause }).await;
        }
        Ok(())
    }

    /// Sends the next order as soon as there is room for it. False when told to stop before that.
    async fn place_order(&mut self) -> Result<bool, TradeError> {
        let order = self.shop.next_order(now()).map_err(TradeError::Clock)?;
        while self.sender.offer(&order).map_err(TradeError::Send)? == Offer::QueueFull {
            tokio::select! {
                () = self.shutdown.cancelled() => return Ok(false),
                () = tokio::time::sleep(QUEUE_FULL_PAUSE) => {}
            }
        }
        self.progress.order(&order);
        Ok(true)
    }

    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
            terms = self.live.next() => self.trade_on(terms),
        }
    }

    /// Goes on under new terms; the orders' numbers and contents go on as they were.
    fn trade_on(&mut self, terms: Terms) {
        if terms == self.terms {
            return;
        }
        let Terms { rate, suspicious_percent } = terms;
        tracing::info!(%rate, suspicious_percent, "shop goes on under new settings");
        self.shop.set_suspicious_percent(suspicious_percent);
        self.pace = Pace::new(rate, self.shop.placed());
        self.opened = Instant::now();
        self.progress.adapt(rate);
        self.terms = terms;
    }

    /// Waits until each accepted order was delivered or failed, at most [`DRAIN`] after being told to stop.
    async fn drain(mut self) -> Result<(), SimulatorError> {
        let mut told: Option<Instant> = None;
        while self.tally.counts().pending() > 0 && told.is_none_or(|at| at.elapsed() < DRAIN) {
            if self.shutdown.is_cancelled() {
                told.get_or_insert_with(Instant::now);
            }
            self.progress.total(self.tally.counts());
            tokio::time::sleep(DRAIN_STEP).await;
        }
        let counts = self.tally.counts();
        let Self { progress, sender, .. } = self;
        progress.finish();
        // Closing a client blocks for up to half a second; a panic in there has nothing left to spoil.
        let _ = tokio::task::spawn_blocking(move || drop(sender)).await;
        let Counts { accepted, delivered, failed } = counts;
        tracing::info!(sent = accepted, delivered, failed, unknown = counts.pending(), "shop closed");
        if delivered == accepted { Ok(()) } else { Err(SimulatorError::Undelivered(counts)) }
    }
}

impl TradeError {
    fn on(self, topic: String) -> SimulatorError {
        match self {
            Self::Clock(rejection) => SimulatorError::Clock(rejection),
            Self::Send(source) => SimulatorError::Send { topic, source },
        }
    }
}

/// The time by the system's clock, in whole milliseconds.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
