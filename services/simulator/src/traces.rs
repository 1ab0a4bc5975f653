//! Traces that begin with an order: a few a second, whatever the rate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::Timestamp;
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedHeaders;
use runtime::traces::{self, Operation, SdkSpan, Span, Status, Tracer};

/// A trace begins at most so often, in milliseconds: at full speed spans would cost more than the orders.
const EVERY_MS: i64 = 100;
/// Marks an order that is not traced.
pub(crate) const UNTRACED: usize = 0;

/// Begins the traces.
pub(crate) struct Traces {
    tracer: Tracer,
    topic: String,
    next: Timestamp,
    last: usize,
    /// Of an order for which there was no room: it is offered again.
    kept: Option<(usize, OwnedHeaders)>,
    /// What has begun and not ended.
    waiting: Waiting,
}

/// Spans of orders that are not acknowledged yet, by number. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Waiting(Arc<Mutex<HashMap<usize, SdkSpan>>>);

impl Traces {
    pub(crate) fn new(tracer: Tracer, topic: &str, waiting: Waiting) -> Self {
        Self {
            tracer,
            topic: topic.to_owned(),
            next: Timestamp(i64::MIN),
            last: UNTRACED,
            kept: None,
            waiting,
        }
    }

    /// The number of the order's trace and its headers, if a trace is due with an order made at `now`.
    pub(crate) fn headers(&mut self, now: Timestamp, plain: &OwnedHeaders) -> Option<(usize, OwnedHeaders)> {
        self.kept.take().or_else(|| (now >= self.next).then(|| self.begin(now, plain.clone())))
    }

    /// There was no room for the order: it has the same number and headers when it is offered again.
    pub(crate) fn keep(&mut self, number: usize, headers: Option<OwnedHeaders>) {
        self.kept = headers.filter(|_| number != UNTRACED).map(|headers| (number, headers));
    }

    fn begin(&mut self, now: Timestamp, headers: OwnedHeaders) -> (usize, OwnedHeaders) {
        self.next = Timestamp(now.0 + EVERY_MS);
        let span = traces::root(&self.tracer, Operation::Send { topic: &self.topic });
        let headers = traces::inject(span.span_context(), headers);
        if !span.is_recording() {
            return (UNTRACED, headers);
        }
        self.last += 1;
        self.waiting.lock().insert(self.last, span);
        (self.last, headers)
    }
}

impl Waiting {
    /// The order with this number was delivered, or given up because of `error`. Its span ends.
    pub(crate) fn end(&self, number: usize, error: Option<&KafkaError>) {
        if number == UNTRACED {
            return;
        }
        // it ends as it is dropped
        let span = self.lock().remove(&number);
        if let (Some(mut span), Some(error)) = (span, error) {
            span.set_status(Status::error(error.to_string()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, SdkSpan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
