//! The minutes of one partition that velocity is judged by.

use contract::{Minute, StateWriter, Timestamp};
use foldhash::fast::RandomState;

use crate::window::{Counted, Window};

/// How many minutes before that of its watermark a partition keeps.
pub const MINUTES_KEPT: i64 = 15;
/// How many counts (users times minutes) a partition keeps: with ids of a dozen bytes about 50 MB.
pub const USER_MINUTES_PER_PARTITION: usize = 2_000_000;

/// The windows that are open, and what velocity needs to know of all of them.
pub(crate) struct Windows {
    /// By minute, oldest first. There are about twenty at most: 15 before the watermark's and, as orders
    /// are at most 5 minutes ahead of it, 6 from there on.
    open: Vec<Window>,
    /// The oldest minute that is kept, as far as a watermark was seen.
    oldest_kept: Option<Minute>,
    user_minutes: usize,
    limit: usize,
    /// The keys of state records of windows that were given up.
    deleted: Vec<String>,
    /// Seeded per process, against ids made to collide. No result depends on it.
    hasher: RandomState,
}

/// What the windows say to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Velocity {
    /// The user has placed this many orders in the order's minute, this one included.
    Orders(u32),
    /// The order's minute is not kept any more.
    Late,
    /// There is no place for another count.
    Full,
}

impl Windows {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            open: Vec::new(),
            oldest_kept: None,
            user_minutes: 0,
            limit,
            deleted: Vec::new(),
            hasher: RandomState::default(),
        }
    }

    /// Gives up the minutes that are too old for `watermark`.
    #[inline]
    pub(crate) fn advance(&mut self, watermark: Timestamp) {
        let oldest = Minute(watermark.minute().0 - MINUTES_KEPT);
        if self.oldest_kept.is_none_or(|kept| kept < oldest) {
            self.oldest_kept = Some(oldest);
            self.evict_before(oldest);
        }
    }

    fn evict_before(&mut self, oldest: Minute) {
        let gone = self.open.partition_point(|window| window.minute < oldest);
        for window in self.open.drain(..gone) {
            self.user_minutes -= window.users();
            self.deleted.extend(window.stored_keys());
        }
    }

    /// Counts an order that `user` placed in `minute`.
    #[inline]
    pub(crate) fn count(&mut self, minute: Minute, user: &str) -> Velocity {
        if self.oldest_kept.is_some_and(|oldest| minute < oldest) {
            return Velocity::Late;
        }
        let new_allowed = self.user_minutes < self.limit;
        let at = self.position(minute);
        match self.open[at].count(&self.hasher, user.as_bytes(), new_allowed) {
            Counted::As(orders) => Velocity::Orders(orders),
            Counted::New => {
                self.user_minutes += 1;
                Velocity::Orders(1)
            }
            Counted::Not => Velocity::Full,
        }
    }

    /// Where the window of `minute` is; opens it if need be. Most orders are of the newest minutes.
    #[inline]
    fn position(&mut self, minute: Minute) -> usize {
        let after = self.open.iter().rposition(|window| window.minute <= minute).map_or(0, |at| at + 1);
        if after > 0 && self.open[after - 1].minute == minute {
            return after - 1;
        }
        self.open.insert(after, Window::new(minute));
        after
    }

    /// Writes what changed.
    pub(crate) fn checkpoint(&mut self, state: &mut dyn StateWriter) {
        for window in &mut self.open {
            window.checkpoint(state);
        }
        for key in self.deleted.drain(..) {
            state.delete(&key);
        }
    }

    /// Takes back a state record; says what is wrong with it.
    pub(crate) fn load(&mut self, key: &str, value: &[u8]) -> Result<(), &'static str> {
        let (minute, chunk) = parse_key(key).ok_or("the key is not <minute>/<chunk>")?;
        let at = self.position(minute);
        let before = self.open[at].users();
        self.open[at].load(&self.hasher, chunk, value)?;
        self.user_minutes += self.open[at].users() - before;
        Ok(())
    }
}

/// Minute and chunk number of a key, which must read as it is written.
fn parse_key(key: &str) -> Option<(Minute, usize)> {
    let (minute, chunk) = key.split_once('/')?;
    let (minute, chunk): (i64, usize) = (minute.parse().ok()?, chunk.parse().ok()?);
    (format!("{minute}/{chunk}") == key).then_some((Minute(minute), chunk))
}
