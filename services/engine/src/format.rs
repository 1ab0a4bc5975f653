//! Versions of what stands in a state topic: version N reads N − 1, anything else stops the stage.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::ProcessorKind;
use contract::state::{Checkpoint, FORMAT, Progress};
use serde::Deserialize;

#[derive(Deserialize)]
struct Versioned {
    format: u32,
}

/// Reads a progress record, its version first: one of another version may have another shape.
pub(crate) fn read_progress(value: &[u8]) -> Result<Progress, String> {
    let Versioned { format } =
        serde_json::from_slice(value).map_err(|error| format!("progress record: {error}"))?;
    check(format, FORMAT, "progress record")?;
    serde_json::from_slice(value).map_err(|error| format!("progress record: {error}"))
}

/// The checkpoint of a processor, if this version can read its state records.
pub(crate) fn check_checkpoint(
    kind: &dyn ProcessorKind,
    checkpoint: Option<&Checkpoint>,
) -> Result<Checkpoint, String> {
    let name = kind.name();
    let checkpoint = checkpoint.ok_or_else(|| format!("the progress record has no checkpoint of {name}"))?;
    check(checkpoint.format, kind.format_version(), name.as_str())?;
    Ok(checkpoint.clone())
}

/// The progress of a partition of which nothing was read yet.
pub(crate) fn first_progress(processors: &[Arc<dyn ProcessorKind>], position: i64) -> Progress {
    let checkpoints = processors.iter().map(|kind| {
        let format = kind.format_version();
        (kind.name().to_string(), Checkpoint { format, position, watermark: 0 })
    });
    Progress {
        format: FORMAT,
        incarnation: new_incarnation(),
        owner: String::new(),
        position,
        last: None,
        records: 0,
        checkpoints: checkpoints.collect(),
        orders: 0,
        invalid: 0,
        lost: 0,
    }
}

/// Differs from every earlier incarnation of the same partition.
fn new_incarnation() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", now.as_nanos())
}

fn check(found: u32, known: u32, what: &str) -> Result<(), String> {
    if found == known || found.checked_add(1) == Some(known) {
        return Ok(());
    }
    Err(format!(
        "{what} has format version {found}; this millrace reads {} and {known}: run the version that wrote it, \
         or reset the state",
        known.saturating_sub(1)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_is_refused_whatever_its_shape() {
        let error = read_progress(br#"{"format":99,"shape":"unknown"}"#).unwrap_err();
        assert!(error.contains("format version 99"), "{error}");
    }

    #[test]
    fn the_version_before_is_read() {
        assert!(check(1, 2, "x").is_ok());
        assert!(check(2, 2, "x").is_ok());
        assert!(check(3, 2, "x").is_err());
        assert!(check(1, 3, "x").is_err());
    }
}
