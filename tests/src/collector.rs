//! A real OpenTelemetry Collector of a test's own: receives OTLP, writes it into a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::case::{Case, free_port};
use crate::http;
use crate::kafka::{run_script, script};
use crate::process::Process;
use crate::wait;

const START_LIMIT: Duration = Duration::from_secs(30);

/// A running collector; killed when dropped.
pub struct Collector {
    port: u16,
    file: PathBuf,
    _process: Process,
}

/// One span, as it was received.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// `service.name` of who sent it.
    #[serde(skip)]
    pub service: String,
    /// `service.namespace` of who sent it.
    #[serde(skip)]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its kind: 1 internal, 4 producer, 5 consumer.
    pub kind: i32,
    /// Its trace, in hexadecimal digits.
    pub trace_id: String,
    /// Its own number.
    pub span_id: String,
    /// The span it was begun by; empty for none.
    #[serde(default)]
    pub parent_span_id: String,
    /// When it began, in nanoseconds.
    #[serde(deserialize_with = "number")]
    pub start_time_unix_nano: u64,
    /// When it ended.
    #[serde(deserialize_with = "number")]
    pub end_time_unix_nano: u64,
    /// Spans of other traces that it has to do with.
    #[serde(default)]
    pub links: Vec<Link>,
    #[serde(default)]
    attributes: Vec<Attribute>,
}

/// A link to a span.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Its trace.
    pub trace_id: String,
    /// Its number.
    pub span_id: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Attribute {
    key: String,
    value: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    #[serde(default)]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans {
    resource: Resource,
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize)]
struct Resource {
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct ScopeSpans {
    spans: Vec<Span>,
}

/// 64-bit numbers are strings in OTLP's JSON.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn text(attributes: &[Attribute], name: &str) -> Option<String> {
    let value = attributes.iter().find(|attribute| attribute.key == name)?.value.values().next()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

impl Span {
    /// An attribute, as text.
    pub fn attribute(&self, name: &str) -> Option<String> {
        text(&self.attributes, name)
    }
}

impl Collector {
    /// Starts one that receives OTLP over HTTP.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(case: &Case) -> Result<Self> {
        run_script(Command::new(script("otel-collector")))?;
        let (port, file) = (free_port()?, case.path("spans.json"));
        let mut command = case.command(script("otel-collector"));
        command.arg(port.to_string()).arg(&file);
        let process = Process::spawn("otel-collector", command, case.path("collector.log"))?;
        wait::until("the collector to listen", START_LIMIT, || Ok(http::get(port, "/v1/traces").is_ok()))?;
        Ok(Self { port, file, _process: process })
    }

    /// Its address, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All spans it has received and written so far.
    ///
    /// # Errors
    /// When the file cannot be read or is not OTLP.
    pub fn spans(&self) -> Result<Vec<Span>> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let mut spans = Vec::new();
        // the last line may be half written
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let export: Export = serde_json::from_str(line).context("reading what the collector wrote")?;
            for part in export.resource_spans {
                let about = |name| text_of(&part.resource, name);
                let (service, namespace) = (about("service.name"), about("service.namespace"));
                let found = part.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.extend(found.map(|span| Span {
                    service: service.clone(),
                    namespace: namespace.clone(),
                    ..span
                }));
            }
        }
        Ok(spans)
    }
}

fn text_of(resource: &Resource, name: &str) -> String {
    text(&resource.attributes, name).unwrap_or_default()
}
