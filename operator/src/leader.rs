//! Leader election: of all replicas of the operator only the one that holds the Lease works.
//!
//! # Guarantees
//! A Lease is only taken over with the version that was seen, so that of two replicas one succeeds. A holder
//! that cannot renew in time ends itself before any other may take over, as long as clocks run equally fast:
//! nobody compares times of different machines.
//!
//! # Caveats
//! A write that is under way when the holder ends may still arrive; writes of the operator are such that two
//! of the same converge.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use runtime::Shutdown;

use crate::chain::chain;
use crate::reconcile::write::is_namespace_going;

/// Name of the Lease.
pub const LEASE: &str = "millrace-operator";

/// How long a Lease that nobody renews is respected.
const DURATION: Duration = Duration::from_secs(15);
/// A holder that could not renew for this long ends: two thirds of the above, so that it is gone in time.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often a holder renews and others look.
const PERIOD: Duration = Duration::from_secs(2);

/// What is wrong with the Lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It cannot be read.
    #[error("cannot read the Lease {LEASE}")]
    Read(#[source] kube::Error),
    /// It cannot be written.
    #[error("cannot write the Lease {LEASE}")]
    Write(#[source] kube::Error),
    /// It was not renewed in time, or somebody else has it.
    #[error("the Lease {LEASE} is lost: {0}")]
    Lost(String),
}

/// A replica that stands for election.
pub struct Candidate {
    api: Api<Lease>,
    identity: String,
}

/// The Lease, held.
pub struct Held {
    candidate: Candidate,
    lease: Lease,
    renewed: Instant,
}

/// The last state of the Lease that differed, and when this replica saw it first.
struct Sight {
    lease: Lease,
    since: Instant,
}

/// What to do about a Lease.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// It is free, ours or not renewed any more.
    Take,
    /// Somebody else has it.
    Wait,
}

impl Candidate {
    /// A candidate of this name, which no other replica has, for the Lease in `namespace`.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self { api: Api::namespaced(client, namespace), identity }
    }

    /// Waits until this replica holds the Lease; `None` when told to stop first.
    pub async fn acquire(self, shutdown: &Shutdown) -> Option<Held> {
        let mut sight: Option<Sight> = None;
        let mut said = false;
        loop {
            let begun = Instant::now();
            match self.attempt(&mut sight).await {
                // after an answer that took too long, another may have taken it over meanwhile
                Ok(Some(_)) if begun.elapsed() >= RENEW_DEADLINE => {}
                Ok(Some(lease)) => {
                    tracing::info!(identity = self.identity, "leading");
                    return Some(Held { candidate: self, lease, renewed: begun });
                }
                Ok(None) if said => {}
                Ok(None) => {
                    said = true;
                    tracing::info!(holder = sight.as_ref().and_then(Sight::holder), "standing by");
                }
                Err(error) => tracing::warn!(error = %chain(&error), "cannot stand for election"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return None,
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    /// Tries once; `None` when somebody else has the Lease.
    async fn attempt(&self, sight: &mut Option<Sight>) -> Result<Option<Lease>, LeaseError> {
        let Some(lease) = self.api.get_opt(LEASE).await.map_err(LeaseError::Read)? else {
            return self.create().await;
        };
        let seen = match sight.take() {
            Some(seen) if seen.lease.metadata.resource_version == lease.metadata.resource_version => seen,
            _ => Sight { lease, since: Instant::now() },
        };
        let decision = seen.decide(&self.identity, Instant::now());
        let seen = sight.insert(seen);
        match decision {
            Decision::Wait => Ok(None),
            Decision::Take => self.replace(taken(&seen.lease, &self.identity)).await,
        }
    }

    async fn create(&self) -> Result<Option<Lease>, LeaseError> {
        let fresh = Lease {
            metadata: ObjectMeta { name: Some(LEASE.to_owned()), ..ObjectMeta::default() },
            spec: None,
        };
        settled(self.api.create(&PostParams::default(), &taken(&fresh, &self.identity)).await)
    }

    /// Writes the Lease if it is still the version that was read.
    async fn replace(&self, lease: Lease) -> Result<Option<Lease>, LeaseError> {
        settled(self.api.replace(LEASE, &PostParams::default(), &lease).await)
    }
}

impl Held {
    /// Renews until told to stop; then gives the Lease back, so that the next need not wait.
    ///
    /// # Errors
    /// When the Lease is lost: the process must end.
    pub async fn keep(mut self, shutdown: &Shutdown) -> Result<(), LeaseError> {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return self.release().await,
                () = tokio::time::sleep(PERIOD) => {}
            }
            self.renew().await?;
        }
    }

    async fn renew(&mut self) -> Result<(), LeaseError> {
        let left = RENEW_DEADLINE.saturating_sub(self.renewed.elapsed());
        let mut lease = self.lease.clone();
        lease.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        let begun = Instant::now();
        match tokio::time::timeout(left, self.candidate.replace(lease)).await {
            Ok(Ok(Some(lease))) => {
                (self.lease, self.renewed) = (lease, begun);
                Ok(())
            }
            Ok(Ok(None)) => self.reread().await,
            Ok(Err(error)) => {
                tracing::warn!(error = %chain(&error), "cannot renew the lease");
                Ok(())
            }
            Err(_) => Err(LeaseError::Lost(format!("not renewed for {} s", RENEW_DEADLINE.as_secs()))),
        }
    }

    /// Somebody wrote the Lease: fine while it is still ours (an answer to an own write was lost).
    async fn reread(&mut self) -> Result<(), LeaseError> {
        let left = RENEW_DEADLINE.saturating_sub(self.renewed.elapsed());
        let found = match tokio::time::timeout(left, self.candidate.api.get_opt(LEASE)).await {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return self.make_again(left).await,
            Ok(Err(_)) | Err(_) => return Ok(()), // the next renewal finds the same, or that it is too late
        };
        match holder(&found) {
            Some(name) if name == self.candidate.identity => {
                self.lease = found;
                Ok(())
            }
            other => Err(LeaseError::Lost(format!("{} has it", other.unwrap_or("nobody")))),
        }
    }

    /// Somebody deleted the Lease. Where its namespace is being deleted nobody else can make one either: pipelines there
    /// wait for this operator, and it goes on for as long as it may.
    async fn make_again(&mut self, left: Duration) -> Result<(), LeaseError> {
        let begun = Instant::now();
        match tokio::time::timeout(left, self.candidate.create()).await {
            Ok(Ok(Some(lease))) => {
                tracing::warn!("somebody deleted the lease; made it again");
                (self.lease, self.renewed) = (lease, begun);
                Ok(())
            }
            Ok(Err(LeaseError::Write(kube::Error::Api(refusal)))) if is_namespace_going(&refusal) => {
                tracing::warn!("the operator's own namespace is being deleted");
                self.renewed = begun;
                Ok(())
            }
            // the next renewal finds who was faster, or that it is too late
            Ok(Ok(None) | Err(_)) | Err(_) => Ok(()),
        }
    }

    async fn release(mut self) -> Result<(), LeaseError> {
        let spec = self.lease.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        self.candidate.replace(self.lease).await.map(drop)
    }
}

impl Sight {
    fn holder(&self) -> Option<&str> {
        holder(&self.lease)
    }

    fn decide(&self, identity: &str, now: Instant) -> Decision {
        let respected = self.lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let respected = respected.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
        match self.holder() {
            None => Decision::Take,
            Some(holder) if holder == identity => Decision::Take,
            Some(_) if now.duration_since(self.since) > respected.unwrap_or(DURATION) => Decision::Take,
            Some(_) => Decision::Wait,
        }
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|name| !name.is_empty())
}

/// The Lease with `identity` as its holder from now on.
fn taken(lease: &Lease, identity: &str) -> Lease {
    let before = lease.spec.clone().unwrap_or_default();
    let now = MicroTime(Timestamp::now());
    let changes = holder(lease) != Some(identity);
    let transitions = before.lease_transitions.unwrap_or(0).saturating_add(i32::from(changes));
    let spec = LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        lease_transitions: Some(transitions),
        ..before
    };
    Lease { metadata: lease.metadata.clone(), spec: Some(spec) }
}

