//! What a container is told: its command, its environment, its files.

use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, KeyToPath, ObjectFieldSelector, SecretKeySelector, SecretVolumeSource, Volume,
    VolumeMount,
};

use super::{ADMIN_PORT, DASHBOARD_PORT};
use crate::api::TlsSpec;
use crate::pipeline::{Component, Login, PASSWORD, Pipeline, TLS_CERT, TLS_KEY, USERNAME};

/// Where files from Secrets are, one folder each.
const FILES: &str = "/etc/millrace";
/// The folder with the certificate of the brokers' authority.
const AUTHORITY: &str = "kafka-ca";
/// The folder with the certificate shown to the brokers.
const OWN: &str = "kafka-client";
/// What the authority's certificate is called there, whatever its key in the Secret.
const CA_FILE: &str = "ca.crt";
/// Readable for owner and group, which is the pod's.
const MODE: i32 = 0o440;

/// A folder with files from a Secret.
struct Folder<'a> {
    name: &'static str,
    secret: &'a str,
    /// Key in the Secret, name of the file.
    files: Vec<(&'a str, &'static str)>,
}

/// What follows the program's name.
pub(super) fn command(component: Component) -> Vec<String> {
    let words = match component {
        Component::Processor(name) => vec!["process", name.as_str()],
        Component::Views => vec!["views"],
        Component::Dashboard => vec!["dashboard"],
        Component::Simulator => vec!["simulate"],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// The environment of a component. What live settings say is not in it: it would override them.
pub(super) fn environment(pipeline: &Pipeline, component: Component) -> Vec<EnvVar> {
    let mut all = vec![
        value("ADMIN_LISTEN", &format!("0.0.0.0:{ADMIN_PORT}")),
        value("LOG_FORMAT", "json"),
        value("MILLRACE_PIPELINE", &pipeline.topics.pipeline),
        value("ORDERS_TOPIC", &pipeline.topics.orders),
        value("METRICS_TOPIC", &pipeline.topics.metrics),
        value("ALERTS_TOPIC", &pipeline.topics.alerts),
        value("DEAD_LETTER_TOPIC", &pipeline.topics.dead_letters),
    ];
    all.extend(kafka(pipeline));
    all.extend(pipeline.traces.variables().map(|(name, text)| value(name, text)));
    match component {
        Component::Processor(_) => all.extend([instance(), transaction_timeout(pipeline)]),
        Component::Views => all.extend(redis(pipeline)),
        Component::Dashboard => {
            all.push(value("DASHBOARD_LISTEN", &format!("0.0.0.0:{DASHBOARD_PORT}")));
            all.extend(redis(pipeline));
        }
        Component::Simulator => all.push(value("SIMULATOR_FOLLOW_SETTINGS", "true")),
    }
    all
}

/// The name of the replica: stays when a container restarts in its pod.
fn instance() -> EnvVar {
    let field = ObjectFieldSelector { api_version: None, field_path: "metadata.name".to_owned() };
    from("INSTANCE", EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() })
}

fn transaction_timeout(pipeline: &Pipeline) -> EnvVar {
    value("TRANSACTION_TIMEOUT", &format!("{}ms", pipeline.kafka.transaction_timeout.as_millis()))
}

fn kafka(pipeline: &Pipeline) -> Vec<EnvVar> {
    let kafka = &pipeline.kafka;
    let mut all = vec![value("KAFKA_BROKERS", &kafka.brokers.addresses)];
    if let Some(TlsSpec { ca_secret, client_cert_secret }) = &kafka.tls {
        all.push(value("KAFKA_TLS", "true"));
        all.extend(ca_secret.iter().map(|_| value("KAFKA_TLS_CA", &file(AUTHORITY, CA_FILE))));
        all.extend(client_cert_secret.iter().flat_map(|_| {
            [value("KAFKA_TLS_CERT", &file(OWN, TLS_CERT)), value("KAFKA_TLS_KEY", &file(OWN, TLS_KEY))]
        }));
    }
    if let Some(Login { mechanism, secret }) = &kafka.login {
        all.push(value("KAFKA_SASL_MECHANISM", mechanism.as_str()));
        all.push(entry("KAFKA_SASL_USERNAME", secret, USERNAME));
        all.push(entry("KAFKA_SASL_PASSWORD", secret, PASSWORD));
    }
    all
}

fn redis(pipeline: &Pipeline) -> Vec<EnvVar> {
    let redis = &pipeline.redis;
    let mut all = vec![value("REDIS_URL", &redis.url), value("REDIS_KEY_PREFIX", &redis.key_prefix)];
    if let Some(secret) = &redis.secret {
        // without a name it is the default user
        all.push(optional_entry("REDIS_USERNAME", secret, USERNAME));
        all.push(entry("REDIS_PASSWORD", secret, PASSWORD));
    }
    all
}

/// A value as it is: `$(…)` in it would be replaced, `$$` stands for one `$`.
fn value(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.replace('$', "$$")), value_from: None }
}

fn entry(name: &str, secret: &str, key: &str) -> EnvVar {
    from_secret(name, secret, key, None)
}

fn optional_entry(name: &str, secret: &str, key: &str) -> EnvVar {
    from_secret(name, secret, key, Some(true))
}

fn from_secret(name: &str, secret: &str, key: &str, optional: Option<bool>) -> EnvVar {
    let selector = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), optional };
    from(name, EnvVarSource { secret_key_ref: Some(selector), ..EnvVarSource::default() })
}

fn from(name: &str, source: EnvVarSource) -> EnvVar {
    EnvVar { name: name.to_owned(), value: None, value_from: Some(source) }
}

/// The files that a pod gets from Secrets.
pub(super) fn volumes(pipeline: &Pipeline) -> Vec<Volume> {
    folders(pipeline).into_iter().map(Folder::volume).collect()
}

/// Where a container finds them.
pub(super) fn mounts(pipeline: &Pipeline) -> Vec<VolumeMount> {
    folders(pipeline).into_iter().map(|folder| folder.mount()).collect()
}

fn folders(pipeline: &Pipeline) -> Vec<Folder<'_>> {
    let Some(TlsSpec { ca_secret, client_cert_secret }) = &pipeline.kafka.tls else { return Vec::new() };
    let authority = ca_secret.iter().map(|ca| Folder {
        name: AUTHORITY,
        secret: &ca.name,
        files: vec![(&ca.key, CA_FILE)],
    });
    let own = client_cert_secret.iter().map(|certificate| Folder {
        name: OWN,
        secret: &certificate.name,
        files: vec![(TLS_CERT, TLS_CERT), (TLS_KEY, TLS_KEY)],
    });
    authority.chain(own).collect()
}

impl Folder<'_> {
    fn volume(self) -> Volume {
        let Self { name, secret, files } = self;
        let item =
            |(key, path): (&str, &str)| KeyToPath { key: key.to_owned(), path: path.to_owned(), mode: None };
        let source = SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            items: Some(files.into_iter().map(item).collect()),
            default_mode: Some(MODE),
            optional: None,
        };
        Volume { name: name.to_owned(), secret: Some(source), ..Volume::default() }
    }

    fn mount(&self) -> VolumeMount {
        VolumeMount {
            name: self.name.to_owned(),
            mount_path: format!("{FILES}/{}", self.name),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}

fn file(folder: &str, name: &str) -> String {
    format!("{FILES}/{folder}/{name}")
}
