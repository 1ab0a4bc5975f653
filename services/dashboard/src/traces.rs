//! Follows an alert's trace from its record to the event that clients get.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use rdkafka::message::{BorrowedMessage, Headers, Message};
use runtime::traces::{self, Operation, SdkSpan, Span, SpanContext, Tracer};

/// Begins the spans of alerts that are traced.
#[derive(Clone, Debug)]
pub struct Traces(pub Tracer);

/// A traced alert on its way to clients.
#[derive(Debug)]
pub struct Emission {
    tracer: Tracer,
    parent: SpanContext,
    begun: AtomicBool,
}

impl Traces {
    /// Begins the span of an alert's record, if whoever sent it records the trace.
    pub(crate) fn process(&self, message: &BorrowedMessage<'_>) -> Option<SdkSpan> {
        // the client panics at a header whose name is no UTF-8
        let parent = catch_unwind(AssertUnwindSafe(|| parent(message))).ok().flatten()?;
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        let operation = Operation::Process { topic, partition, offset };
        Some(traces::child(&self.0, operation, &parent, None)).filter(Span::is_recording)
    }

    /// What goes on after `process`.
    pub(crate) fn emission(&self, process: &SdkSpan) -> Arc<Emission> {
        let parent = process.span_context().clone();
        Arc::new(Emission { tracer: self.0.clone(), parent, begun: AtomicBool::new(false) })
    }
}

fn parent(message: &BorrowedMessage<'_>) -> Option<SpanContext> {
    let headers = message.headers()?;
    traces::extract(|name| headers.iter().filter(|found| found.key == name).last()?.value)
}

impl Emission {
    /// A client was sent the event, which began at `since`. Makes a span for the first one: the others' differ in
    /// nothing worth a span each.
    pub(crate) fn sent(&self, since: SystemTime) {
        if !self.begun.swap(true, Ordering::Relaxed) {
            traces::child(&self.tracer, Operation::Emit { event: "alerts" }, &self.parent, Some(since)).end();
        }
    }
}
