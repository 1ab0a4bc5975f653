//! Brings the cluster to the plan, never taking anything away.

use std::collections::BTreeMap;
use std::fmt;

use contract::{ProcessorName, Topics};

use super::admin::Admin;
use super::{SETTINGS_CONFIG, STATE_CONFIG, TopicPlan, TopicsError, min_insync};
use crate::config::KafkaArgs;
use crate::kafka::Probe;

/// One step from what the cluster has to the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The topic is missing.
    Create {
        /// Its name.
        topic: String,
        /// Partitions it gets.
        partitions: i32,
        /// Copies it gets; `None` is the broker's default.
        replication: Option<i32>,
        /// Settings it gets.
        config: Vec<(String, String)>,
    },
    /// It has too few partitions.
    Grow {
        /// Its name.
        topic: String,
        /// Partitions it has.
        from: i32,
        /// Partitions it gets.
        to: i32,
        /// Whether its keys are users, whose orders move to other partitions.
        moves_users: bool,
    },
    /// An internal topic has other settings than it needs.
    Configure {
        /// Its name.
        topic: String,
        /// The settings that change, with their new values.
        config: Vec<(String, String)>,
    },
    /// It has more partitions than planned. They stay: Kafka cannot take partitions away.
    Keep {
        /// Its name.
        topic: String,
        /// Partitions it has.
        has: i32,
        /// Partitions that were asked for.
        wanted: i32,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { topic, partitions, replication, config: _ } => {
                write!(f, "create {topic}: {partitions} partitions, ")?;
                match replication {
                    Some(copies) => write!(f, "{copies} copies"),
                    None => f.write_str("the broker's number of copies"),
                }
            }
            Self::Grow { topic, from, to, moves_users } => {
                write!(f, "grow {topic}: {from} to {to} partitions")?;
                if *moves_users {
                    f.write_str(
                        " (users move between partitions: for the current minute the velocity rule may count \
                         a moved user's orders too low and miss an alert; totals stay exact)",
                    )?;
                }
                Ok(())
            }
            Self::Configure { topic, config } => {
                let list: Vec<_> = config.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(f, "configure {topic}: {}", list.join(", "))
            }
            Self::Keep { topic, has, wanted } => {
                write!(
                    f,
                    "keep {topic}: it has {has} partitions, more than {wanted}; Kafka cannot take any away"
                )
            }
        }
    }
}

/// Creates missing topics and grows those with fewer partitions than planned: state topics first, so that a
/// stage never sees an order whose partition has no state, then orders and the rest. Topics that exist keep
/// their settings, internal ones get those they need. `announce` hears of every change before it is made.
///
/// # Errors
/// When the cluster cannot be asked or refuses a change; those before it stay made.
pub fn apply(
    kafka: &KafkaArgs,
    topics: &Topics,
    plan: &TopicPlan,
    mut announce: impl FnMut(&Change),
) -> Result<(), TopicsError> {
    let probe = Probe::new(kafka, "millrace-topics", false).map_err(TopicsError::Client)?;
    let admin = Admin::new(kafka)?;
    let present: BTreeMap<_, _> = probe.topics()?.into_iter().collect();
    for wanted in wanted(topics, plan, &present) {
        for change in wanted.changes(present.get(&wanted.topic).copied(), &admin)? {
            announce(&change);
            carry_out(&change, &admin)?;
        }
    }
    Ok(())
}

