//! The table of rights in `docs/guide/kafka-rights.md`.

use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{Operation, Pattern, Resource, Right};

/// What the page says: who needs which right, under the names that it uses.
pub struct Page(Vec<(String, Right)>);

/// What a pipeline calls what the page calls `PIPELINE`, `orders`, `alerts`, `metrics` and `orders.dead-letter`.
pub struct Names {
    /// The pipeline.
    pub pipeline: String,
    /// Its topic of orders.
    pub orders: String,
    /// Its topic of alerts.
    pub alerts: String,
    /// Its topic of updates.
    pub metrics: String,
    /// Its topic of invalid orders.
    pub dead_letters: String,
}

impl Page {
    /// Reads it.
    ///
    /// # Errors
    /// When a row cannot be understood.
    pub fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/kafka-rights.md");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let mut rights = Vec::new();
        for line in text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| process |")) {
            rights.extend(row(line).with_context(|| line.to_owned())?);
        }
        Ok(Self(rights))
    }

    /// The rights that a process needs in a pipeline.
    pub fn of(&self, process: &str, names: &Names) -> Vec<Right> {
        let own = self.0.iter().filter(|(owner, _)| owner == process);
        own.map(|(_, right)| names.applied(right)).collect()
    }
}

impl Names {
    fn applied(&self, right: &Right) -> Right {
        let name = match right.name.as_str() {
            "orders" => self.orders.clone(),
            "alerts" => self.alerts.clone(),
            "metrics" => self.metrics.clone(),
            "orders.dead-letter" => self.dead_letters.clone(),
            other => other.replace("PIPELINE", &self.pipeline),
        };
        Right { name, ..right.clone() }
    }
}

/// One right for each word of the column `may`.
fn row(line: &str) -> Result<Vec<(String, Right)>> {
    let cells: Vec<_> =
        line.trim_matches(['|', ' ']).split('|').map(|cell| cell.trim().trim_matches('`')).collect();
    let [process, on, name, pattern, may, _because] = cells[..] else { bail!("a row of other columns") };
    let resource = match on {
        "topic" => Resource::Topic,
        "group" => Resource::Group,
        "transactional id" => Resource::TransactionalId,
        other => bail!("there is no resource {other:?}"),
    };
    let pattern = match pattern {
        "literal" => Pattern::Literal,
        "prefixed" => Pattern::Prefixed,
        other => bail!("there is no pattern {other:?}"),
    };
    let operations = may.split(", ").map(operation);
    operations
        .map(|operation| {
            Ok((
                process.to_owned(),
                Right { resource, name: name.to_owned(), pattern, operation: operation? },
            ))
        })
        .collect()
}

fn operation(word: &str) -> Result<Operation> {
    Ok(match word {
        "Read" => Operation::Read,
        "Write" => Operation::Write,
        "Create" => Operation::Create,
        "Delete" => Operation::Delete,
        "Alter" => Operation::Alter,
        "Describe" => Operation::Describe,
        "DescribeConfigs" => Operation::DescribeConfigs,
        "AlterConfigs" => Operation::AlterConfigs,
        other => bail!("there is no right to {other:?}"),
    })
}
