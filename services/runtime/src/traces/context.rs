//! Where a trace is, in the headers of a Kafka record: W3C Trace Context (<https://www.w3.org/TR/trace-context/>).

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use rdkafka::message::{Header, OwnedHeaders};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

struct Carried<'h> {
    traceparent: &'h str,
    tracestate: Option<&'h str>,
}

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.traceparent),
            TRACESTATE => self.tracestate,
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

/// A longer state is not carried on; the standard asks for so many bytes. Alerts must fit into their topic.
const LONGEST_STATE: usize = 512;

/// The context that a record carries, if whoever sent it records the trace. What is no context counts as none.
pub fn extract<'h>(header: impl Fn(&str) -> Option<&'h [u8]>) -> Option<SpanContext> {
    let text = |name| header(name).and_then(|value| str::from_utf8(value).ok());
    let tracestate = text(TRACESTATE).filter(|state| state.len() <= LONGEST_STATE);
    let carried = Carried { traceparent: text(TRACEPARENT)?, tracestate };
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &carried);
    let context = context.span().span_context().clone();
    (context.is_valid() && context.is_sampled()).then_some(context)
}

/// Adds the headers that carry `context`.
pub fn inject(context: &SpanContext, headers: OwnedHeaders) -> OwnedHeaders {
    let mut carried = HashMap::new();
    let context = Context::new().with_remote_span_context(context.clone());
    TraceContextPropagator::new().inject_context(&context, &mut carried);
    let given = carried.iter().filter(|(_, value)| !value.is_empty());
    given.fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn extracted(traceparent: &[u8], tracestate: Option<&[u8]>) -> Option<SpanContext> {
        extract(|name| if name == TRACEPARENT { Some(traceparent) } else { tracestate })
    }

    #[test]
    fn a_context_comes_out_as_it_went_in() {
        let context = extracted(SAMPLED.as_bytes(), Some(b"shop=1,other=x")).unwrap();
        assert_eq!(context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert!(context.is_remote());
        let headers = inject(&context, OwnedHeaders::new());
        let found = |name| headers.iter().find(|header| header.key == name).and_then(|header| header.value);
        assert_eq!(found(TRACEPARENT), Some(SAMPLED.as_bytes()));
        assert_eq!(found(TRACESTATE), Some(&b"shop=1,other=x"[..]));
    }

    #[test]
    fn no_empty_state_is_carried() {
        let headers = inject(&extracted(SAMPLED.as_bytes(), None).unwrap(), OwnedHeaders::new());
        assert_eq!(headers.iter().map(|header| header.key).collect::<Vec<_>>(), [TRACEPARENT]);
    }

    #[test]
    fn what_nobody_records_and_what_is_no_context_is_none() {
        let not_sampled = SAMPLED.replace("-01", "-00");
        let no_trace = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        for bad in [not_sampled.as_bytes(), no_trace.as_bytes(), b"", b"00-xyz", b"\xff\xfe", &[b'0'; 4096]] {
            assert_eq!(extracted(bad, None), None, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(extract(|_| None), None);
    }

    #[test]
    fn a_bad_state_does_not_cost_the_context() {
        assert!(extracted(SAMPLED.as_bytes(), Some(b"\xff")).is_some());
        assert!(extracted(SAMPLED.as_bytes(), Some(b"=,=,=")).is_some());
        let long = format!("shop={}", "x".repeat(510));
        let context = extracted(SAMPLED.as_bytes(), Some(long.as_bytes())).unwrap();
        assert_eq!(context.trace_state().header(), "");
    }
}
