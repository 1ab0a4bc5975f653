//! What every service gets from the process it runs in.

use prometheus::Registry;

use crate::health;
use crate::metrics::{Family, Label, Maker, PREFIX};
use crate::traces::Tracer;
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
    /// Begins spans; `None` while traces are off.
    pub tracer: Option<Tracer>,
    /// Cancelled when it is to drain and return.
    pub shutdown: Shutdown,
}

impl Process {
    /// A process with nothing in it yet but its version.
    pub fn new(shutdown: Shutdown) -> Self {
        let registry = Registry::new_custom(Some(PREFIX.to_owned()), None).unwrap_or_default();
        let health = Health::default();
        // these are the first in a fresh registry, so this cannot fail
        let _ = register(&Maker::new(&registry), &health);
        Self { health, status: Status::default(), registry, tracer: None, shutdown }
    }
}

/// What every process registers, for the reference.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<Vec<Family>> {
    Maker::describe(|make| register(make, &Health::default()))
}

fn register(make: &Maker, health: &Health) -> prometheus::Result<()> {
    let version = Label::known("version", [env!("CARGO_PKG_VERSION")]);
    let build = make.gauges("build_info", "Always 1; the label says which version runs", &[version])?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    health::register(make, health)
}
