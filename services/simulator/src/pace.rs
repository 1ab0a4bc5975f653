//! When the next orders are due. Pure: time since the start is an argument.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

use crate::dice::below;

/// Orders per second, [`Rate::MIN`] to [`Rate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(f64);

/// A number that is no rate the simulator keeps.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    /// Not a number at all.
    #[error("{0:?} is not a number of orders per second")]
    NotANumber(String),
    /// Too low or too high.
    #[error("{0} is not a rate between {min} and {max} orders per second", min = Rate::MIN, max = Rate::MAX)]
    OutOfRange(f64),
}

/// Says how many orders are due, and how long to wait for the next.
#[derive(Debug)]
pub struct Pace(Gait);

#[derive(Debug)]
enum Gait {
    Course(Box<Course>),
    Steady(Steady),
}

/// One order, then a pause of random length, as the course's shop does.
#[derive(Debug)]
struct Course {
    rate: f64,
    dice: ChaCha8Rng,
    next: Duration,
}

/// As many orders in each second as in any other.
#[derive(Debug)]
struct Steady {
    rate: f64,
    /// The time from which `taken` counts. Moves forward when orders that are due cannot be sent in time.
    origin: Duration,
    taken: u64,
}

/// Orders are sent in groups this far apart at most: short enough to look steady, long enough to sleep.
const TICK: Duration = Duration::from_millis(2);

/// How many seconds' worth of orders may be caught up on after a stall.
const CATCH_UP: Duration = Duration::from_secs(1);

/// The pause between two orders at rate 1, in microseconds: 0.5 s to 2 s.
const COURSE_GAP_MICROS: std::ops::Range<u32> = 500_000..2_000_000;

impl Rate {
    /// One order in a thousand seconds.
    pub const MIN: f64 = 0.001;
    /// What one producer can be trusted to keep up with.
    pub const MAX: f64 = 200_000.0;
    /// The course's shop: an order every 0.5 to 2 seconds.
    pub const COURSE: Self = Self(1.0);

    /// # Errors
    /// When `rate` lies outside [`Rate::MIN`] to [`Rate::MAX`].
    pub fn per_second(rate: f64) -> Result<Self, RateError> {
        if (Self::MIN..=Self::MAX).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(RateError::OutOfRange(rate))
        }
    }

    /// Orders per second.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rate = text.parse().map_err(|_| RateError::NotANumber(text.to_owned()))?;
        Self::per_second(rate)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Pace {
    /// Up to one order per second: pauses of 0.5 to 2 seconds, divided by the rate, drawn from `seed`.
    /// Above: steady.
    pub fn new(rate: Rate, seed: u64) -> Self {
        Self(if rate <= Rate::COURSE {
            Gait::Course(Box::new(Course::new(rate, seed)))
        } else {
            Gait::Steady(Steady { rate: rate.get(), origin: Duration::ZERO, taken: 0 })
        })
    }

    /// How many orders are due `now` (since the start) and not taken yet. Of those that were due more than
    /// a second ago the pace lets go: a stall is not answered with a flood.
    pub fn due(&mut self, now: Duration) -> u64 {
        match &mut self.0 {
            Gait::Course(course) => u64::from(course.next <= now),
            Gait::Steady(steady) => steady.due(now),
        }
    }

    /// One order that was due is being sent `now`.
    pub fn take(&mut self, now: Duration) {
        match &mut self.0 {
            Gait::Course(course) => course.take(now),
            Gait::Steady(steady) => steady.taken += 1,
        }
    }

    /// How long to sleep until orders are due again.
    pub fn pause(&self, now: Duration) -> Duration {
        match &self.0 {
            Gait::Course(course) => course.next.saturating_sub(now),
            Gait::Steady(steady) => steady.next().saturating_sub(now).max(TICK),
        }
    }
}

impl Course {
    fn new(rate: Rate, seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        // Not the key the shop uses: pauses and contents must not mirror each other.
        key[8] = 1;
        Self { rate: rate.get(), dice: ChaCha8Rng::from_seed(key), next: Duration::ZERO }
    }

    fn take(&mut self, now: Duration) {
        let spread = COURSE_GAP_MICROS.end - COURSE_GAP_MICROS.start;
        let micros = COURSE_GAP_MICROS.start + below(&mut self.dice, spread + 1);
        self.next = now + Duration::from_micros(micros.into()).div_f64(self.rate);
    }
}

impl Steady {
    fn due(&mut self, now: Duration) -> u64 {
        let due = self.reached(now).saturating_sub(self.taken);
        let most = whole(CATCH_UP.as_secs_f64() * self.rate).max(1);
        if due > most {
            self.origin = now.saturating_sub(CATCH_UP);
            self.taken = 0;
        }
        due.min(most)
    }

    fn reached(&self, now: Duration) -> u64 {
        whole(now.saturating_sub(self.origin).as_secs_f64() * self.rate)
    }

    fn next(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 orders")]
        let orders = (self.taken + 1) as f64;
        self.origin + Duration::from_secs_f64(orders / self.rate)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "orders since the start: not negative, and far below 2^53"
)]
fn whole(orders: f64) -> u64 {
    orders as u64
}

#[cfg(test)]
mod tests;
