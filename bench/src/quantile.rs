//! Quantiles of measured values.

/// Values in ascending order.
pub struct Sorted(Vec<f64>);

impl Sorted {
    /// Sorts.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest value with at least `percent` of all values at or below it (nearest rank); NaN without any.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    /// The largest value; NaN without any.
    pub fn max(&self) -> f64 {
        self.percentile(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "values are picked, not calculated")]
    fn ranks_are_those_of_the_values() {
        let sorted = Sorted::new((1..=200).rev().map(f64::from).collect());
        assert_eq!([sorted.percentile(50), sorted.percentile(99), sorted.max()], [100.0, 198.0, 200.0]);
        assert_eq!([Sorted::new(vec![7.0]).percentile(50)], [7.0]);
        assert!(Sorted::new(Vec::new()).percentile(50).is_nan());
    }
}
