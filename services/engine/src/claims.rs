//! Which stage runs which processor: a processor that ran in two stages would count every order twice.

use std::collections::BTreeMap;

use contract::settings::{Claim, claim_key};
use contract::{ProcessorName, Topics};
use runtime::config::KafkaArgs;
use runtime::settings::{PublishError, transact};

use crate::error::StageError;

/// Where the partitions began that existed when the stage was started first, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Start(pub Vec<i64>);

impl Start {
    /// `None` for a partition that was added later: it starts at its beginning.
    pub(crate) fn offset(&self, partition: i32) -> Option<i64> {
        usize::try_from(partition).ok().and_then(|index| self.0.get(index)).copied()
    }
}

/// A stage that wants its processors.
pub(crate) struct Claimant<'a> {
    pub kafka: &'a KafkaArgs,
    pub topics: &'a Topics,
    pub stage: &'a str,
    pub processors: Vec<ProcessorName>,
}

/// Why a claim was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    /// Another stage has one of the processors.
    #[error(transparent)]
    Taken(StageError),
    /// The settings topic could not be read or written, or another claimant came in between.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Claimant<'_> {
    /// Claims the processors; the partitions that exist now begin at `start`.
    pub(crate) fn claim(&self, start: Start) -> Result<Claim, ClaimError> {
        let mut decided = None;
        transact(self.kafka, self.topics, |now| {
            if let Some(claim) = self.existing(&now.claims)? {
                decided = Some(claim);
                return Ok::<_, ClaimError>(Vec::new());
            }
            let dead_letters = !now.claims.values().any(|other| other.dead_letters);
            let claim = Claim { stage: self.stage.to_owned(), start: start.0, dead_letters };
            let value = claim.to_json().into_bytes();
            decided = Some(claim);
            Ok(self.processors.iter().map(|p| (claim_key(*p), Some(value.clone()))).collect())
        })?;
        decided.ok_or(ClaimError::Publish(PublishError::Overtaken))
    }

    /// The claim if all processors are ours, `None` if none is anybody's, an error if one is another stage's.
    pub(crate) fn existing(
        &self,
        claims: &BTreeMap<ProcessorName, Claim>,
    ) -> Result<Option<Claim>, ClaimError> {
        let mut ours = None;
        let mut free = false;
        for processor in &self.processors {
            match claims.get(processor) {
                None => free = true,
                Some(claim) if claim.stage == self.stage => ours = Some(claim.clone()),
                Some(claim) => {
                    return Err(ClaimError::Taken(StageError::Claimed {
                        processor: processor.as_str(),
                        pipeline: self.topics.pipeline.clone(),
                        holder: claim.stage.clone(),
                    }));
                }
            }
        }
        Ok(ours.filter(|_| !free))
    }
}
