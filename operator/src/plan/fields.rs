//! What a change of each field does. Declared here and nowhere else.

use crate::api::Effect;
use Change::{Always, OnlyUp};
use Effect::{Hot, Refused, Rescale, Rolling, Topic};

/// A field, or several alike: `*` stands for any one part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// As `spec.topics.*.partitions`.
    pub path: &'static str,
    /// What its change does.
    pub change: Change,
}

/// What the change of a field does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The same whatever it was and is; one sentence.
    Always(Effect, &'static str),
    /// A number of a topic that cannot shrink: `Topic` when it grows, else `Refused`.
    OnlyUp {
        /// What growing does.
        up: &'static str,
        /// Why it cannot shrink.
        down: &'static str,
    },
}

const CONNECTS_ANEW: &str = "pods restart one after the other to connect anew";
const SETTINGS: &str = "sent to all replicas through the settings topic";
const REPLICAS: &str = "replicas are added or taken away; the partitions are shared anew";
const AUTO: &str = "holds from the next decision about replicas on, which may add or take some away";
const RESOURCES: &str = "pods restart one after the other to get other resources";
const IMAGE: &str = "pods restart one after the other to run the image";
const INGRESS: &str = "the Ingress is changed";
const WHEN_DELETED: &str = "holds when the resource is deleted";

/// All fields. Objects that may be absent as a whole have a declaration of their own: so `tls: {}` is a change.
pub const FIELDS: &[Field] = &[
    field_of(
        "spec.state",
        Always(Rescale, "processors are drained and taken to zero replicas, or go on where they stopped"),
    ),
    field_of("spec.kafka.bootstrapServers", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls.caSecret", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls.caSecret.name", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls.caSecret.key", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls.clientCertSecret", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.tls.clientCertSecret.name", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.sasl", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.sasl.mechanism", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.sasl.secret.name", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.kafka.commitInterval", Always(Hot, SETTINGS)),
    field_of(
        "spec.kafka.transactionTimeout",
        Always(Rolling, "pods restart one after the other to open their transactions with it"),
    ),
    field_of("spec.redis.url", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.redis.secret", Always(Rolling, CONNECTS_ANEW)),
    field_of("spec.redis.secret.name", Always(Rolling, CONNECTS_ANEW)),
    field_of(
        "spec.redis.keyPrefix",
        Always(
            Rolling,
            "views and dashboard restart and use keys with the new prefix; those with the old one stay",
        ),
    ),
    field_of(
        "spec.topics.*.name",
        Always(
            Refused,
            "the data would stay behind in the old topic: create another pipeline for the new one",
        ),
    ),
    field_of(
        "spec.topics.*.partitions",
        OnlyUp {
            up: "partitions are added; a user whose orders move to another one may be under-counted by the velocity \
                 rule for that minute",
            down: "a topic's partitions cannot shrink",
        },
    ),
    field_of(
        "spec.topics.*.replicationFactor",
        Always(Topic, "holds for topics that the operator creates; one that exists keeps its copies"),
    ),
    field_of(
        "spec.topics.*.management",
        Always(Topic, "from now on the operator changes the topic, or only checks it"),
    ),
    field_of(
        "spec.topics.*.config",
        Always(Topic, "the entries are set on the topic; one that is taken out here stays there as it is"),
    ),
    field_of(
        "spec.processors.*.enabled",
        Always(Rescale, "the Deployment is created or deleted; state stays, and it goes on where it stopped"),
    ),
    field_of(
        "spec.processors.*.scaling.mode",
        Always(Rescale, "replicas stay as they are until whoever decides from now on changes them"),
    ),
    field_of("spec.processors.*.scaling.replicas", Always(Rescale, REPLICAS)),
    field_of("spec.processors.*.scaling.min", Always(Rescale, AUTO)),
    field_of("spec.processors.*.scaling.max", Always(Rescale, AUTO)),
    field_of("spec.processors.*.scaling.maxLag", Always(Rescale, AUTO)),
    field_of("spec.processors.*.resources.*.cpu", Always(Rolling, RESOURCES)),
    field_of("spec.processors.*.resources.*.memory", Always(Rolling, RESOURCES)),
    field_of("spec.processors.fraud.thresholds.highValue", Always(Hot, SETTINGS)),
    field_of("spec.processors.fraud.thresholds.ordersPerMinute", Always(Hot, SETTINGS)),
    field_of("spec.processors.trend.topK", Always(Hot, SETTINGS)),
    field_of("spec.views.interval", Always(Hot, SETTINGS)),
    field_of("spec.*.resources.*.cpu", Always(Rolling, RESOURCES)),
    field_of("spec.*.resources.*.memory", Always(Rolling, RESOURCES)),
    field_of("spec.dashboard.replicas", Always(Rescale, "pods of the dashboard are added or taken away")),
    field_of("spec.dashboard.ingress", Always(Hot, "the Ingress is created or deleted")),
    field_of("spec.dashboard.ingress.host", Always(Hot, INGRESS)),
    field_of("spec.dashboard.ingress.tlsSecret", Always(Hot, INGRESS)),
    field_of("spec.dashboard.ingress.className", Always(Hot, INGRESS)),
    field_of("spec.simulator.enabled", Always(Rescale, "the simulator's Deployment is created or deleted")),
    field_of("spec.simulator.ordersPerSecond", Always(Hot, SETTINGS)),
    field_of("spec.simulator.suspiciousPercent", Always(Hot, SETTINGS)),
    field_of("spec.networkPolicy.enabled", Always(Hot, "NetworkPolicies are created or deleted")),
    field_of("spec.deletion.topics", Always(Hot, WHEN_DELETED)),
    field_of("spec.deletion.state", Always(Hot, WHEN_DELETED)),
    field_of("spec.image.repository", Always(Rolling, IMAGE)),
    field_of("spec.image.tag", Always(Rolling, IMAGE)),
    field_of("spec.image.pullPolicy", Always(Rolling, IMAGE)),
];

const fn field_of(path: &'static str, change: Change) -> Field {
    Field { path, change }
}

/// The declaration for a path such as `spec.topics.orders.partitions`.
pub fn field(path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| is(field.path, path))
}

/// Whether there are declarations for parts of what is at `path`; if not, it changes as a whole.
pub(super) fn has_parts(path: &str) -> bool {
    let depth = path.split('.').count();
    FIELDS.iter().any(|field| {
        let parts = field.path.split('.');
        parts.clone().count() > depth && parts.zip(path.split('.')).all(|(part, given)| fits(part, given))
    })
}

/// Whether `path` is what `pattern` means.
pub(super) fn is(pattern: &str, path: &str) -> bool {
    let (mut parts, mut given) = (pattern.split('.'), path.split('.'));
    parts.by_ref().zip(given.by_ref()).all(|(part, given)| fits(part, given))
        && pattern.split('.').count() == path.split('.').count()
}

fn fits(part: &str, given: &str) -> bool {
    part == "*" || part == given
}
