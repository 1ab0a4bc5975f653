//! Spans of the orders that raised an alert, and of the commits that made the alerts visible.
//!
//! Only for these are an order's headers looked at, and of each commit only for so many: what tracing costs does not
//! grow with the orders. A trace goes from the order's producer through `process orders` and `send alerts` to whoever
//! reads the alert; `commit` has a trace of its own and links to what it committed.

use std::ops::Range;
use std::time::SystemTime;

use opentelemetry::trace::{Link, SpanBuilder, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute::{
    MESSAGING_BATCH_MESSAGE_COUNT, MESSAGING_CONSUMER_GROUP_NAME, MESSAGING_SYSTEM,
};
use rdkafka::message::OwnedHeaders;
use runtime::traces::{self, Operation, SdkSpan, Span, SpanContext, Status, Tracer};

use crate::native::Record;

/// Orders of one commit whose headers are looked at.
const LOOKED_AT: usize = 500;
/// Orders of one commit that are traced.
const TRACED: usize = 20;

/// Begins and ends a stage's spans.
pub(crate) struct Traces {
    pub tracer: Tracer,
    pub orders: String,
    pub alerts: String,
    pub group: String,
    waiting: Vec<Traced>,
    looked_at: usize,
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
    pub(crate) fn new(tracer: Tracer, orders: &str, alerts: &str, group: &str) -> Self {
        let [orders, alerts, group] = [orders, alerts, group].map(str::to_owned);
        Self { tracer, orders, alerts, group, waiting: Vec::new(), looked_at: 0, commit_began: None }
    }

    /// An order raised the waiting alerts with these numbers.
    pub(crate) fn raised(&mut self, record: &Record<'_>, alerts: Range<usize>) {
        if self.looked_at >= LOOKED_AT || self.waiting.len() >= TRACED {
            return;
        }
        self.looked_at += 1;
        let Some(parent) = traces::extract(|name| record.header(name)) else { return };
        let Record { partition, offset, .. } = *record;
        let order = Operation::Process { topic: &self.orders, partition, offset };
        let mut process = traces::child(&self.tracer, order, &parent, None);
        if process.is_recording() {
            process.set_attribute(KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, self.group.clone()));
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
        if !self.waiting.is_empty() {
            let links = self.waiting.iter().map(|traced| link(traced.process.span_context())).collect();
            let mut commit = SpanBuilder::from_name("commit").with_links(links).with_attributes([
                KeyValue::new(MESSAGING_SYSTEM, "kafka"),
                KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, self.group.clone()),
                KeyValue::new(MESSAGING_BATCH_MESSAGE_COUNT, i64::try_from(alerts).unwrap_or(i64::MAX)),
            ]);
            commit.start_time = self.commit_began;
            self.tracer.build_with_context(commit, &Context::new()).end();
        }
        // they end as they are dropped
        self.waiting.clear();
        self.looked_at = 0;
    }

    /// What still waits is given up: its orders are read again.
    pub(crate) fn give_up(&mut self) {
        let status = Status::error("not committed; the order is read again");
        for mut traced in self.waiting.drain(..) {
            traced.process.set_status(status.clone());
        }
        self.looked_at = 0;
    }
}

fn link(context: &SpanContext) -> Link {
    Link::with_context(context.clone())
}
