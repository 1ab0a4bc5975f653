//! Traces: sent to a real OpenTelemetry Collector, carried by the records of a real Kafka.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::binary::Build;
use harness::case::{self, Case, free_port};
use harness::cluster::READY_LIMIT;
use harness::collector::{Collector, Span};
use harness::kafka::Kafka;
use harness::load::{flush, producer};
use harness::pipeline::{Needs, Pipeline};
use harness::redis_server::Redis;
use harness::service::Spec;
use harness::shop::{iso, now_ms};
use harness::{http, topic, wait};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::BaseRecord;

const LIMIT: Duration = Duration::from_mins(1);
/// What the collector has received stands in its file after this long.
const FLUSHED: Duration = Duration::from_secs(1);
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;
const INTERNAL: i32 = 1;

struct Servers {
    kafka: Kafka,
    redis: Redis,
    collector: Collector,
}

impl Servers {
    fn start(case: &Case) -> Result<Self> {
        Ok(Self {
            kafka: Kafka::start(case)?,
            redis: Redis::start(case)?,
            collector: Collector::start(case)?,
        })
    }

    fn pipeline(&self, case: &Case, name: &str) -> Result<Pipeline> {
        let pipeline = Pipeline::new(case, name, &self.kafka, &self.redis, Build::Plain)?;
        pipeline.create_topics(3)?;
        Ok(pipeline)
    }

    /// The same process, sending its spans to the collector, often.
    fn traced(&self, spec: Spec) -> Spec {
        spec.env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.collector.endpoint())
            .env("OTEL_BSP_SCHEDULE_DELAY", "200")
    }
}

/// A client of the dashboard's events, polling as browsers do at first.
struct Client {
    stop: Arc<AtomicBool>,
    polls: std::thread::JoinHandle<String>,
}

impl Client {
    fn connect(port: u16) -> Result<Self> {
        let open = http::get(port, "/socket.io/?EIO=4&transport=polling")?.body;
        let open: serde_json::Value = serde_json::from_str(open.trim_start_matches('0'))?;
        let path =
            format!("/socket.io/?EIO=4&transport=polling&sid={}", open["sid"].as_str().context("sid")?);
        http::post(port, &path, "40")?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let polls = std::thread::spawn(move || {
            let mut events = String::new();
            while !told.load(Ordering::Relaxed) {
                if let Ok(answer) = http::get(port, &path) {
                    events += &answer.body;
                }
            }
            events
        });
        Ok(Self { stop, polls })
    }

    /// Everything it was sent.
    fn events(self) -> String {
        self.stop.store(true, Ordering::Relaxed);
        self.polls.join().unwrap_or_default()
    }
}

/// The spans of a trace from the order to the event, by name.
struct Chains<'s> {
    by_id: BTreeMap<&'s str, &'s Span>,
    spans: &'s [Span],
}

impl<'s> Chains<'s> {
    fn of(spans: &'s [Span]) -> Self {
        Self { by_id: spans.iter().map(|span| (span.span_id.as_str(), span)).collect(), spans }
    }

    fn named(&self, name: &str) -> Vec<&'s Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// Each span called `name` is a child, in the same trace and not earlier, of one called `parent`.
    fn follow(&self, name: &str, kind: i32, service: &str, parent: &str) -> Result<Vec<&'s Span>> {
        let found = self.named(name);
        for span in &found {
            ensure!((span.kind, span.service.as_str()) == (kind, service), "{span:?}");
            let before = self.by_id.get(span.parent_span_id.as_str());
            let before = before.with_context(|| format!("the parent of {span:?} was not received"))?;
            ensure!(before.name == parent && before.trace_id == span.trace_id, "{span:?} after {before:?}");
            ensure!(span.start_time_unix_nano >= before.start_time_unix_nano, "{span:?} before {before:?}");
            ensure!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?} ends before it begins");
        }
        Ok(found)
    }
}

