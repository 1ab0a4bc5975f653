//! What is found out about stages.

use std::collections::BTreeSet;

use contract::ProcessorName;
use contract::stage_status::{SECTION, StageStatus};
use serde::Deserialize;

/// How far all stages have read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Each stage.
    pub stages: Vec<StageReach>,
    /// Grows when a valid order is counted in the revenue, and then only; its value says nothing.
    pub counted: Option<i64>,
}

/// How far one stage has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageReach {
    /// Its name.
    pub stage: String,
    /// The partitions of the orders.
    pub partitions: Vec<PartitionReach>,
}

/// How far a stage has read one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionReach {
    /// Its number.
    pub partition: i32,
    /// The next offset to read; `None` when none was committed.
    pub position: Option<i64>,
    /// The next offset that will be written.
    pub end: i64,
}

/// Whether a stage runs the processor of revenue.
pub fn counts_revenue(stage: &str) -> bool {
    stage.split('-').any(|name| name == ProcessorName::Revenue.as_str())
}

/// What a stage in this process says of itself (the demo), in the process's status.
pub fn own(status: &serde_json::Value) -> Option<Found> {
    let StageStatus { name, partitions, .. } = StageStatus::deserialize(status.get(SECTION)?).ok()?;
    let counted = partitions.iter().map(|p| i64::try_from(p.orders).unwrap_or(i64::MAX)).sum();
    let reach = |p: &contract::stage_status::PartitionStatus| {
        let (partition, position) = (p.partition, p.position);
        PartitionReach { partition, position: Some(position), end: p.end.unwrap_or(position) }
    };
    let numbers: BTreeSet<_> = partitions.iter().map(|p| p.partition).collect();
    let partitions: Vec<_> = partitions.iter().map(reach).collect();
    (numbers.len() == partitions.len()).then(|| Found {
        counted: counts_revenue(&name).then_some(counted),
        stages: vec![StageReach { stage: name, partitions }],
    })
}
