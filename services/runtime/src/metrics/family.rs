//! A metric as the reference describes it.

/// One metric with all its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its full name.
    pub name: String,
    /// What its samples mean.
    pub kind: Kind,
    /// What it is counted by.
    pub labels: Vec<Label>,
    /// What it says.
    pub help: String,
}

/// What the samples of a metric mean, as Prometheus calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Grows until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values: there is a bound to how many in any case.
    pub values: Values,
}

/// Which values a label can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// These.
    Known(Vec<&'static str>),
    /// Those that this sentence describes.
    Described(&'static str),
}

impl Kind {
    /// As Prometheus calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl Label {
    /// A label with these values.
    pub fn known(name: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        Self { name, values: Values::Known(values.into_iter().collect()) }
    }

    /// A label whose values are what `sentence` says.
    pub const fn described(name: &'static str, sentence: &'static str) -> Self {
        Self { name, values: Values::Described(sentence) }
    }
}

/// What is measured, by the end of a name: Prometheus wants base units there. Longer endings come first.
const UNITS: [(&str, &str); 8] = [
    ("timestamp_seconds", "seconds since the Unix epoch"),
    ("seconds", "seconds"),
    ("bytes", "bytes"),
    ("records", "records"),
    ("orders", "orders"),
    ("vnd", "VND"),
    ("info", "always 1"),
    ("partitions", "partitions"),
];

impl Family {
    /// In which unit its value is.
    pub fn unit(&self) -> &'static str {
        let name = self.name.strip_suffix("_total").unwrap_or(&self.name);
        let found = UNITS.iter().find(|(ending, _)| name.ends_with(&format!("_{ending}")));
        found.map_or("number", |(_, unit)| unit)
    }

    /// What is wrong with it by Prometheus' rules of naming, and by ours.
    pub fn faults(&self) -> Vec<String> {
        let Self { name, kind, labels, help } = self;
        let legal = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let rules = [
            (legal(name) && name.starts_with("millrace_"), "a name is millrace_ and lower-case words"),
            (name.ends_with("_total") == (*kind == Kind::Counter), "counters, and only they, end in _total"),
            (*kind != Kind::Histogram || self.unit() != "number", "a histogram's name ends in its unit"),
            (labels.iter().all(|l| legal(l.name) && l.name != "le"), "a label is lower-case words"),
            (!help.is_empty() && !help.ends_with('.'), "the help is a sentence without its full stop"),
        ];
        let broken = rules.iter().filter(|(kept, _)| !kept);
        broken.map(|(_, rule)| format!("{name}: {rule}")).collect()
    }
}
