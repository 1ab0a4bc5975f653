//! How long a foreign writer has stood still, and how long it has to.

use std::time::Duration;

use tokio::time::Instant;

use crate::fence::{Found, WriterId};

/// How long a foreign writer must have stood still before it is taken over.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How often the patience doubles at most: to about a minute.
const DOUBLINGS: u32 = 5;
/// Since when a token has been the same.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    token: Option<(String, Instant)>,
    /// Whether it was ever seen to change: somebody is alive there.
    pub moved: bool,
}

impl Standstill {
    /// How long the foreign token found now has been the same; zero for an own one or none.
    pub(super) fn look(&mut self, found: Option<&Found>, own: &WriterId) -> Duration {
        let is_own = |f: &Found| f.fence.as_ref().is_some_and(|fence| fence.token.writer == *own);
        let Some(found) = found.filter(|f| !is_own(f)) else {
            *self = Self::default();
            return Duration::ZERO;
        };
        let now = Instant::now();
        match &self.token {
            Some((token, since)) if *token == found.token => now - *since,
            before => {
                self.moved |= before.is_some();
                self.token = Some((found.token.clone(), now));
                Duration::ZERO
            }
        }
    }
}

/// How long a foreign token must stand still. Two writers that both live, with nothing to write, would
/// take over from each other for ever: unless there is something to show for it, each time takes twice
/// as long as the one before.
pub(super) fn patience(takeovers: u32, ahead: bool) -> Duration {
    if ahead { PATIENCE } else { PATIENCE * 2_u32.pow(takeovers.min(DOUBLINGS)) }
}
