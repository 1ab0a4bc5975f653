//! A person's view of a stage's state topic: what its JSON says, without the project's own reader.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::oracle::Thresholds;
use crate::topic::{self, Record};

/// The part of a progress record that tests look at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// The next offset to read.
    pub position: i64,
    /// By processor.
    pub checkpoints: BTreeMap<String, Checkpoint>,
    /// The writer.
    pub owner: String,
    /// Valid orders counted since the first start, a reset or the loss of the state.
    pub orders: u64,
    /// Offsets given up.
    pub lost: u64,
}

/// Up to where a processor's state goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Checkpoint {
    /// The offset.
    pub position: i64,
}

/// The newest progress record of every partition that has one.
///
/// # Errors
/// When the topic cannot be read.
pub fn progress(brokers: &str, topic: &str) -> Result<BTreeMap<i32, Progress>> {
    let mut newest = BTreeMap::new();
    topic::visit(brokers, topic, |record| {
        if record.key_text() == "progress" {
            newest.insert(record.partition, parse(&record)?);
        }
        Ok(())
    })?;
    Ok(newest)
}

/// From which input offset on which thresholds apply, by partition: what the transactions that changed the
/// settings say. Works as long as nothing was compacted.
///
/// # Errors
/// When the topic cannot be read, or a partition's first record is not its progress.
pub fn thresholds(brokers: &str, topic: &str) -> Result<BTreeMap<i32, Vec<(i64, Thresholds)>>> {
    let mut history: BTreeMap<i32, Vec<(i64, Thresholds)>> = BTreeMap::new();
    let mut positions = BTreeMap::new();
    topic::visit(brokers, topic, |record| {
        match record.key_text().as_str() {
            "progress" => drop(positions.insert(record.partition, parse(&record)?.position)),
            "settings" => {
                let from =
                    positions.get(&record.partition).context("settings without progress before them")?;
                history.entry(record.partition).or_default().push((*from, thresholds_of(&record)?));
            }
            _ => ensure!(positions.contains_key(&record.partition), "state before any progress"),
        }
        Ok(())
    })?;
    Ok(history)
}

fn parse(record: &Record) -> Result<Progress> {
    serde_json::from_value(record.json()?)
        .with_context(|| format!("progress at {}/{}", record.partition, record.offset))
}

fn thresholds_of(record: &Record) -> Result<Thresholds> {
    let settings = record.json()?;
    let number =
        |value: &serde_json::Value| value.as_u64().with_context(|| format!("thresholds of {settings}"));
    Ok(Thresholds {
        high_value: number(&settings["fraud"]["highValue"])?,
        orders_per_minute: number(&settings["fraud"]["ordersPerMinute"])?,
        generation: number(&settings["generation"])?,
    })
}
