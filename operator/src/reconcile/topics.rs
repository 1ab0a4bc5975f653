//! What a pipeline needs in Kafka, and the steps from what is there to that. Pure.
//!
//! Topics are created, adopted, grown and configured; never shrunk, renamed or recreated. Those that somebody else
//! manages are only compared.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use runtime::topics::{Change, Found, Look, SETTINGS_CONFIG, STATE_CONFIG};

use crate::api::{TopicManagement, TopicSpec, TopicStatus, TopicsSpec};

/// Copies of a topic's records when the resource does not say how many.
const COPIES: i32 = 3;
/// From this many copies on, a write must reach all but one to count.
const COPIES_FOR_MIN_INSYNC: i32 = 3;

/// Names of what a pipeline keeps for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Internal {
    /// The settings topic.
    pub settings: String,
    /// The state topic of each stage.
    pub states: Vec<String>,
}

/// One topic as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    name: String,
    partitions: i32,
    replication: Option<i32>,
    /// Settings that hold whenever the operator manages the topic.
    config: BTreeMap<String, String>,
    /// Settings that only a new topic gets.
    config_when_new: BTreeMap<String, String>,
    management: TopicManagement,
    /// Whether users' orders move to other partitions when it grows.
    moves_users: bool,
}

/// What is wrong with a topic that the operator cannot put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Somebody else manages it, and has not made it.
    Missing {
        /// The topic.
        topic: String,
        /// How many partitions it should get.
        partitions: i32,
    },
    /// Orders that are compacted are lost: of a user's orders only the last would stay.
    Compacted {
        /// The topic.
        topic: String,
    },
}

/// All names that a look must cover.
pub(crate) fn names<'a>(spec: &'a TopicsSpec, internal: &'a Internal) -> impl Iterator<Item = &'a str> {
    let public = public(spec).map(|topic| topic.name.as_str());
    public.into_iter().chain([internal.settings.as_str()]).chain(internal.states.iter().map(String::as_str))
}

/// The steps that are missing, in an order in which each is safe: state topics before the orders, so that a stage
/// never meets an order whose partition has no state.
pub(crate) fn changes(spec: &TopicsSpec, internal: &Internal, look: &Look) -> Vec<Change> {
    wanted(spec, internal, look)
        .iter()
        .filter(|wanted| wanted.management == TopicManagement::Managed)
        .flat_map(|wanted| wanted.changes(look.topics.get(&wanted.name), look.brokers))
        .collect()
}

/// What only a person can put right.
pub(crate) fn troubles(spec: &TopicsSpec, look: &Look) -> Vec<Trouble> {
    let external = public(spec).into_iter().filter(|topic| topic.management == TopicManagement::External);
    let missing = external
        .filter(|topic| !look.topics.contains_key(&topic.name))
        .map(|topic| Trouble::Missing { topic: topic.name.clone(), partitions: topic.partitions });
    let policy = look.topics.get(&spec.orders.name).and_then(|found| found.config.get("cleanup.policy"));
    let compacted = policy.is_some_and(|policy| policy.contains("compact"));
    let compacted = compacted.then(|| Trouble::Compacted { topic: spec.orders.name.clone() });
    missing.chain(compacted).collect()
}

/// The public topics as Kafka has them, and in what they differ from the resource.
pub(crate) fn status(spec: &TopicsSpec, look: &Look) -> Vec<TopicStatus> {
    let shown = |topic: &TopicSpec| {
        let found = look.topics.get(&topic.name);
        TopicStatus {
            name: topic.name.clone(),
            partitions: found.map_or(0, |found| found.partitions),
            replication_factor: found.map_or(0, |found| found.replication),
            management: topic.management,
            drift: found.map_or_else(
                || vec!["it does not exist".to_owned()],
                |found| drift(topic, found, look.brokers),
            ),
        }
    };
    public(spec).map(shown).into()
}

fn public(spec: &TopicsSpec) -> [&TopicSpec; 4] {
    let TopicsSpec { orders, metrics, alerts, dead_letters } = spec;
    [orders, metrics, alerts, dead_letters]
}

