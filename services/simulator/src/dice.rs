//! Numbers from the generator, mapped to ranges in a way that no library version can change.

use rand::Rng;

/// A number from 0 to `bound` - 1, each as likely to within `bound` / 2^32.
pub(crate) fn below(dice: &mut impl Rng, bound: u32) -> u32 {
    let scaled = u64::from(dice.next_u32()) * u64::from(bound);
    (scaled >> 32) as u32
}
