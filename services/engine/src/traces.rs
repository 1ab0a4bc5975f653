//! Spans of the orders that raised an alert, and of the commits that made the alerts visible.
//!
//! Only for these are an order's headers looked at, and only for so many in some time: what tracing costs does not
//! grow with the orders. A trace goes from the order's producer through `process orders` and `send alerts` to whoever
//! reads the alert; `commit` is in the trace of the first of its orders and links to them all.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Link, SpanBuilder, TraceContextExt, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute::{
    MESSAGING_BATCH_MESSAGE_COUNT, MESSAGING_CONSUMER_GROUP_NAME, MESSAGING_SYSTEM,
};
use rdkafka::message::OwnedHeaders;
use runtime::traces::{self, Operation, SdkSpan, Span, Status, Tracer};

use crate::native::Record;
use crate::stage::Identity;

/// Within a commit, and within this time, …
const WINDOW: Duration = Duration::from_millis(50);
/// … the headers of so many orders are looked at, …
const LOOKED_AT: usize = 200;
/// … and so many orders are traced.
const TRACED: usize = 20;

/// Begins and ends a stage's spans.
pub(crate) struct Traces {
    tracer: Tracer,
    orders: String,
    alerts: String,
    group: String,
    waiting: Vec<Traced>,
    looked_at: usize,
    traced: usize,
    window_began: Instant,
    commit_began: Option<SystemTime>,
}

/// An order that waits for the commit.
struct Traced {
    /// Which of the waiting alerts it raised.
    alerts: Range<usize>,
    process: SdkSpan,
    /// From the sending of its alerts on.
    send: Option<SdkSpan>,
}

impl Traces {
    pub(crate) fn new(tracer: Tracer, identity: &Identity) -> Self {
        let Identity { topics, group, .. } = identity;
        Self {
            tracer,
            orders: topics.orders.clone(),
            alerts: topics.alerts.clone(),
            group: group.clone(),
            waiting: Vec::new(),
            looked_at: 0,
            traced: 0,
            window_began: Instant::now(),
            commit_began: None,
        }
    }

    /// An order raised the waiting alerts with these numbers.
    pub(crate) fn raised(&mut self, record: &Record<'_>, alerts: Range<usize>) {
        if self.looked_at >= LOOKED_AT || self.traced >= TRACED {
            return;
        }
        self.looked_at += 1;
        let Some(parent) = traces::extract(|name| record.header(name)) else { return };
        let Record { partition, offset, .. } = *record;
        let order = Operation::Process { topic: &self.orders, partition, offset };
        let mut process = traces::child(&self.tracer, order, &parent, None);
        if process.is_recording() {
            process.set_attribute(KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, self.group.clone()));
            self.traced += 1;
            self.waiting.push(Traced { alerts, process, send: None });
        }
    }

    /// The alerts are sent now.
    pub(crate) fn sending(&mut self) {
        self.commit_began = Some(SystemTime::now());
        let operation = Operation::Send { topic: &self.alerts };
        for traced in &mut self.waiting {
            traced.send = Some(traces::child(&self.tracer, operation, traced.process.span_context(), None));
        }
    }

    /// The headers of a waiting alert, if it is traced.
    pub(crate) fn headers(&self, alert: usize) -> Option<OwnedHeaders> {
        let traced = &self.waiting[self.waiting.partition_point(|traced| traced.alerts.end <= alert)..];
        let traced = traced.first().filter(|traced| traced.alerts.contains(&alert))?;
        let context = traced.send.as_ref()?.span_context();
        Some(traces::inject(context, OwnedHeaders::new_with_capacity(2)))
    }

    /// All that waits was committed, with so many alerts.
    pub(crate) fn committed(&mut self, alerts: usize) {
        if let Some(first) = self.waiting.first() {
            // in a trace that is recorded: of its own, it would be left to the sampler
            let parent = Context::new().with_remote_span_context(first.process.span_context().clone());
            let links = self
                .waiting
                .iter()
                .map(|traced| Link::with_context(traced.process.span_context().clone()))
                .collect();
            let mut commit = SpanBuilder::from_name("commit").with_links(links).with_attributes([
                KeyValue::new(MESSAGING_SYSTEM, "kafka"),
                KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, self.group.clone()),
                KeyValue::new(MESSAGING_BATCH_MESSAGE_COUNT, i64::try_from(alerts).unwrap_or(i64::MAX)),
            ]);
            commit.start_time = self.commit_began;
            self.tracer.build_with_context(commit, &parent).end();
        }
        // they end as they are dropped
        self.waiting.clear();
        self.renew();
    }

    /// However short the commits are, the limits hold for some time.
    fn renew(&mut self) {
        if self.window_began.elapsed() >= WINDOW {
            (self.looked_at, self.traced, self.window_began) = (0, 0, Instant::now());
        }
    }

    /// What still waits is given up: what of it was not committed is read again.
    pub(crate) fn give_up(&mut self) {
        let status = Status::error("the commit failed or is in doubt; what was not committed is read again");
        for mut traced in self.waiting.drain(..) {
            traced.process.set_status(status.clone());
            if let Some(send) = &mut traced.send {
                send.set_status(status.clone());
            }
        }
        self.renew();
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        self.give_up();
    }
}
