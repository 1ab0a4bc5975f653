//! The last ten seconds of figures that only grow, and what follows from them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rates and shares are averages of this long: a few hundred commits, and short enough to see a spike coming.
const WINDOW: Duration = Duration::from_secs(10);
/// Averages of less than this say more of chance than of load.
const LEAST: Duration = Duration::from_secs(2);

/// Samples of a figure, oldest first: as many as the window needs.
pub(super) struct Window<T> {
    samples: VecDeque<(Instant, T)>,
}

/// The ends of a window.
pub(super) struct Span<T> {
    pub seconds: f64,
    pub first: T,
    pub last: T,
}

impl<T: Copy> Window<T> {
    pub(super) fn new() -> Self {
        Self { samples: VecDeque::new() }
    }

    pub(super) fn put(&mut self, now: Instant, value: T) {
        let outside = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        // The newest sample outside stays: the window reaches back to it.
        while self.samples.get(1).is_some_and(|(at, _)| outside(at)) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, value));
    }

    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    pub(super) fn last(&self) -> Option<T> {
        self.samples.back().map(|(_, value)| *value)
    }

    /// `None` while the window is too short to say anything.
    pub(super) fn span(&self) -> Option<Span<T>> {
        let ((from, first), (to, last)) = (*self.samples.front()?, *self.samples.back()?);
        let length = to.saturating_duration_since(from);
        (length >= LEAST).then_some(Span { seconds: length.as_secs_f64(), first, last })
    }

    /// When the newest sample was taken of which `holds` is true.
    fn newest(&self, holds: impl Fn(&T) -> bool) -> Option<Instant> {
        self.samples.iter().rev().find(|(_, value)| holds(value)).map(|(at, _)| *at)
    }
}

/// How far a partition has been written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    pub end: i64,
    pub position: i64,
}

/// What is known of one partition since it was assigned.
pub(super) struct Track {
    window: Window<Reach>,
    /// When all was read for the last time.
    caught_up: Option<Instant>,
}

/// Records per second.
pub(super) struct Rates {
    pub seconds: f64,
    pub arrival: f64,
    pub processing: f64,
}

impl Track {
    pub(super) fn new() -> Self {
        Self { window: Window::new(), caught_up: None }
    }

    /// Returns how many records were written since the last time.
    pub(super) fn note(&mut self, now: Instant, reach: Reach) -> u64 {
        let arrived = self.window.last().map_or(0, |before| reach.end - before.end);
        self.window.put(now, reach);
        if reach.position >= reach.end {
            self.caught_up = Some(now);
        }
        u64::try_from(arrived).unwrap_or(0)
    }

    pub(super) fn lag(&self) -> Option<u64> {
        self.window.last().map(|Reach { end, position }| u64::try_from(end - position).unwrap_or(0))
    }

    pub(super) fn rates(&self) -> Option<Rates> {
        let Span { seconds, first, last } = self.window.span()?;
        let rate = |from: i64, to: i64| u32::try_from(to - from).map_or(0.0, f64::from) / seconds;
        Some(Rates {
            seconds,
            arrival: rate(first.end, last.end),
            processing: rate(first.position, last.position),
        })
    }

    /// The oldest unread order is at most this old; 0 without lag, `None` when nothing is known of it. `record_age`
    /// is the age of the last record that was read.
    ///
    /// It was written after that record, after the partition was last seen to end before it, and after all was read
    /// for the last time. The first alone would call the first order of the morning a night old; the others say
    /// nothing of a lag that was there from the start.
    pub(super) fn oldest_unread(&self, now: Instant, record_age: Option<Duration>) -> Option<Duration> {
        let position = self.window.last()?.position;
        if self.lag() == Some(0) {
            return Some(Duration::ZERO);
        }
        let not_there_yet = self.window.newest(|reach| reach.end <= position);
        let since = not_there_yet.max(self.caught_up).map(|at| now.saturating_duration_since(at));
        [record_age, since].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests;
