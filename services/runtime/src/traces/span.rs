//! Spans about records of Kafka and events made of them, with the attributes that OpenTelemetry's conventions for
//! messaging name: <https://opentelemetry.io/docs/specs/semconv/messaging/kafka/>.

use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, SpanContext, SpanKind, TraceContextExt, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;
use opentelemetry_semantic_conventions::attribute::{
    MESSAGING_DESTINATION_NAME, MESSAGING_DESTINATION_PARTITION_ID, MESSAGING_KAFKA_OFFSET,
    MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM,
};

use super::Tracer;

/// What is done, and with what.
#[derive(Clone, Copy, Debug)]
pub enum Operation<'a> {
    /// A record is sent to Kafka; ends when it was acknowledged.
    Send {
        /// The topic.
        topic: &'a str,
    },
    /// A record is processed.
    Process {
        /// The topic.
        topic: &'a str,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// An event goes to Socket.IO clients.
    Emit {
        /// The event's name.
        event: &'a str,
    },
}

impl Operation<'_> {
    fn builder(self) -> SpanBuilder {
        let (system, name, kind, destination) = match self {
            Self::Send { topic } => ("kafka", "send", SpanKind::Producer, topic),
            Self::Process { topic, .. } => ("kafka", "process", SpanKind::Consumer, topic),
            Self::Emit { event } => ("socket.io", "emit", SpanKind::Producer, event),
        };
        let kind_of_operation = if kind == SpanKind::Consumer { "process" } else { "send" };
        let mut attributes = vec![
            KeyValue::new(MESSAGING_SYSTEM, system),
            KeyValue::new(MESSAGING_OPERATION_NAME, name),
            KeyValue::new(MESSAGING_OPERATION_TYPE, kind_of_operation),
            KeyValue::new(MESSAGING_DESTINATION_NAME, destination.to_owned()),
        ];
        if let Self::Process { partition, offset, .. } = self {
            attributes.push(KeyValue::new(MESSAGING_DESTINATION_PARTITION_ID, partition.to_string()));
            attributes.push(KeyValue::new(MESSAGING_KAFKA_OFFSET, offset));
        }
        SpanBuilder::from_name(format!("{name} {destination}")).with_kind(kind).with_attributes(attributes)
    }
}

/// Begins a trace.
pub fn root(tracer: &Tracer, operation: Operation<'_>) -> Span {
    tracer.build_with_context(operation.builder(), &Context::new())
}

/// Begins a span within the trace of `parent`, at `since` or now.
pub fn child(
    tracer: &Tracer,
    operation: Operation<'_>,
    parent: &SpanContext,
    since: Option<SystemTime>,
) -> Span {
    let mut builder = operation.builder();
    builder.start_time = since;
    tracer.build_with_context(builder, &Context::new().with_remote_span_context(parent.clone()))
}