/// `None` when somebody else was faster.
fn settled(answer: Result<Lease, kube::Error>) -> Result<Option<Lease>, LeaseError> {
    match answer {
        Ok(lease) => Ok(Some(lease)),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(None),
        Err(error) => Err(LeaseError::Write(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(holder: &str) -> Sight {
        let lease = taken(&Lease::default(), holder);
        Sight { lease, since: Instant::now() }
    }

    #[test]
    fn a_lease_of_somebody_else_is_respected_until_it_has_stood_still_for_its_duration() {
        let seen = sight("a");
        assert_eq!(seen.decide("b", seen.since), Decision::Wait);
        assert_eq!(seen.decide("b", seen.since + DURATION), Decision::Wait);
        assert_eq!(seen.decide("b", seen.since + DURATION + Duration::from_millis(1)), Decision::Take);
    }

    #[test]
    fn an_own_or_free_lease_is_taken_at_once() {
        let seen = sight("a");
        assert_eq!(seen.decide("a", seen.since), Decision::Take);
        assert_eq!(sight("").decide("b", seen.since), Decision::Take);
        let empty = Sight { lease: Lease::default(), since: seen.since };
        assert_eq!(empty.decide("b", seen.since), Decision::Take);
    }

    #[test]
    fn the_duration_in_the_lease_counts_not_the_own_one() {
        let mut seen = sight("a");
        seen.lease.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
        assert_eq!(seen.decide("b", seen.since + DURATION * 2), Decision::Wait);
    }

    #[test]
    fn only_a_new_holder_counts_as_a_transition() {
        let first = taken(&Lease::default(), "a");
        let again = taken(&first, "a");
        let other = taken(&again, "b");
        let transitions = |lease: &Lease| lease.spec.as_ref().unwrap().lease_transitions;
        assert_eq!([&first, &again, &other].map(transitions), [Some(1), Some(1), Some(2)]);
    }
}
