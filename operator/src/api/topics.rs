//! The public topics.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::schema;

/// The public topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = distinct_names()))]
pub struct TopicsSpec {
    /// Where orders come in. Its partitions are the most replicas that a processor can have.
    #[serde(deserialize_with = "orders")]
    #[schemars(schema_with = "orders_schema")]
    pub orders: TopicSpec,

    /// Where updates go: snapshots of the totals.
    #[serde(deserialize_with = "metrics")]
    #[schemars(schema_with = "metrics_schema")]
    pub metrics: TopicSpec,

    /// Where fraud alerts go.
    #[serde(deserialize_with = "alerts")]
    #[schemars(schema_with = "alerts_schema")]
    pub alerts: TopicSpec,

    /// Where orders go that cannot be read.
    #[serde(deserialize_with = "dead_letters")]
    #[schemars(schema_with = "dead_letters_schema")]
    pub dead_letters: TopicSpec,
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicSpec {
    /// Its name in Kafka; it never changes.
    pub name: String,
    /// How many partitions it has; they never get fewer.
    pub partitions: i32,
    /// How many copies a new topic gets; `None`: three, or what the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i32>,
    /// Who creates and changes it.
    pub management: TopicManagement,
    /// Kafka's own settings of the topic.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

/// Who creates and changes a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopicManagement {
    /// The operator: it creates the topic, adds partitions and keeps its settings.
    #[default]
    Managed,
    /// Somebody else: the operator looks whether it is as said, and changes nothing.
    External,
}

/// A topic as it is written: what is left out depends on which topic it is.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct WrittenTopic {
    /// Its name in Kafka. It cannot be changed. At most 200 characters of letters, digits, `.`, `_` and `-`.
    #[schemars(length(min = 1, max = 200), extend("x-kubernetes-validations" = name_rules()))]
    name: Option<String>,

    /// How many partitions it has. They can get more, never fewer. 1 to 1,000.
    #[schemars(range(min = 1, max = 1_000), extend("x-kubernetes-validations" = partition_rules()))]
    partitions: Option<i32>,

    /// How many copies of each record a topic gets that the operator creates; a topic that exists keeps its own, and
    /// `status.topics` says so. Default: 3, or as many as there are brokers. 1 to 9.
    #[schemars(range(min = 1, max = 9))]
    replication_factor: Option<i32>,

    /// `Managed`: the operator creates the topic, adds partitions and sets `config`. `External`: somebody else does;
    /// the operator only checks. Default: `Managed`.
    management: TopicManagement,

    /// Kafka's settings of the topic by their own names, as `retention.ms: "604800000"`. Settings that are not named
    /// here stay as they are. Default: none. At most 50; names of at most 100 characters, values of at most 1,000.
    #[schemars(schema_with = "config_schema")]
    config: BTreeMap<String, String>,
}

impl Default for TopicsSpec {
    fn default() -> Self {
        let written = WrittenTopic::default;
        Self {
            orders: written().or(ORDERS),
            metrics: written().or(METRICS),
            alerts: written().or(ALERTS),
            dead_letters: written().or(DEAD_LETTERS),
        }
    }
}

/// What a topic is called and how many partitions it has unless said otherwise.
#[derive(Clone, Copy)]
struct Defaults {
    name: &'static str,
    partitions: i32,
}

const ORDERS: Defaults = Defaults { name: "orders", partitions: 3 };
const METRICS: Defaults = Defaults { name: "metrics", partitions: 1 };
const ALERTS: Defaults = Defaults { name: "alerts", partitions: 1 };
const DEAD_LETTERS: Defaults = Defaults { name: "orders.dead-letter", partitions: 1 };

impl WrittenTopic {
    fn or(self, defaults: Defaults) -> TopicSpec {
        let Self { name, partitions, replication_factor, management, config } = self;
        TopicSpec {
            name: name.unwrap_or_else(|| defaults.name.to_owned()),
            partitions: partitions.unwrap_or(defaults.partitions),
            replication_factor,
            management,
            config,
        }
    }
}

