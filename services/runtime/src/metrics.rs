//! What every service makes its metrics with: each is registered and described in one place, so that the reference
//! cannot say anything else than what a scrape shows.

mod family;
pub mod reference;
mod shown;

use std::cell::RefCell;

use prometheus::core::Collector;
use prometheus::{
    Counter, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result,
};

use shown::Shown;

pub use family::{Family, Kind, Label, Values};

/// Before every name; the registry of a process puts it there.
pub const PREFIX: &str = "millrace";

/// Registers metrics and keeps their descriptions. A metric whose labels have known values shows all of them from the
/// start, as 0: what never happened is then not missing.
pub struct Maker {
    registry: Registry,
    /// A label that is the same for everything made here, with its value and what it says.
    constant: Option<(Label, String)>,
    families: RefCell<Vec<Family>>,
}

impl Maker {
    /// Registers with `registry`.
    pub fn new(registry: &Registry) -> Self {
        Self { registry: registry.clone(), constant: None, families: RefCell::default() }
    }

    /// Gives `value` as `label` to everything that is made after this.
    #[must_use]
    pub fn with(mut self, label: Label, value: &str) -> Self {
        self.constant = Some((label, value.to_owned()));
        self
    }

    /// Everything that was made.
    pub fn into_families(self) -> Vec<Family> {
        self.families.into_inner()
    }

    /// What `register` would register.
    ///
    /// # Errors
    /// When two of it have the same name, or one is malformed.
    pub fn describe<T>(register: impl FnOnce(&Self) -> Result<T>) -> Result<Vec<Family>> {
        let maker = Self::new(&Registry::new());
        register(&maker)?;
        Ok(maker.into_families())
    }

    /// The same for metrics that all carry `label`.
    ///
    /// # Errors
    /// As [`Maker::describe`].
    pub fn describe_with<T>(label: Label, register: impl FnOnce(&Self) -> Result<T>) -> Result<Vec<Family>> {
        let maker = Self::new(&Registry::new()).with(label, "");
        register(&maker)?;
        Ok(maker.into_families())
    }

    /// A counter of whole things.
    ///
    /// # Errors
    /// When the registry holds one of this name already, as for all that follow.
    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.put(Kind::Counter, IntCounter::with_opts(self.opts(name, help))?, (name, help), &[])
    }

    /// A counter of parts of things, as of seconds.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn float_counter(&self, name: &str, help: &str) -> Result<Counter> {
        self.put(Kind::Counter, Counter::with_opts(self.opts(name, help))?, (name, help), &[])
    }

    /// A counter by label.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn counters(&self, name: &str, help: &str, labels: &[Label]) -> Result<IntCounterVec> {
        let counters = IntCounterVec::new(self.opts(name, help), &names(labels))?;
        known(labels, |values| drop(counters.with_label_values(values)));
        self.put(Kind::Counter, counters, (name, help), labels)
    }

    /// A whole number that goes up and down.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        self.put(Kind::Gauge, IntGauge::with_opts(self.opts(name, help))?, (name, help), &[])
    }

    /// A number that goes up and down.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn float_gauge(&self, name: &str, help: &str) -> Result<Gauge> {
        self.put(Kind::Gauge, Gauge::with_opts(self.opts(name, help))?, (name, help), &[])
    }

    /// A whole number by label.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn gauges(&self, name: &str, help: &str, labels: &[Label]) -> Result<IntGaugeVec> {
        let gauges = IntGaugeVec::new(self.opts(name, help), &names(labels))?;
        known(labels, |values| drop(gauges.with_label_values(values)));
        self.put(Kind::Gauge, gauges, (name, help), labels)
    }

    /// A number by label.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn float_gauges(&self, name: &str, help: &str, labels: &[Label]) -> Result<GaugeVec> {
        let gauges = GaugeVec::new(self.opts(name, help), &names(labels))?;
        known(labels, |values| drop(gauges.with_label_values(values)));
        self.put(Kind::Gauge, gauges, (name, help), labels)
    }

    /// Numbers that `look` finds out when somebody asks for them.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn shown(
        &self,
        name: &str,
        help: &str,
        labels: &[Label],
        look: impl Fn(&IntGaugeVec) + Send + Sync + 'static,
    ) -> Result<()> {
        let gauges = IntGaugeVec::new(self.opts(name, help), &names(labels))?;
        known(labels, |values| drop(gauges.with_label_values(values)));
        self.put(Kind::Gauge, Shown::new(gauges, look), (name, help), labels).map(drop)
    }

    /// A distribution.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram> {
        let opts = self.histogram_opts(name, help, buckets);
        self.put(Kind::Histogram, Histogram::with_opts(opts)?, (name, help), &[])
    }

    /// A distribution by label.
    ///
    /// # Errors
    /// See [`Maker::counter`].
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: &[Label],
    ) -> Result<HistogramVec> {
        let histograms = HistogramVec::new(self.histogram_opts(name, help, buckets), &names(labels))?;
        known(labels, |values| drop(histograms.with_label_values(values)));
        self.put(Kind::Histogram, histograms, (name, help), labels)
    }

    fn opts(&self, name: &str, help: &str) -> Opts {
        let opts = Opts::new(name, help);
        match &self.constant {
            Some((label, value)) => opts.const_label(label.name, value),
            None => opts,
        }
    }

    fn histogram_opts(&self, name: &str, help: &str, buckets: &[f64]) -> HistogramOpts {
        HistogramOpts { common_opts: self.opts(name, help), buckets: buckets.to_vec() }
    }

    /// Clones of a collector count together.
    fn put<C: Collector + Clone + 'static>(
        &self,
        kind: Kind,
        collector: C,
        (name, help): (&str, &str),
        labels: &[Label],
    ) -> Result<C> {
        self.registry.register(Box::new(collector.clone()))?;
        let constant = self.constant.iter().map(|(label, _)| label.clone());
        let labels = constant.chain(labels.iter().cloned()).collect();
        let family = Family { name: format!("{PREFIX}_{name}"), kind, labels, help: help.to_owned() };
        self.families.borrow_mut().push(family);
        Ok(collector)
    }
}

fn names(labels: &[Label]) -> Vec<&'static str> {
    labels.iter().map(|label| label.name).collect()
}

/// Calls `touch` with every combination of values, if all are known.
fn known(labels: &[Label], touch: impl Fn(&[&str])) {
    let mut combinations: Vec<Vec<&str>> = vec![Vec::new()];
    for label in labels {
        let Values::Known(values) = &label.values else { return };
        let longer =
            |shorter: &Vec<_>| values.iter().map(|value| [&shorter[..], &[*value]].concat()).collect();
        combinations = combinations.iter().flat_map(|shorter| -> Vec<_> { longer(shorter) }).collect();
    }
    for values in &combinations {
        touch(values);
    }
}

#[cfg(test)]
mod tests;
