//! Which resource a pipeline is, and what its children are called.

use std::fmt;

use contract::ProcessorName;

/// Which resource a pipeline is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name: a DNS label that begins with a letter, short enough for the names of all children.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID: another resource of the same name has another.
    pub uid: String,
}

/// One kind of pod. Each has a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// A stage with one processor.
    Processor(ProcessorName),
    /// From state topics to Redis and the metrics topic.
    Views,
    /// REST, Socket.IO, web page.
    Dashboard,
    /// The shop that makes up orders.
    Simulator,
}

/// The longest name a Service can have, and so the longest of any child's.
const LONGEST_CHILD: usize = 63;
/// The longest name that leaves room for the longest component: `-dashboard`, `-simulator`.
pub(super) const LONGEST_NAME: usize = LONGEST_CHILD - "-dashboard".len();
/// The longest name of a Secret, and of an entry in it.
const LONGEST_SUBDOMAIN: usize = 253;

impl Identity {
    /// What Kafka and Redis know the pipeline by: `<namespace>.<name>`.
    pub fn pipeline(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// The name of what a component has: `<name>-<component>`.
    pub fn child(&self, component: Component) -> String {
        format!("{}-{component}", self.name)
    }
}

impl Component {
    /// The value of the label `app.kubernetes.io/component`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processor(name) => name.as_str(),
            Self::Views => "views",
            Self::Dashboard => "dashboard",
            Self::Simulator => "simulator",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a resource's name, if anything.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    if !begins || !name.bytes().all(inner) || name.ends_with('-') {
        return Err(format!(
            "{name:?} cannot be the beginning of a Service's name: use lower-case letters, digits and '-', \
             a letter first, no '-' last"
        ));
    }
    if name.len() > LONGEST_NAME {
        let length = name.len();
        return Err(format!(
            "the name has {length} characters; with more than {LONGEST_NAME} the names of Services and Pods get too long"
        ));
    }
    Ok(())
}

/// What is wrong with the name of a Secret, a host or a class, if anything.
pub(super) fn check_subdomain(name: &str) -> Result<(), String> {
    let edge = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let edges = bytes.first().copied().is_some_and(edge) && bytes.last().copied().is_some_and(edge);
        edges && bytes.iter().all(|&b| edge(b) || b == b'-')
    };
    if name.len() <= LONGEST_SUBDOMAIN && name.split('.').all(label) {
        Ok(())
    } else {
        Err(format!("{name:?} is no name: use lower-case letters, digits, '-' and '.'"))
    }
}

/// What is wrong with the key of a Secret's entry, if anything.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let fits = (1..=LONGEST_SUBDOMAIN).contains(&key.len()) && key.bytes().all(allowed);
    if fits && key != "." && !key.starts_with("..") {
        Ok(())
    } else {
        Err(format!("{key:?} is no key of a Secret: use letters, digits, '-', '_' and '.'"))
    }
}
