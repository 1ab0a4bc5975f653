//! Names of topics, consumer groups and transactional ids.

use std::collections::BTreeMap;

use crate::ProcessorName;

/// The longest name of a topic that Kafka takes, in characters.
pub const LONGEST_NAME: usize = 249;

/// The public topics of a pipeline; internal names derive from the pipeline's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// The pipeline's name (`shop`; under the operator `<namespace>.<name>`).
    pub pipeline: String,
    /// Where orders come in.
    pub orders: String,
    /// Where updates go.
    pub metrics: String,
    /// Where alerts go.
    pub alerts: String,
    /// Where invalid orders go.
    pub dead_letters: String,
}

/// Names that Kafka would refuse, or that would mix up two topics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicsError {
    /// Kafka does not take such a name.
    #[error("the {what} is {name:?}, which {problem}")]
    Invalid {
        /// Whose name it is: `pipeline`, `orders topic`, …
        what: String,
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two topics have one name, or names that differ in `.` and `_` alone, which Kafka refuses.
    #[error("the {first} and the {second} are both {name:?} (Kafka takes '.' and '_' for the same)")]
    Same {
        /// Whose name it is.
        first: String,
        /// Whose name it is, too.
        second: String,
        /// The name of the second.
        name: String,
    },
}

impl Topics {
    /// The names when nothing is configured.
    pub fn named(pipeline: &str) -> Self {
        Self {
            pipeline: pipeline.to_owned(),
            orders: "orders".to_owned(),
            metrics: "metrics".to_owned(),
            alerts: "alerts".to_owned(),
            dead_letters: "orders.dead-letter".to_owned(),
        }
    }

    /// The compacted topic that holds settings and claims.
    pub fn settings(&self) -> String {
        format!("{}.settings", self.pipeline)
    }

    /// The consumer group of a stage; also the prefix of its transactional ids (a dot follows).
    pub fn group(&self, stage: &str) -> String {
        format!("{}.{stage}", self.pipeline)
    }

    /// The compacted changelog topic of a stage.
    pub fn state(&self, stage: &str) -> String {
        format!("{}.{stage}.state", self.pipeline)
    }

    /// The transactional id of one replica of a stage.
    pub fn transactional_id(&self, stage: &str, instance: &str) -> String {
        format!("{}.{stage}.{instance}", self.pipeline)
    }

    /// Checks all names, those of every stage's internal topics too.
    ///
    /// # Errors
    /// Names the option, or the derived topic, whose name is invalid or used twice.
    pub fn validate(&self) -> Result<(), TopicsError> {
        check_name("pipeline", &self.pipeline)?;
        let topics = self.all();
        for (what, name) in &topics {
            check_name(what, name)?;
        }
        let mut seen = BTreeMap::new();
        for (what, name) in topics {
            // Kafka's metrics write both characters alike, so it refuses names that differ in them alone.
            if let Some(first) = seen.insert(name.replace('.', "_"), what.clone()) {
                return Err(TopicsError::Same { first, second: what, name });
            }
        }
        Ok(())
    }

    /// Every topic the pipeline may use, with what people call it.
    fn all(&self) -> Vec<(String, String)> {
        let Self { pipeline: _, orders, metrics, alerts, dead_letters } = self;
        let public = [
            ("orders topic", orders),
            ("metrics topic", metrics),
            ("alerts topic", alerts),
            ("dead-letter topic", dead_letters),
        ];
        let public = public.map(|(what, name)| (what.to_owned(), name.clone()));
        let settings = ("settings topic of the pipeline".to_owned(), self.settings());
        let states = every_stage().map(|stage| (format!("state topic of stage {stage}"), self.state(&stage)));
        public.into_iter().chain([settings]).chain(states).collect()
    }
}

/// The names of all stages that can be made of the processors.
fn every_stage() -> impl Iterator<Item = String> {
    (1_u32..1 << ProcessorName::ALL.len()).map(|chosen| {
        let processors = ProcessorName::ALL.into_iter().enumerate();
        let processors = processors.filter(|(i, _)| chosen & (1 << i) != 0).map(|(_, name)| name);
        stage_name(&processors.collect::<Vec<_>>())
    })
}

