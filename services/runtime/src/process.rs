//! What every service gets from the process it runs in.

use prometheus::{IntGaugeVec, Opts, Registry};

use crate::{Health, Shutdown, Status};

/// What a service reports to, and what tells it to stop. In the demo all services share one.
#[derive(Clone, Debug)]
pub struct Process {
    /// What the service needs, and whether it works.
    pub health: Health,
    /// What it tells about itself.
    pub status: Status,
    /// Its metrics. The registry puts `millrace_` before every name. Register once per `run`.
    pub registry: Registry,
    /// Cancelled when it is to drain and return.
    pub shutdown: Shutdown,
}

impl Process {
    /// A process with nothing in it yet but its version.
    pub fn new(shutdown: Shutdown) -> Self {
        Self { health: Health::default(), status: Status::default(), registry: registry(), shutdown }
    }
}

fn registry() -> Registry {
    let labels = [("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into();
    let build = Opts::new("build_info", "Always 1; the label says which version runs").const_labels(labels);
    let registry = Registry::new_custom(Some("millrace".to_owned()), None).unwrap_or_default();
    if let Ok(gauge) = IntGaugeVec::new(build, &[]) {
        gauge.with_label_values::<&str>(&[]).set(1);
        // the name is the first in a fresh registry, so this cannot fail
        let _ = registry.register(Box::new(gauge));
    }
    registry
}
