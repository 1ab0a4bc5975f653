//! What every service needs to have metrics of its own.

use prometheus::Registry;
use prometheus::core::Collector;

/// Registers a collector and gives it back; clones of a collector count together.
///
/// # Errors
/// When the registry holds one of this name already: a service ran twice with one registry.
pub fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
