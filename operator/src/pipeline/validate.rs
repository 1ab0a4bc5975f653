//! From the resource to a [`Pipeline`], telling everything that is wrong at once.

mod topics;
mod workloads;

use std::fmt::Display;
use std::time::Duration;

use contract::Settings;
use contract::settings::{FraudSettings, SettingsError, SimulatorSettings};
use kube::ResourceExt;

use super::names::{Identity, check_key, check_name, check_subdomain};
use super::violation::{Violation, Violations};
use super::{Kafka, Login, OperatorDefaults, OperatorNamespace, Pipeline, Redis, connection};
use crate::api::{self, AnalyticsPipeline, AnalyticsPipelineSpec, KafkaSpec, RedisSpec};

/// Shorter ends transactions that are merely slow; longer is more than brokers allow unless they are configured
/// (`transaction.max.timeout.ms`).
const TRANSACTION_TIMEOUT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(15));
/// The longest prefix of keys, in bytes.
const LONGEST_PREFIX: usize = 200;

pub(super) fn validate(
    resource: &AnalyticsPipeline,
    defaults: &OperatorDefaults,
) -> Result<Pipeline, Vec<Violation>> {
    let spec = &resource.spec;
    let mut found = Violations::default();
    let identity = identity(resource, &mut found);
    let kafka = kafka(&spec.kafka, &mut found);
    let redis = redis(&spec.redis, &identity, &mut found);
    let settings = settings(spec, &mut found);
    let views = workloads::views(&spec.views, &mut found);
    let image = found.check("spec.image", defaults.image.with(&spec.image));
    let pipeline = |found: &mut Violations| {
        Some(Pipeline {
            state: spec.state,
            topics: topics::topics(&spec.topics, &identity, found),
            topic_specs: spec.topics.clone(),
            processors: workloads::processors(spec, found),
            dashboard: workloads::dashboard(&spec.dashboard, found),
            simulator: workloads::simulator(&spec.simulator, found),
            network_policy: spec
                .network_policy
                .enabled
                .then(|| OperatorNamespace(defaults.namespace.clone())),
            deletion: spec.deletion.clone(),
            identity,
            kafka: kafka?,
            redis: redis?,
            settings: settings?,
            views: views?,
            image: image?,
            traces: defaults.traces.clone(),
        })
    };
    match (pipeline(&mut found), found.into_inner()) {
        (Some(pipeline), none) if none.is_empty() => Ok(pipeline),
        (_, violations) => Err(violations),
    }
}

fn identity(resource: &AnalyticsPipeline, found: &mut Violations) -> Identity {
    let name = resource.name_any();
    found.check("metadata.name", check_name(&name));
    let mut given = |path: &str, value: Option<String>| {
        let value = value.unwrap_or_default();
        if value.is_empty() {
            found.add(path, "is missing; the API server gives one to every resource");
        }
        value
    };
    let namespace = given("metadata.namespace", resource.namespace());
    let uid = given("metadata.uid", resource.uid());
    Identity { name, namespace, uid }
}

fn kafka(spec: &KafkaSpec, found: &mut Violations) -> Option<Kafka> {
    // the commit interval is one of the settings
    let KafkaSpec { bootstrap_servers, tls, sasl, commit_interval: _, transaction_timeout } = spec;
    let brokers = found.check("spec.kafka.bootstrapServers", bootstrap_servers.parse());
    if let Some(ca) = tls.as_ref().and_then(|tls| tls.ca_secret.as_ref()) {
        found.check("spec.kafka.tls.caSecret.name", check_subdomain(&ca.name));
        found.check("spec.kafka.tls.caSecret.key", check_key(&ca.key));
    }
    if let Some(certificate) = tls.as_ref().and_then(|tls| tls.client_cert_secret.as_ref()) {
        found.check("spec.kafka.tls.clientCertSecret.name", check_subdomain(&certificate.name));
    }
    if let Some(sasl) = sasl {
        found.check("spec.kafka.sasl.secret.name", check_subdomain(&sasl.secret.name));
    }
    let transaction_timeout =
        found.check("spec.kafka.transactionTimeout", within(*transaction_timeout, TRANSACTION_TIMEOUT));
    Some(Kafka {
        brokers: brokers?,
        tls: tls.clone(),
        login: sasl.as_ref().map(Login::from),
        transaction_timeout: transaction_timeout?,
    })
}

fn redis(spec: &RedisSpec, identity: &Identity, found: &mut Violations) -> Option<Redis> {
    let RedisSpec { url, secret, key_prefix } = spec;
    let address = found.check("spec.redis.url", connection::redis_url(url));
    if let Some(secret) = secret {
        found.check("spec.redis.secret.name", check_subdomain(&secret.name));
    }
    let key_prefix = key_prefix.clone().unwrap_or_else(|| format!("{{{}}}:", identity.pipeline()));
    if key_prefix.len() > LONGEST_PREFIX || key_prefix.chars().any(char::is_control) {
        let problem = format!("must have at most {LONGEST_PREFIX} bytes and no control characters");
        found.add("spec.redis.keyPrefix", problem);
    }
    let (url, port) = address?;
    Some(Redis { url, port, secret: secret.as_ref().map(|secret| secret.name.clone()), key_prefix })
}

/// What the spec says about what changes without pod restarts.
fn settings(spec: &AnalyticsPipelineSpec, found: &mut Violations) -> Option<Settings> {
    let api::Thresholds { high_value, orders_per_minute } = spec.processors.fraud.thresholds;
    let settings = Settings {
        generation: 0,
        fraud: FraudSettings { high_value, orders_per_minute },
        commit_interval_ms: spec.kafka.commit_interval.as_millis(),
        view_interval_ms: spec.views.interval.as_millis(),
        trend_top_k: usize::try_from(spec.processors.trend.top_k).unwrap_or(usize::MAX),
        simulator: SimulatorSettings {
            orders_per_second: spec.simulator.orders_per_second,
            suspicious_percent: spec.simulator.suspicious_percent,
        },
    };
    match settings.validate() {
        Ok(()) => Some(settings),
        Err(error) => {
            let path = match &error {
                SettingsError::OutOfRange { path, .. } => setting_path(path),
                SettingsError::Json { .. } => "spec",
            };
            found.add(path, error);
            None
        }
    }
}

/// Where the resource says what the settings call `path`.
fn setting_path(path: &str) -> &'static str {
    match path {
        "fraud.highValue" => "spec.processors.fraud.thresholds.highValue",
        "fraud.ordersPerMinute" => "spec.processors.fraud.thresholds.ordersPerMinute",
        "commitIntervalMs" => "spec.kafka.commitInterval",
        "viewIntervalMs" => "spec.views.interval",
        "trendTopK" => "spec.processors.trend.topK",
        "simulator.ordersPerSecond" => "spec.simulator.ordersPerSecond",
        "simulator.suspiciousPercent" => "spec.simulator.suspiciousPercent",
        _ => "spec",
    }
}

/// The duration, if it is from the first to the second.
fn within(duration: api::Duration, (least, most): (Duration, Duration)) -> Result<Duration, impl Display> {
    let given = duration.get();
    if (least..=most).contains(&given) {
        Ok(given)
    } else {
        Err(format!("is {duration}; it must be from {}s to {}s", least.as_secs(), most.as_secs()))
    }
}
