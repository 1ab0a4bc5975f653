//! Traces: OpenTelemetry spans, sent over OTLP. Off unless the standard variables name a receiver.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | Switches traces on: the receiver's address, for example `http://localhost:4318` |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | The same, with the path (`/v1/traces`); wins |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`, the default and the only one there is |
//! | `OTEL_EXPORTER_OTLP_CERTIFICATE` | A PEM file of the authorities to trust at `https://`; by default the system's |
//! | `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` | Switch traces off |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | Which traces begin here; by default `parentbased_always_on` |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | What the process is called |
//!
//! Those for headers, compression (`gzip`), time-outs, batches (`OTEL_BSP_…`) and limits of spans have their standard
//! meaning too. Each of those that are named for `TRACES` wins over the general one. Source:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

mod client;
mod context;
mod span;

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceBuilder, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use opentelemetry_semantic_conventions::attribute::{
    SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION,
};

pub use client::ClientError;
pub use context::{extract, inject};
pub use opentelemetry::trace::{Span, SpanContext, Status};
pub use opentelemetry_sdk::trace::Span as SdkSpan;
pub use span::{Operation, child, root};

/// Begins spans.
pub type Tracer = SdkTracer;

/// How long spans that wait may take to be sent when a process ends.
const FAREWELL: Duration = Duration::from_secs(2);
/// The instrumentation scope of all spans.
const SCOPE: &str = "millrace";

/// What a process is called in its spans, unless `OTEL_SERVICE_NAME` says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// `service.name`, such as `millrace-processor`.
    pub name: &'static str,
    /// `service.namespace`: the pipeline.
    pub pipeline: &'a str,
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// A protocol that this program does not speak.
    #[error(
        "{variable}={value}: traces are sent by http/protobuf only (port 4318 of most receivers); \
         unset it or set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf"
    )]
    Protocol {
        /// Which variable says so.
        variable: &'static str,
        /// What it says.
        value: String,
    },
    /// An exporter that there is not.
    #[error("OTEL_TRACES_EXPORTER={0}: there are otlp (the default) and none")]
    Exporter(String),
    /// The certificates cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Some other variable is wrong.
    #[error("the variables OTEL_EXPORTER_OTLP_… do not name a receiver of traces")]
    Build(#[from] ExporterBuildError),
}

/// Sends what a process traces. Dropped without [`Exporter::end`], spans that wait are lost.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// An exporter as the environment describes it; `None` when it does not switch traces on.
    ///
    /// # Errors
    /// When a variable says what cannot be done.
    pub fn from_env(service: Service<'_>) -> Result<Option<Self>, TracesError> {
        if !is_on()? {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().with_http_client(client::client()?).build()?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(service))
            .with_batch_exporter(exporter)
            .build();
        tracing::info!("traces are sent over OTLP");
        Ok(Some(Self(provider)))
    }

    /// What begins spans that this exporter sends.
    pub fn tracer(&self) -> Tracer {
        self.0.tracer(SCOPE)
    }

    /// Sends what waits, for two seconds at most. Blocks.
    pub fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FAREWELL) {
            tracing::warn!(%error, "the last spans may not have reached the receiver");
        }
    }
}

/// The value of a variable; as the standard says, an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variable for traces, or else the one for all signals, and its value.
fn either(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, variable(name)?)))
}

fn is_on() -> Result<bool, TracesError> {
    let endpoint = either(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if endpoint.is_none() || disabled {
        return Ok(false);
    }
    match variable("OTEL_TRACES_EXPORTER").as_deref() {
        None | Some("otlp") => {}
        Some("none") => return Ok(false),
        Some(other) => return Err(TracesError::Exporter(other.to_owned())),
    }
    match either(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
        Some((variable, value)) if value != "http/protobuf" => Err(TracesError::Protocol { variable, value }),
        _ => Ok(true),
    }
}

/// What the process is called: as the environment says it, and where that is silent, as we know it.
fn resource(service: Service<'_>) -> Resource {
    let named = variable("OTEL_SERVICE_NAME").map(|name| KeyValue::new(SERVICE_NAME, name));
    known(service)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())])
        .with_attributes(named)
        .build()
}

/// What we know; later attributes win over it.
fn known(service: Service<'_>) -> ResourceBuilder {
    let host = hostname::get().unwrap_or_default().to_string_lossy().into_owned();
    Resource::builder_empty().with_attributes([
        KeyValue::new(SERVICE_NAME, service.name),
        KeyValue::new(SERVICE_NAMESPACE, service.pipeline.to_owned()),
        KeyValue::new(SERVICE_INSTANCE_ID, host),
        KeyValue::new(SERVICE_VERSION, env!("CARGO_PKG_VERSION")),
    ])
}

#[cfg(test)]
mod tests {
    use opentelemetry::Key;

    use super::*;

    /// The service's name when the environment says these attributes too.
    fn name<const N: usize>(said: [(&'static str, &'static str); N]) -> String {
        let service = Service { name: "millrace-views", pipeline: "shop" };
        let said = said.map(|(key, value)| KeyValue::new(key, value));
        let resource = known(service).with_attributes(said).build();
        resource.get(&Key::from_static_str(SERVICE_NAME)).unwrap().to_string()
    }

    #[test]
    fn only_its_own_attribute_names_the_service() {
        assert_eq!(name([("a", "1"), ("service.name", "shop")]), "shop");
        assert_eq!(name([("service.namespace", "shop"), ("peer.service.name", "x")]), "millrace-views");
    }
}