fn orders<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicSpec, D::Error> {
    WrittenTopic::deserialize(deserializer).map(|topic| topic.or(ORDERS))
}

fn metrics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicSpec, D::Error> {
    WrittenTopic::deserialize(deserializer).map(|topic| topic.or(METRICS))
}

fn alerts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicSpec, D::Error> {
    WrittenTopic::deserialize(deserializer).map(|topic| topic.or(ALERTS))
}

fn dead_letters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TopicSpec, D::Error> {
    WrittenTopic::deserialize(deserializer).map(|topic| topic.or(DEAD_LETTERS))
}

fn orders_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = topic_schema(generator, ORDERS);
    schema.insert(schema::RULES.to_owned(), json!([not_compacted()]));
    schema
}

fn metrics_schema(generator: &mut SchemaGenerator) -> Schema {
    topic_schema(generator, METRICS)
}

fn alerts_schema(generator: &mut SchemaGenerator) -> Schema {
    topic_schema(generator, ALERTS)
}

fn dead_letters_schema(generator: &mut SchemaGenerator) -> Schema {
    topic_schema(generator, DEAD_LETTERS)
}

/// The schema of one topic with its own defaults.
fn topic_schema(generator: &mut SchemaGenerator, defaults: Defaults) -> Schema {
    let mut schema = WrittenTopic::json_schema(generator);
    schema.remove("description");
    for (property, default) in [("name", json!(defaults.name)), ("partitions", json!(defaults.partitions))] {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{property}")) {
            property["default"] = default;
        }
    }
    schema
}

fn config_schema(_: &mut SchemaGenerator) -> Schema {
    let message = "config must be Kafka's settings of topics by their own names, for example retention.ms, in lower-case \
                   letters, digits and '.'";
    json_schema!({
        "type": "object",
        "maxProperties": 50,
        "additionalProperties": { "type": "string", "maxLength": 1_000 },
        "x-kubernetes-validations": [schema::rule("self.all(name, name.matches('^[a-z0-9.]{1,100}$'))", message)],
    })
}

fn name_rules() -> Value {
    json!([
        schema::rule(
            "self.matches('^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$')",
            "name must be a name of a topic: letters, digits, '.', '_' and '-', and not only dots",
        ),
        schema::rule(
            "self == oldSelf",
            "the name of a topic cannot be changed, for its data would stay behind: keep the old name, or create another \
             pipeline for the new topic",
        ),
    ])
}

fn partition_rules() -> Value {
    json!([schema::rule(
        "self >= oldSelf",
        "the partitions of a topic cannot shrink, for Kafka cannot take any away: keep the old number or give a greater one",
    )])
}

/// Processors read orders by their position; compaction would take some away.
fn not_compacted() -> Value {
    schema::rule_at(
        ".config",
        "!has(self.config) || !('cleanup.policy' in self.config) || self.config['cleanup.policy'] == 'delete'",
        "config: cleanup.policy of topics.orders must be delete, for compaction would take orders away before they are \
         counted: remove the entry",
    )
}

/// Kafka takes '.' and '_' for the same in names.
fn distinct_names() -> Value {
    let topics = ["orders", "metrics", "alerts", "deadLetters"];
    let pairs = topics
        .iter()
        .enumerate()
        .flat_map(|(i, first)| topics[i + 1..].iter().map(move |second| (first, second)));
    let rules = pairs.map(|(first, second)| {
        let name = |topic: &str| format!("self.{topic}.name.replace('.', '_')");
        let message = format!(
            "topics.{second}.name is the same as topics.{first}.name (Kafka takes '.' and '_' for the same): give each \
             topic a name of its own"
        );
        schema::rule_at(&format!(".{second}.name"), format!("{} != {}", name(first), name(second)), message)
    });
    Value::Array(rules.collect())
}
