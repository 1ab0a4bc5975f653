//! One record of a state partition, and what it says to the views.

use std::collections::BTreeSet;

use contract::ProcessorName;
use contract::state::{FORMAT, PROGRESS_KEY, Progress, split_state_key};

/// A record of a state partition.
#[derive(Clone, Copy, Debug)]
pub struct StateRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// When it was written, in ms since the Unix epoch; `None` when Kafka does not know.
    pub timestamp: Option<i64>,
    /// Its key.
    pub key: &'a [u8],
    /// Its value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
}

/// A record as the reader sees it.
pub(super) enum Kind {
    Progress(Progress),
    /// The progress record was deleted: nothing before it counts.
    Void,
    Counter(ProcessorName, String, Option<i128>),
    /// Counted, but nothing to merge.
    Other,
    /// A progress record or counter that this version does not understand.
    Unreadable(RecordError),
}

impl Kind {
    /// Reads a record; `processors` are those whose counters are merged.
    pub(super) fn of(
        record: &StateRecord<'_>,
        processors: &BTreeSet<ProcessorName>,
    ) -> Result<Self, RecordError> {
        let Ok(key) = std::str::from_utf8(record.key) else { return Ok(Self::Other) };
        match (key, record.value) {
            (PROGRESS_KEY, Some(value)) => progress(record.offset, value).map(Self::Progress),
            (PROGRESS_KEY, None) => Ok(Self::Void),
            (_, value) => match split_state_key(key) {
                Some((processor, name)) if processors.contains(&processor) => {
                    let value = value.map(|v| counter(record.offset, key, v)).transpose()?;
                    Ok(Self::Counter(processor, name.to_owned(), value))
                }
                _ => Ok(Self::Other),
            },
        }
    }

    /// Whether a transaction begins with it.
    pub(super) fn begins(&self) -> bool {
        use RecordError::{Format, Progress};
        matches!(self, Self::Progress(_) | Self::Void | Self::Unreadable(Format { .. } | Progress { .. }))
    }
}

/// A record that no engine this process understands can have written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// The progress record's format is not one this version reads.
    #[error(
        "the state has format {found}, this version reads {FORMAT}: run the version that wrote it, or a newer one"
    )]
    Format {
        /// The format it names.
        found: u32,
    },
    /// A progress record that is none.
    #[error("the progress record at offset {offset} cannot be read: {problem}")]
    Progress {
        /// Its offset.
        offset: i64,
        /// What is wrong.
        problem: String,
    },
    /// A counter whose value is no decimal integer.
    #[error("the counter {key:?} at offset {offset} is no decimal integer")]
    Counter {
        /// Its offset.
        offset: i64,
        /// Its key.
        key: String,
    },
}

fn progress(offset: i64, value: &[u8]) -> Result<Progress, RecordError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let unreadable = |e: serde_json::Error| RecordError::Progress { offset, problem: e.to_string() };
    // asked first: another format need not have the same fields
    let Format { format } = serde_json::from_slice(value).map_err(unreadable)?;
    if !(FORMAT.saturating_sub(1)..=FORMAT).contains(&format) {
        return Err(RecordError::Format { found: format });
    }
    serde_json::from_slice(value).map_err(unreadable)
}

fn counter(offset: i64, key: &str, value: &[u8]) -> Result<i128, RecordError> {
    let parsed = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok());
    parsed.ok_or_else(|| RecordError::Counter { offset, key: key.to_owned() })
}
