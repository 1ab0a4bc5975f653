//! Keeps librdkafka's log lines bearable: what is no event is dropped, and what repeats is thinned out.
//!
//! While a broker is away every client writes "connection refused" for every broker several times a second;
//! the end of a partition is reported as an error each time it is reached.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata};
use tracing_subscriber::layer::{Context, Filter};

/// The same kind of line is written at most once in this time.
const PAUSE: Duration = Duration::from_secs(10);
/// Kinds remembered; more than this many different ones within `PAUSE` are written unthinned.
const KINDS: usize = 256;

/// A filter that only looks at lines from librdkafka and its binding.
#[derive(Default)]
pub(super) struct Quiet {
    written: Mutex<HashMap<String, Instant>>,
}

impl Quiet {
    /// Whether to write this line now.
    fn admits(&self, message: &str, now: Instant) -> bool {
        if message.contains("PartitionEOF") || message.contains("Partition EOF") {
            return false;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= KINDS {
            written.retain(|_, at| now.duration_since(*at) < PAUSE);
        }
        let kind = kind_of(message);
        match written.get(&kind) {
            Some(at) if now.duration_since(*at) < PAUSE => false,
            _ => {
                if written.len() < KINDS {
                    written.insert(kind, now);
                }
                true
            }
        }
    }
}

/// What the line is about. The same trouble comes twice, as a log line and as an error, each with a preamble:
/// `FAIL [thrd:…]: localhost:9092/1: Connect to ipv4#127.0.0.1:9092 failed: … (after 0ms in state CONNECT,
/// 5 identical errors suppressed)` and `Global error: BrokerTransportFailure (…): localhost:9092/1: …`.
fn kind_of(message: &str) -> String {
    let end_of_preamble = if message.contains("[thrd:") { "]: " } else { "): " };
    let text = message.split_once(end_of_preamble).map_or(message, |(_, text)| text);
    let text = text.split(" (after ").next().unwrap_or(text);
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    // lines of the `log` crate arrive under the target "log"
    let target = metadata.target();
    target == "log" || target.starts_with("rdkafka") || target.starts_with("librdkafka")
}

impl<S> Filter<S> for Quiet {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_ours(metadata) { Interest::sometimes() } else { Interest::always() }
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        if !is_ours(event.metadata()) {
            return true;
        }
        let mut text = Text::default();
        event.record(&mut text);
        if text.target.is_empty() || text.target.contains("rdkafka") {
            self.admits(&text.message, Instant::now())
        } else {
            true
        }
    }
}

/// The message, and for lines of the `log` crate the target they were written under.
#[derive(Default)]
struct Text {
    message: String,
    target: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "log.target" => value.clone_into(&mut self.target),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message.clear();
            // writing to a String cannot fail
            let _ = write!(self.message, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "librdkafka: FAIL [thrd:localhost:9092/bootstrap]: localhost:9092/bootstrap: Connect to \
                           ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)";

    #[test]
    fn the_end_of_a_partition_is_no_event() {
        let quiet = Quiet::default();
        assert!(!quiet.admits("librdkafka: PartitionEOF (Broker: No more messages): …", Instant::now()));
    }

    #[test]
    fn a_flood_is_thinned_to_a_line_per_pause() {
        let (quiet, start) = (Quiet::default(), Instant::now());
        let again =
            REFUSED.replace("0ms in state CONNECT", "12ms in state CONNECT, 5 identical errors suppressed");
        assert!(quiet.admits(REFUSED, start));
        assert!(!quiet.admits(&again, start + Duration::from_secs(1)));
        assert!(quiet.admits("librdkafka: FAIL something else", start + Duration::from_secs(1)));
        assert!(quiet.admits(&again, start + PAUSE));
    }

    #[test]
    fn the_same_trouble_is_told_once() {
        let (quiet, now) = (Quiet::default(), Instant::now());
        let error = "librdkafka: Global error: BrokerTransportFailure (Local: Broker transport failure): \
                     localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused \
                     (after 0ms in state CONNECT)";
        assert!(quiet.admits(error, now));
        assert!(!quiet.admits(REFUSED, now));
    }
}