/// What one topic is to be.
#[derive(Debug)]
struct Wanted {
    topic: String,
    partitions: i32,
    replication: Option<i32>,
    config: Vec<(&'static str, String)>,
    /// Whether we own it, and so its settings.
    internal: bool,
    /// Whether users' orders move when it grows.
    moves_users: bool,
}

/// In the order in which changes are safe.
fn wanted(topics: &Topics, plan: &TopicPlan, present: &BTreeMap<String, i32>) -> Vec<Wanted> {
    let TopicPlan {
        orders_partitions,
        metrics_partitions,
        alerts_partitions,
        dead_letter_partitions,
        replication,
    } = *plan;
    // an orders topic that already has more keeps them, and its state topics must have as many
    let orders_partitions_after = orders_partitions.max(present.get(&topics.orders).copied().unwrap_or(0));
    let internal = |topic: String, partitions, config: &[(&'static str, &str)]| Wanted {
        topic,
        partitions,
        replication,
        config: config.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        internal: true,
        moves_users: false,
    };
    let public = |topic: &String, partitions, moves_users| Wanted {
        topic: topic.clone(),
        partitions,
        replication,
        config: vec![("cleanup.policy", "delete".to_owned())],
        internal: false,
        moves_users,
    };
    let states = present.keys().filter(|name| is_state_topic(topics, name));
    let states = states.map(|name| internal(name.clone(), orders_partitions_after, STATE_CONFIG));
    std::iter::once(internal(topics.settings(), 1, SETTINGS_CONFIG))
        .chain(states)
        .chain([
            public(&topics.orders, orders_partitions, true),
            public(&topics.metrics, metrics_partitions, false),
            public(&topics.alerts, alerts_partitions, false),
            public(&topics.dead_letters, dead_letter_partitions, false),
        ])
        .collect()
}

/// Whether `name` is `<pipeline>.<stage>.state` of a possible stage of this very pipeline.
pub(super) fn is_state_topic(topics: &Topics, name: &str) -> bool {
    let stage = name
        .strip_prefix(&topics.pipeline)
        .and_then(|rest| rest.strip_prefix('.'))
        .and_then(|rest| rest.strip_suffix(".state"));
    stage.is_some_and(|stage| stage.split('-').all(|name| name.parse::<ProcessorName>().is_ok()))
}

impl Wanted {
    fn changes(&self, present: Option<i32>, admin: &Admin) -> Result<Vec<Change>, TopicsError> {
        let Some(has) = present else { return Ok(vec![self.create()]) };
        let mut changes = Vec::new();
        if self.internal {
            changes.extend(self.configure(&admin.own_config(&self.topic)?));
        }
        changes.extend(self.resize(has));
        Ok(changes)
    }

    fn create(&self) -> Change {
        Change::Create {
            topic: self.topic.clone(),
            partitions: self.partitions,
            replication: self.replication,
            config: self.config.iter().cloned().chain(min_insync(self.replication)).map(owned).collect(),
        }
    }

    fn resize(&self, has: i32) -> Option<Change> {
        let (topic, wanted) = (self.topic.clone(), self.partitions);
        match has.cmp(&wanted) {
            std::cmp::Ordering::Less => {
                Some(Change::Grow { topic, from: has, to: wanted, moves_users: self.moves_users })
            }
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Change::Keep { topic, has, wanted }),
        }
    }

    fn configure(&self, own: &[(String, String)]) -> Option<Change> {
        let differs = |(name, value): &&(&str, String)| !own.iter().any(|(n, v)| n == name && v == value);
        let config: Vec<_> = self.config.iter().filter(differs).cloned().map(owned).collect();
        (!config.is_empty()).then(|| Change::Configure { topic: self.topic.clone(), config })
    }
}

pub(super) fn carry_out(change: &Change, admin: &Admin) -> Result<(), TopicsError> {
    match change {
        Change::Create { topic, partitions, replication, config } => {
            admin.create(topic, *partitions, *replication, &borrowed(config))
        }
        Change::Grow { topic, to, .. } => admin.grow(topic, *to),
        Change::Configure { topic, config } => admin.configure(topic, &borrowed(config)),
        Change::Keep { .. } => Ok(()),
    }
}

fn owned((name, value): (&str, String)) -> (String, String) {
    (name.to_owned(), value)
}

fn borrowed(config: &[(String, String)]) -> Vec<(&str, &str)> {
    config.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[cfg(test)]
mod tests;