/// In the order in which changes are safe.
fn wanted(spec: &TopicsSpec, internal: &Internal, look: &Look) -> Vec<Wanted> {
    let kept = |name: &str, partitions, config: &[(&str, &str)]| Wanted {
        name: name.to_owned(),
        partitions,
        replication: spec.orders.replication_factor,
        config: config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        config_when_new: BTreeMap::new(),
        management: TopicManagement::Managed,
        moves_users: false,
    };
    let states = order_partitions(spec, look)
        .into_iter()
        .flat_map(|partitions| internal.states.iter().map(move |name| kept(name, partitions, STATE_CONFIG)));
    let public = public(spec).into_iter().map(|topic| Wanted {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication: topic.replication_factor,
        config: topic.config.clone(),
        config_when_new: [("cleanup.policy".to_owned(), "delete".to_owned())].into(),
        management: topic.management,
        moves_users: topic.name == spec.orders.name,
    });
    std::iter::once(kept(&internal.settings, 1, SETTINGS_CONFIG)).chain(states).chain(public).collect()
}

/// How many partitions the orders have once all changes are made, and so how many states must have; `None` while
/// nobody knows, because somebody else is to make the topic.
fn order_partitions(spec: &TopicsSpec, look: &Look) -> Option<i32> {
    let found = look.topics.get(&spec.orders.name).map(|found| found.partitions);
    match spec.orders.management {
        TopicManagement::Managed => Some(spec.orders.partitions.max(found.unwrap_or(0))),
        TopicManagement::External => found,
    }
}

impl Wanted {
    fn changes(&self, found: Option<&Found>, brokers: i32) -> Vec<Change> {
        let Some(found) = found else { return vec![self.create(brokers)] };
        let grow = (found.partitions < self.partitions).then(|| Change::Grow {
            topic: self.name.clone(),
            from: found.partitions,
            to: self.partitions,
            moves_users: self.moves_users,
        });
        let differs = |(name, value): &(&String, &String)| found.config.get(*name) != Some(value);
        let config = self.config.iter().filter(differs);
        let config: Vec<_> = config.map(|(name, value)| (name.clone(), value.clone())).collect();
        let configure = (!config.is_empty()).then(|| Change::Configure { topic: self.name.clone(), config });
        configure.into_iter().chain(grow).collect()
    }

    fn create(&self, brokers: i32) -> Change {
        let copies = self.replication.unwrap_or(COPIES).min(brokers.max(1));
        let mut config = self.config_when_new.clone();
        if copies >= COPIES_FOR_MIN_INSYNC {
            config.insert("min.insync.replicas".to_owned(), (copies - 1).to_string());
        }
        config.extend(self.config.clone());
        Change::Create {
            topic: self.name.clone(),
            partitions: self.partitions,
            replication: Some(copies),
            config: config.into_iter().collect(),
        }
    }
}

fn drift(topic: &TopicSpec, found: &Found, brokers: i32) -> Vec<String> {
    let TopicSpec { name: _, partitions, replication_factor, management, config } = topic;
    let external = *management == TopicManagement::External;
    let partitions = match (found.partitions.cmp(partitions), external) {
        (Ordering::Equal, _) => None,
        (Ordering::Greater, _) => Some(format!(
            "it has {} partitions instead of {partitions}; Kafka cannot take any away",
            found.partitions
        )),
        (Ordering::Less, true) => Some(format!(
            "it has {} partitions instead of {partitions}; whoever manages it must add them",
            found.partitions
        )),
        (Ordering::Less, false) => {
            Some(format!("it has {} partitions instead of {partitions}", found.partitions))
        }
    };
    // what nobody asked for is no difference
    let copies = replication_factor.unwrap_or_else(|| COPIES.min(brokers));
    let differs = match replication_factor {
        Some(_) => found.replication != copies,
        None => found.replication < copies,
    };
    let copies = differs.then(|| {
        let have = found.replication;
        if brokers < copies && have == brokers {
            format!("it has {have} copies instead of {copies}: there are {brokers} brokers")
        } else {
            format!("it has {have} copies instead of {copies}; reassign its partitions with Kafka's tools")
        }
    });
    let settings =
        config.iter().filter(|(name, value)| found.config.get(*name) != Some(value)).map(|(name, value)| {
            let has = found.config.get(name).map_or("the broker's default", String::as_str);
            format!("{name} is {has} instead of {value}")
        });
    partitions.into_iter().chain(copies).chain(settings).collect()
}

#[cfg(test)]
mod tests;
