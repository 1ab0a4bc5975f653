//! What every look at a pipeline works with, and what is remembered between two of them.

use std::collections::BTreeSet;
use std::time::Duration;

use kube::{Client, ResourceExt};
use runtime::Shutdown;

use super::apply::KafkaMemory;
use super::children::Known;
use super::lanes::Lanes;
use super::load::LoadMemory;
use super::memory::{Failures, Memories};
use super::write::Writer;
use crate::events::Events;
use crate::load::LoadReader;
use crate::metrics::Metrics;
use crate::pipeline::OperatorDefaults;
use crate::watches::Watches;

/// What every look at a pipeline works with.
pub(crate) struct Context {
    pub client: Client,
    pub defaults: OperatorDefaults,
    pub timing: Timing,
    pub watches: Watches,
    pub writer: Writer,
    pub events: Events,
    pub load: LoadReader,
    pub metrics: Metrics,
    pub lanes: Lanes,
    pub memories: Memories<Memory>,
    pub shutdown: Shutdown,
}

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Between two looks at Kafka without cause.
    pub resync: Duration,
    /// Until a deletion lets go.
    pub deletion_deadline: Duration,
}

/// What is remembered of one pipeline.
#[derive(Default)]
pub(crate) struct Memory {
    generation: Option<i64>,
    pub failures: Failures,
    pub kafka: KafkaMemory,
    pub load: LoadMemory,
    pub children: Known,
}

impl Memory {
    /// A look begins. Failures of an older generation say nothing about this one.
    pub(crate) fn begin(&mut self, generation: Option<i64>) {
        if self.generation != generation {
            self.generation = generation;
            self.failures = Failures::default();
        }
    }
}

impl Context {
    /// Forgets pipelines that are gone, and counts the others.
    pub(crate) fn tidy(&self) {
        let pipelines = self.watches.pipelines.state();
        self.metrics.record_pipelines(&pipelines);
        let uids: BTreeSet<_> = pipelines.iter().filter_map(|pipeline| pipeline.uid()).collect();
        self.memories.retain(|uid| uids.contains(uid));
    }
}
