//! The order of names in a window.

use std::cmp::Ordering;

use contract::update::TrendEntry;

use crate::merged::WindowSums;

/// One name with its sums in a window.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    name: &'a str,
    orders: i128,
    previous_orders: i128,
    sums: WindowSums,
    score: f64,
}

impl<'a> Candidate<'a> {
    /// `None` for a name without orders in the window and in the one before.
    pub(crate) fn new(name: &'a str, sums: WindowSums) -> Option<Self> {
        let (orders, previous_orders) = (sums.current.orders(), sums.previous.orders());
        let seen = orders > 0 || previous_orders > 0;
        let score = score(orders, previous_orders);
        seen.then_some(Self { name, orders, previous_orders, sums, score })
    }

    fn entry(&self) -> TrendEntry {
        let Self { name, orders, previous_orders, sums, score } = *self;
        TrendEntry {
            name: name.to_owned(),
            orders,
            revenue: sums.current.revenue(),
            previous_orders,
            previous_revenue: sums.previous.revenue(),
            growth: (previous_orders > 0).then(|| float(orders) / float(previous_orders) - 1.0),
            score,
        }
    }
}

/// The `most` names with the highest score, highest first.
pub(crate) fn by_score(candidates: &[Candidate<'_>], most: usize) -> Vec<TrendEntry> {
    top(candidates.to_vec(), most, |a, b| b.score.total_cmp(&a.score))
}

/// The `most` names with the most orders in the window, most first.
pub(crate) fn by_orders(candidates: &[Candidate<'_>], most: usize) -> Vec<TrendEntry> {
    let sold = candidates.iter().copied().filter(|candidate| candidate.orders > 0).collect();
    top(sold, most, |a, b| b.orders.cmp(&a.orders))
}

/// The first `most` in `order`; names that tie stand in byte order.
fn top(
    mut candidates: Vec<Candidate<'_>>,
    most: usize,
    order: impl Fn(&Candidate<'_>, &Candidate<'_>) -> Ordering,
) -> Vec<TrendEntry> {
    let order = |a: &Candidate<'_>, b: &Candidate<'_>| order(a, b).then_with(|| a.name.cmp(b.name));
    if most < candidates.len() {
        // Sorting the few that are shown is all the sorting there is.
        candidates.select_nth_unstable_by(most, order);
        candidates.truncate(most);
    }
    candidates.sort_unstable_by(order);
    candidates.iter().map(Candidate::entry).collect()
}

/// How surprising it is to count `now` after `before`: the difference of two Poisson counts over its
/// standard deviation; 0 when there was nothing.
fn score(now: i128, before: i128) -> f64 {
    if now + before == 0 {
        return 0.0;
    }
    float(now - before) / float(now + before).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "counts of orders stay far below 2^53")]
fn float(count: i128) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Tally;

    fn sums(current: usize, previous: usize) -> WindowSums {
        let orders = |count| std::iter::repeat_n(Tally::order(10), count).sum();
        WindowSums { current: orders(current), previous: orders(previous) }
    }

    fn candidates() -> Vec<Candidate<'static>> {
        [("steady", 100, 100), ("risen", 30, 6), ("b", 4, 0), ("a", 4, 0), ("gone", 0, 16), ("never", 0, 0)]
            .into_iter()
            .filter_map(|(name, current, previous)| Candidate::new(name, sums(current, previous)))
            .collect()
    }

    fn names(entries: &[TrendEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn the_most_surprising_come_first() {
        let ranked = by_score(&candidates(), 10);
        assert_eq!(names(&ranked), ["risen", "a", "b", "steady", "gone"]);
        let scores: Vec<f64> = ranked.iter().map(|entry| entry.score).collect();
        assert_eq!(scores, [4.0, 2.0, 2.0, 0.0, -4.0]);
    }

    #[test]
    fn names_without_orders_now_are_not_ranked_by_orders() {
        assert_eq!(names(&by_orders(&candidates(), 10)), ["steady", "risen", "a", "b"]);
    }

    #[test]
    fn only_the_top_is_shown() {
        assert_eq!(names(&by_score(&candidates(), 2)), ["risen", "a"]);
        assert_eq!(names(&by_orders(&candidates(), 3)), ["steady", "risen", "a"]);
    }

    #[test]
    fn growth_needs_something_to_grow_from() {
        let growths: Vec<_> = by_score(&candidates(), 10).iter().map(|entry| entry.growth).collect();
        assert_eq!(growths, [Some(4.0), None, None, Some(0.0), Some(-1.0)]);
    }
}