fn check_name(what: &str, name: &str) -> Result<(), TopicsError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let problem = match name {
        "" => "is empty",
        "." | ".." => "Kafka reserves",
        _ if !name.bytes().all(allowed) => "holds characters other than a-z, A-Z, 0-9, '.', '_' and '-'",
        _ if name.len() > LONGEST_NAME => "is longer than the 249 characters that Kafka allows",
        _ => return Ok(()),
    };
    Err(TopicsError::Invalid { what: what.to_owned(), name: name.to_owned(), problem })
}

/// The name of the stage that runs `processors`: their names in canonical order, joined by dashes.
pub fn stage_name(processors: &[ProcessorName]) -> String {
    let mut names: Vec<_> = processors.to_vec();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|p| p.as_str()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::{ProcessorName, Topics, every_stage, stage_name};

    fn error(change: impl FnOnce(&mut Topics)) -> String {
        let mut topics = Topics::named("shop");
        change(&mut topics);
        topics.validate().map_or_else(|e| e.to_string(), |()| "valid".to_owned())
    }

    #[test]
    fn names_derive_from_the_pipeline() {
        let topics = Topics::named("prod.shop");
        assert_eq!(topics.validate(), Ok(()));
        assert_eq!(topics.settings(), "prod.shop.settings");
        assert_eq!(topics.group("revenue-fraud"), "prod.shop.revenue-fraud");
        assert_eq!(topics.state("revenue-fraud"), "prod.shop.revenue-fraud.state");
        assert_eq!(topics.transactional_id("trend", "pod-0"), "prod.shop.trend.pod-0");
    }

    #[test]
    fn stages_are_named_in_canonical_order() {
        use ProcessorName::{Fraud, Revenue, Trend};
        assert_eq!(stage_name(&[Trend, Revenue, Trend]), "revenue-trend");
        let mut stages: Vec<_> = every_stage().collect();
        stages.sort();
        let expected = [
            "fraud",
            "fraud-trend",
            "revenue",
            "revenue-fraud",
            "revenue-fraud-trend",
            "revenue-trend",
            "trend",
        ];
        assert_eq!(stages, expected);
        assert_eq!(stage_name(&[Fraud]), "fraud");
    }

    #[test]
    fn names_that_kafka_refuses_are_told_by_option() {
        for (found, expected) in [
            (error(|t| t.pipeline.clear()), r#"the pipeline is "", which is empty"#),
            (error(|t| t.pipeline = "a b".into()), r#"the pipeline is "a b", which holds characters"#),
            (error(|t| t.orders = "đơn".into()), r#"the orders topic is "đơn", which holds characters"#),
            (error(|t| t.metrics = ".".into()), r#"the metrics topic is ".", which Kafka reserves"#),
            (error(|t| t.alerts = "..".into()), r#"the alerts topic is "..", which Kafka reserves"#),
            (error(|t| t.dead_letters = "a/b".into()), r#"the dead-letter topic is "a/b", which holds"#),
            (error(|t| t.orders = "o".repeat(250)), "the orders topic is \"ooo"),
        ] {
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(error(|t| t.orders = "o".repeat(249)), "valid");
    }

    #[test]
    fn a_pipeline_name_leaves_room_for_the_longest_derived_one() {
        let room = 249 - ".revenue-fraud-trend.state".len();
        assert_eq!(error(|t| t.pipeline = "p".repeat(room)), "valid");
        let found = error(|t| t.pipeline = "p".repeat(room + 1));
        assert!(found.starts_with("the state topic of stage revenue-fraud-trend is"), "{found}");
        assert!(found.ends_with("is longer than the 249 characters that Kafka allows"), "{found}");
    }

    #[test]
    fn no_two_topics_may_be_the_same() {
        for (found, first, second) in [
            (error(|t| t.alerts = "orders".into()), "orders topic", "alerts topic"),
            (error(|t| t.metrics = "orders_dead-letter".into()), "metrics topic", "dead-letter topic"),
            (error(|t| t.orders = "shop.settings".into()), "orders topic", "settings topic of the pipeline"),
            (error(|t| t.alerts = "shop.fraud_state".into()), "alerts topic", "state topic of stage fraud"),
        ] {
            assert!(found.starts_with(&format!("the {first} and the {second} are both ")), "{found}");
        }
    }
}
