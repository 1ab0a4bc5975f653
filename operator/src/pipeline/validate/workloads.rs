//! What runs: how many of it, and what each pod gets.

use std::time::Duration;

use contract::ProcessorName;

use super::within;
use crate::api::{
    self, AnalyticsPipelineSpec, DashboardSpec, IngressSpec, ProcessorsSpec, Resources, ScalingMode,
    SimulatorSpec, ViewsSpec,
};
use crate::pipeline::names::check_subdomain;
use crate::pipeline::resources::{self, Allotment, Standard};
use crate::pipeline::violation::Violations;
use crate::pipeline::{Dashboard, Processor, Scaling};

/// The limits of `maxLag`.
const MAX_LAG: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(1));
const DEFAULT_MAX_LAG: api::Duration = api::Duration::from_millis(30_000);
/// The most replicas of the dashboard.
const MOST_DASHBOARDS: i32 = 20;

pub(super) fn processors(spec: &AnalyticsPipelineSpec, found: &mut Violations) -> Vec<Processor> {
    let ProcessorsSpec { revenue, fraud, trend } = &spec.processors;
    let all = [
        (ProcessorName::Revenue, revenue.enabled, &revenue.scaling, &revenue.resources),
        (ProcessorName::Fraud, fraud.enabled, &fraud.scaling, &fraud.resources),
        (ProcessorName::Trend, trend.enabled, &trend.scaling, &trend.resources),
    ];
    let enabled = all.into_iter().filter(|(_, enabled, ..)| *enabled);
    let mut checked = Vec::new();
    for (name, _, given, resources) in enabled {
        let path = format!("spec.processors.{name}");
        let scaling = scaling(&path, given, spec.topics.orders.partitions, found);
        let allotment = allotment(&path, resources::PROCESSOR, resources, found);
        checked.extend(scaling.zip(allotment).map(|(scaling, allotment)| Processor {
            name,
            scaling,
            allotment,
        }));
    }
    checked
}

fn scaling(path: &str, spec: &api::Scaling, partitions: i32, found: &mut Violations) -> Option<Scaling> {
    let api::Scaling { mode, replicas, min, max, max_lag } = spec;
    let mut bounded = |field: &str, value: i32, most: i32, what: &str| {
        let right = (1..=most).contains(&value);
        if !right {
            let problem = format!("is {value}; it must be from 1 to {most}, {what}");
            found.add(format!("{path}.scaling.{field}"), problem);
        }
        right.then_some(value)
    };
    let of_orders = "the partitions of spec.topics.orders";
    match mode {
        ScalingMode::External => Some(Scaling::External),
        ScalingMode::Fixed => {
            let replicas = bounded("replicas", replicas.unwrap_or(1), partitions, of_orders)?;
            Some(Scaling::Fixed { replicas })
        }
        ScalingMode::Auto => {
            let max = bounded("max", max.unwrap_or(partitions), partitions, of_orders)?;
            let min = bounded("min", min.unwrap_or(1), max, "spec.…scaling.max")?;
            let max_lag = within(max_lag.unwrap_or(DEFAULT_MAX_LAG), MAX_LAG);
            let max_lag = found.check(format!("{path}.scaling.maxLag"), max_lag)?;
            Some(Scaling::Auto { min, max, max_lag })
        }
    }
}

pub(super) fn views(spec: &ViewsSpec, found: &mut Violations) -> Option<Allotment> {
    // the interval is one of the settings
    let ViewsSpec { interval: _, resources } = spec;
    allotment("spec.views", resources::VIEWS, resources, found)
}

/// `None` if there is to be none, or if it is wrong.
pub(super) fn dashboard(spec: &DashboardSpec, found: &mut Violations) -> Option<Dashboard> {
    let DashboardSpec { replicas, ingress, resources } = spec;
    if !(0..=MOST_DASHBOARDS).contains(replicas) {
        let problem = format!("is {replicas}; it must be from 0 to {MOST_DASHBOARDS}");
        found.add("spec.dashboard.replicas", problem);
    }
    if let Some(ingress) = ingress {
        check_ingress(ingress, found);
    }
    let allotment = allotment("spec.dashboard", resources::DASHBOARD, resources, found)?;
    (*replicas > 0).then(|| Dashboard { replicas: *replicas, ingress: ingress.clone(), allotment })
}

fn check_ingress(ingress: &IngressSpec, found: &mut Violations) {
    let IngressSpec { host, tls_secret, class_name } = ingress;
    found.check("spec.dashboard.ingress.host", check_subdomain(host.strip_prefix("*.").unwrap_or(host)));
    if let Some(secret) = tls_secret {
        found.check("spec.dashboard.ingress.tlsSecret", check_subdomain(secret));
    }
    if let Some(class) = class_name {
        found.check("spec.dashboard.ingress.className", check_subdomain(class));
    }
}

/// `None` if there is to be none, or if it is wrong.
pub(super) fn simulator(spec: &SimulatorSpec, found: &mut Violations) -> Option<Allotment> {
    // the rest is in the settings
    let SimulatorSpec { enabled, orders_per_second: _, suspicious_percent: _, resources } = spec;
    let allotment = allotment("spec.simulator", resources::SIMULATOR, resources, found)?;
    enabled.then_some(allotment)
}

fn allotment(
    path: &str,
    standard: Standard,
    resources: &Resources,
    found: &mut Violations,
) -> Option<Allotment> {
    match standard.with(resources) {
        Ok(allotment) => Some(allotment),
        Err((field, problem)) => {
            found.add(format!("{path}.resources.{field}"), problem);
            None
        }
    }
}