/// Every trace of an order that raised an alert goes on to the event in the browser; commits link to their orders.
#[test]
fn an_order_is_followed_to_the_dashboards_event() {
    case::run("traces", |case| {
        let servers = Servers::start(case)?;
        let pipeline = servers.pipeline(case, "shop")?;
        let port = free_port()?;
        let mut stage = servers.traced(pipeline.process(&["revenue", "fraud", "trend"], "all-1")).start()?;
        let mut dashboard = servers.traced(pipeline.dashboard(port)).start()?;
        stage.wait_ready(READY_LIMIT)?;
        wait::until("the dashboard to listen", LIMIT, || Ok(http::get(port, "/healthz").is_ok()))?;
        let client = Client::connect(port)?;
        let simulate = ["simulate", "--rate", "100", "--suspicious-percent", "100", "--count", "500"];
        let simulate = pipeline.spec("simulator", &simulate, Needs { kafka: true, redis: false });
        let mut simulator = servers.traced(simulate).start()?;
        simulator.process().wait_end(LIMIT)?;
        let begun = topic::read(pipeline.brokers(), &pipeline.orders())?;
        let begun: BTreeSet<_> =
            begun.iter().filter_map(|order| Some(order.header("traceparent")?[3..35].to_owned())).collect();
        wait::until("every trace to reach the clients", LIMIT, || {
            let spans = servers.collector.spans()?;
            let emitted = spans.iter().filter(|span| span.name == "emit alerts");
            Ok(emitted.map(|span| span.trace_id.as_str()).collect::<BTreeSet<_>>().len() == begun.len())
        })?;
        let events = client.events();
        // they send what waits
        stage.drain()?;
        dashboard.drain()?;
        std::thread::sleep(FLUSHED);
        check(&servers.collector.spans()?, &begun, &pipeline)?;
        ensure!(events.contains(r#"42["alerts",{"#), "no alert came: {events}");
        Ok(())
    });
}

fn check(spans: &[Span], begun: &BTreeSet<String>, pipeline: &Pipeline) -> Result<()> {
    // at most one in 100 ms, of 500 orders in 5 s
    let sent = begun.len();
    ensure!((20..=70).contains(&sent), "{sent} traces");
    ensure!(spans.iter().all(|span| span.namespace == "shop"), "{spans:?}");
    let chains = Chains::of(spans);
    let stage = "millrace-processor";
    let orders = chains.follow("process shop-orders", CONSUMER, stage, "send shop-orders")?;
    let alerts = chains.follow("send shop-alerts", PRODUCER, stage, "process shop-orders")?;
    let read = chains.follow("process shop-alerts", CONSUMER, "millrace-dashboard", "send shop-alerts")?;
    let emitted = chains.follow("emit alerts", PRODUCER, "millrace-dashboard", "process shop-alerts")?;
    // one order may raise two alerts
    ensure!(
        orders.len() == sent && alerts.len() == sent && read.len() >= sent && emitted.len() == read.len()
    );
    let roots = chains.named("send shop-orders");
    ensure!(roots.iter().all(|span| span.parent_span_id.is_empty() && span.kind == PRODUCER));
    ensure!(roots.iter().map(|span| span.trace_id.clone()).collect::<BTreeSet<_>>() == *begun);
    ensure!(roots.iter().all(|span| span.service == "millrace-simulator"));
    let group = orders[0].attribute("messaging.consumer.group.name");
    ensure!(group == Some(pipeline.group("revenue-fraud-trend")), "{group:?}");
    let commits = chains.follow("commit", INTERNAL, stage, "process shop-orders")?;
    ensure!(commits.iter().all(|span| span.links.iter().any(|link| link.span_id == span.parent_span_id)));
    let linked: BTreeSet<_> =
        commits.iter().flat_map(|span| &span.links).map(|link| (&link.trace_id, &link.span_id)).collect();
    ensure!(linked == orders.iter().map(|span| (&span.trace_id, &span.span_id)).collect(), "{linked:?}");
    let carried: BTreeSet<_> = carried(pipeline)?.into_values().flatten().collect();
    let expected = alerts.iter().map(|span| format!("00-{}-{}-01", span.trace_id, span.span_id)).collect();
    ensure!(carried == expected, "{carried:?} instead of {expected:?}");
    Ok(())
}

/// By order id, the contexts that alerts carry.
fn carried(pipeline: &Pipeline) -> Result<BTreeMap<String, Option<String>>> {
    let alerts = topic::read(pipeline.brokers(), &pipeline.alerts())?;
    let one = |alert: &topic::Record| {
        let order = alert.json()?["orderId"].as_str().context("orderId")?.to_owned();
        Ok((order, alert.header("traceparent")))
    };
    alerts.iter().map(one).collect()
}

const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Orders with every kind of header; each raises an alert.
fn send_orders(pipeline: &Pipeline, kinds: &[(&str, Option<&[u8]>)]) -> Result<()> {
    let producer = producer(pipeline.brokers())?;
    let orders = pipeline.orders();
    for (number, (id, traceparent)) in kinds.iter().enumerate() {
        let time = iso(now_ms());
        let order = format!(
            r#"{{"orderId":"{id}","userId":"user-{number}","product":"Laptop","quantity":1,"total":900000000,"city":"HCM","timestamp":"{time}"}}"#
        );
        let mut headers = OwnedHeaders::new().insert(Header { key: "tracestate", value: Some("shop=7") });
        if let Some(value) = traceparent {
            headers = headers.insert(Header { key: "traceparent", value: Some(*value) });
        }
        let user = format!("user-{number}");
        let record = BaseRecord::to(&orders).key(&user).payload(&order).headers(headers);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    flush(&producer)
}

/// Only a trace that its producer records is carried on, and no header stops an order. With traces off, or with the
/// receiver away, alerts come all the same.
#[test]
fn only_recorded_traces_are_carried_on() {
    case::run("traces-carried", |case| {
        let servers = Servers::start(case)?;
        let unrecorded = SAMPLED.replace("-01", "-00");
        let kinds: [(&str, Option<&[u8]>); 6] = [
            ("recorded", Some(SAMPLED.as_bytes())),
            ("unrecorded", Some(unrecorded.as_bytes())),
            ("none", None),
            ("empty", Some(b"")),
            ("malformed", Some(b"00-xyz")),
            ("bytes", Some(b"\xff\xfe\x00")),
        ];
        let run = |name: &str, change: &dyn Fn(Spec) -> Spec| -> Result<BTreeMap<String, Option<String>>> {
            let pipeline = servers.pipeline(case, name)?;
            send_orders(&pipeline, &kinds)?;
            let mut stage = change(pipeline.process(&["fraud"], name)).start()?;
            let alerts = wait::some("all alerts", LIMIT, || {
                let alerts = carried(&pipeline)?;
                Ok((alerts.len() == kinds.len()).then_some(alerts))
            })?;
            stage.drain()?;
            Ok(alerts)
        };
        let on = run("on", &|spec| servers.traced(spec))?;
        let traced: Vec<_> =
            on.iter().filter_map(|(order, context)| Some((order, context.as_ref()?))).collect();
        let [(order, context)] = traced[..] else { anyhow::bail!("{on:?}") };
        ensure!(order == "recorded" && context.starts_with(&SAMPLED[..36]), "{on:?}");
        std::thread::sleep(FLUSHED);
        let spans = servers.collector.spans()?;
        let parent: Vec<_> = spans.iter().filter(|span| span.name == "process on-orders").collect();
        ensure!(parent.len() == 1 && parent[0].parent_span_id == SAMPLED[36..52], "{spans:?}");

        let silent = |name: &str, change: &dyn Fn(Spec) -> Spec| -> Result<()> {
            let alerts = run(name, change)?;
            ensure!(alerts.values().all(Option::is_none), "{name}: {alerts:?}");
            Ok(())
        };
        silent("off", &|spec| spec)?;
        silent("disabled", &|spec| servers.traced(spec).env("OTEL_SDK_DISABLED", "true"))?;
        silent("sampler", &|spec| servers.traced(spec).env("OTEL_TRACES_SAMPLER", "always_off"))?;
        std::thread::sleep(FLUSHED);
        ensure!(servers.collector.spans()?.len() == spans.len(), "spans although traces were off");
        let away = format!("http://127.0.0.1:{}", free_port()?);
        let lost = run("away", &|spec| servers.traced(spec).env("OTEL_EXPORTER_OTLP_ENDPOINT", &away))?;
        ensure!(lost.values().flatten().count() == 1, "{lost:?}");
        Ok(())
    });
}
