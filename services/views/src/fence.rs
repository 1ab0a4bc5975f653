//! The fence: who wrote Redis last, and what the writer had read by then.
//!
//! It stands in Redis beside the keys and is compared and set together with them, so that a writer notices
//! at its next batch that Redis went back, was flushed or replaced, or that somebody else writes.

mod decision;

pub use decision::{Cause, Decision, Found, Own, OwnPosition, Waiting, decide, is_ahead};

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// The key of the fence, without the configured prefix. In Redis a hash: `token`, `pipeline` and one field
/// for each state partition.
pub const FENCE_KEY: &str = "millrace:fence";
/// The field that is compared and set.
pub(crate) const TOKEN_FIELD: &str = "token";
const PIPELINE_FIELD: &str = "pipeline";

/// One run of a views process. Random, so that no two runs share one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterId(String);

/// Identifies one batch. Every attempt to write takes a new number, so a token says what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who wrote it.
    pub writer: WriterId,
    /// Counts the writer's attempts.
    pub batch: u64,
    /// What the batch left behind.
    pub phase: Phase,
}

/// What a batch left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The keys are what the writer wants.
    Settled,
    /// More batches have to follow until the keys are right.
    Rewriting,
    /// As settled, and the writer ended: it will write no more.
    Released,
}

/// One partition of a stage's state topic. Displays as `<stage>/<partition>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatePartition {
    /// The stage's name.
    pub stage: String,
    /// The partition's number.
    pub partition: i32,
}

/// How far a state partition was read. Displays as `<offset> <incarnation>`.
///
/// The offset is that of the last progress record in the state topic, not the input position the record
/// names: a checkpoint of a quiet input is a further transaction with the same input position. Within an
/// incarnation offsets only grow; compaction keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The incarnation the progress record names.
    pub incarnation: String,
    /// Its offset in the state topic.
    pub offset: i64,
}

/// Positions of all state partitions.
pub type Positions = BTreeMap<StatePartition, Position>;

/// What stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The pipeline whose keys these are.
    pub pipeline: String,
    /// The last batch.
    pub token: Token,
    /// What the writer had read when it wrote it.
    pub positions: Positions,
}

impl WriterId {
    /// A new one: the time in microseconds and 32 random bits, in hexadecimal digits.
    pub fn random() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // the standard library seeds its hash keys from the operating system
        let random = RandomState::new().build_hasher().finish() & 0xffff_ffff;
        Self(format!("{:x}{random:08x}", since_epoch.as_micros()))
    }
}

impl Fence {
    /// The fields of the hash in Redis.
    pub fn to_fields(&self) -> BTreeMap<String, String> {
        let Self { pipeline, token, positions } = self;
        let mut fields: BTreeMap<_, _> =
            positions.iter().map(|(partition, at)| (partition.to_string(), at.to_string())).collect();
        fields.insert(TOKEN_FIELD.to_owned(), token.to_string());
        fields.insert(PIPELINE_FIELD.to_owned(), pipeline.clone());
        fields
    }

    /// Reads the fields back; `None` when they are not what [`to_fields`](Self::to_fields) gives.
    pub fn from_fields(fields: &BTreeMap<String, String>) -> Option<Self> {
        let token = fields.get(TOKEN_FIELD)?.parse().ok()?;
        let pipeline = fields.get(PIPELINE_FIELD)?.clone();
        let others = fields.iter().filter(|(name, _)| *name != TOKEN_FIELD && *name != PIPELINE_FIELD);
        let positions = others
            .map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)))
            .collect::<Option<_>>()?;
        Some(Self { pipeline, token, positions })
    }
}

/// A text that is no part of a fence.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no part of a fence")]
pub struct InvalidFence(String);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { writer: WriterId(writer), batch, phase } = self;
        write!(f, "{writer}:{batch}:{}", phase.as_str())
    }
}

impl FromStr for Token {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.rsplitn(3, ':');
            let phase = parts.next()?;
            let phase = Phase::ALL.into_iter().find(|p| p.as_str() == phase)?;
            let batch = parts.next()?.parse().ok()?;
            let writer = parts.next().filter(|w| !w.is_empty())?;
            Some(Self { writer: WriterId(writer.to_owned()), batch, phase })
        };
        parse().ok_or_else(|| InvalidFence(text.to_owned()))
    }
}

impl Phase {
    const ALL: [Self; 3] = [Self::Settled, Self::Rewriting, Self::Released];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Rewriting => "rewriting",
            Self::Released => "released",
        }
    }
}

impl fmt::Display for StatePartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.stage, self.partition)
    }
}

impl FromStr for StatePartition {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (stage, partition) = text.rsplit_once('/')?;
            Some(Self { stage: stage.to_owned(), partition: partition.parse().ok()? })
        };
        parse().ok_or_else(|| InvalidFence(text.to_owned()))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.offset, self.incarnation)
    }
}

impl FromStr for Position {
    type Err = InvalidFence;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (offset, incarnation) = text.split_once(' ')?;
            Some(Self { offset: offset.parse().ok()?, incarnation: incarnation.to_owned() })
        };
        parse().ok_or_else(|| InvalidFence(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
