//! Orders and revenue in one integer.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// The place of the orders in a tally. Below it there is room for the VND of 10^10 orders: 2^53 · 10^10 < 10^26.
const ORDER: i128 = 10_i128.pow(26);

/// `orders × 10^26 + VND`, so that adding tallies adds both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally(i128);

impl Tally {
    /// One order of `total` VND.
    pub(crate) fn order(total: u64) -> Self {
        Self(ORDER + i128::from(total))
    }

    /// A sum of tallies that was written as a number.
    pub(crate) fn from_sum(sum: i128) -> Self {
        Self(sum)
    }

    /// Reads what `Display` writes of a tally that holds orders.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let canonical = text.iter().all(u8::is_ascii_digit) && !text.starts_with(b"0");
        let sum: i128 = std::str::from_utf8(text).ok().filter(|_| canonical)?.parse().ok()?;
        (sum >= ORDER).then_some(Self(sum))
    }

    pub(crate) fn orders(self) -> i128 {
        self.0.div_euclid(ORDER)
    }

    /// VND.
    pub(crate) fn revenue(self) -> i128 {
        self.0.rem_euclid(ORDER)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Tally {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_tallies_adds_orders_and_revenue() {
        let largest = (1 << 53) - 1;
        let sum: Tally = [largest, 0, 25_000_000].into_iter().map(Tally::order).sum();
        assert_eq!((sum.orders(), sum.revenue()), (3, i128::from(largest) + 25_000_000));
        let difference = sum - Tally::order(25_000_000);
        assert_eq!((difference.orders(), difference.revenue()), (2, i128::from(largest)));
    }

    #[test]
    fn reads_only_what_is_written() {
        let tally = Tally::order(7) + Tally::order(0);
        assert_eq!(tally.to_string(), "200000000000000000000000007");
        assert_eq!(Tally::parse(tally.to_string().as_bytes()), Some(tally));
        for bad in
            ["", "0", "7", "0200000000000000000000000007", "-200000000000000000000000007", "2e26", "2\u{e9}"]
        {
            assert_eq!(Tally::parse(bad.as_bytes()), None, "{bad:?}");
        }
    }
}
