//! Names of topics, consumer groups and transactional ids.

use crate::ProcessorName;

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
}

/// The name of the stage that runs `processors`: their names in canonical order, joined by dashes.
pub fn stage_name(processors: &[ProcessorName]) -> String {
    let mut names: Vec<_> = processors.to_vec();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|p| p.as_str()).collect::<Vec<_>>().join("-")
}
