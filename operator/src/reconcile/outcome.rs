//! What a look comes to, as far as it gets.

use std::sync::Arc;

use kube::ResourceExt;
use kube::api::DynamicObject;

use super::facts::{Facts, Finding};
use super::fetch::Fetched;
use super::load::acknowledged;
use super::status::Report;
use super::{kafka, workloads};
use crate::build::{Observed, replicas};
use crate::events::Happening;
use crate::pipeline::{Component, Pipeline};

/// What a look comes to, as far as it gets.
#[derive(Default)]
pub(super) struct Outcome {
    pub facts: Facts,
    pub report: Report,
    pub happenings: Vec<Happening>,
}

impl Outcome {
    pub(super) fn take_kafka(&mut self, kafka: kafka::Outcome, fetched: &Fetched) {
        let kafka::Outcome { kafka, topics, shown, settings, happenings, error: _ } = kafka;
        self.facts.kafka = kafka;
        self.facts.topics = topics;
        self.facts.settings = match settings {
            Finding::Fine(generation) => {
                Finding::Fine(acknowledged(generation, &fetched.pods, &fetched.reports))
            }
            Finding::Wrong(problem) => Finding::Wrong(problem),
            Finding::Unknown => Finding::Unknown,
        };
        self.report.topics = shown;
        self.happenings.extend(happenings);
    }

    /// `missing`: why one that is not among the Deployments is not there.
    pub(super) fn take_workloads(
        &mut self,
        pipeline: &Pipeline,
        fetched: &Fetched,
        observed: &Observed,
        (deployments, missing): (&[Arc<DynamicObject>], &'static str),
    ) {
        let pods = || fetched.pods.iter().map(AsRef::as_ref);
        let state = |component: Component| {
            let name = pipeline.identity.child(component);
            match deployments.iter().find(|deployment| deployment.name_any() == name) {
                Some(deployment) => workloads::workload(component, deployment, pods()),
                None => workloads::absent(component, replicas(pipeline, component, observed), missing),
            }
        };
        self.facts.workloads = Some(pipeline.components().into_iter().map(state).collect());
        self.facts.losses = workloads::losses(pods());
    }
}
