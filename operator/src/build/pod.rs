//! The template of a component's pods.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SleepAction, TopologySpreadConstraint,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{ADMIN_PORT, DASHBOARD_PORT, Observed, env, metadata, security, service};
use crate::api::PullPolicy;
use crate::pipeline::{Allotment, Amount, Component, Pipeline};

/// What the port of `/livez` and so on is called.
const ADMIN: &str = "admin";
const CONTAINER: &str = "millrace";
/// Services drain within 10 s (the process's own deadline); the rest is for slow nodes.
const GRACE_SECONDS: i64 = 30;
/// How long a pod behind a Service goes on serving after it was told to stop: until then connections may still come.
const LEAVE_SECONDS: i64 = 1;

/// The template of a component's pods. It changes only when pods must restart.
pub(super) fn template(pipeline: &Pipeline, component: Component, observed: &Observed) -> PodTemplateSpec {
    let secrets = secrets(pipeline, component);
    let annotations = (!secrets.is_empty())
        .then(|| BTreeMap::from([(metadata::SECRETS.to_owned(), observed.secrets.fingerprint(&secrets))]));
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(metadata::labels(&pipeline.identity, Some(component))),
            annotations,
            ..ObjectMeta::default()
        }),
        spec: Some(spec(pipeline, component)),
    }
}

/// The Secrets that the component's pods use.
fn secrets(pipeline: &Pipeline, component: Component) -> BTreeSet<&str> {
    let mut names = pipeline.kafka.secrets();
    match component {
        Component::Processor(_) | Component::Simulator => {}
        Component::Views | Component::Dashboard => names.extend(pipeline.redis.secret.as_deref()),
    }
    names
}

fn spec(pipeline: &Pipeline, component: Component) -> PodSpec {
    let volumes = env::volumes(pipeline);
    PodSpec {
        containers: vec![container(pipeline, component)],
        volumes: (!volumes.is_empty()).then_some(volumes),
        service_account_name: Some(pipeline.identity.name.clone()),
        automount_service_account_token: Some(false),
        // variables with the addresses of all Services of the namespace could be taken for options
        enable_service_links: Some(false),
        security_context: Some(security::of_pod()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        topology_spread_constraints: Some(spread(pipeline, component)),
        ..PodSpec::default()
    }
}

fn container(pipeline: &Pipeline, component: Component) -> Container {
    let mounts = env::mounts(pipeline);
    let pull_policy = match pipeline.image.pull_policy {
        PullPolicy::Always => "Always",
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Never => "Never",
    };
    Container {
        name: CONTAINER.to_owned(),
        image: Some(pipeline.image.name.clone()),
        image_pull_policy: Some(pull_policy.to_owned()),
        args: Some(env::command(component)),
        env: Some(env::environment(pipeline, component)),
        ports: Some(ports(component)),
        resources: allotment(pipeline, component).map(resources),
        volume_mounts: (!mounts.is_empty()).then_some(mounts),
        // nothing is restarted while it starts; then only what does not answer at all; what waits for Kafka or
        // Redis is alive and not ready
        startup_probe: Some(probe("/livez", 1, 60)),
        liveness_probe: Some(probe("/livez", 10, 6)),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        lifecycle: (component == Component::Dashboard).then(leave),
        security_context: Some(security::of_container()),
        // the last words of a stage that stops because orders are gone: the operator reads them there
        termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
        ..Container::default()
    }
}

fn ports(component: Component) -> Vec<ContainerPort> {
    let port = |name: &str, number| ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    let page = (component == Component::Dashboard).then(|| port(service::PORT, DASHBOARD_PORT));
    [port(ADMIN, ADMIN_PORT)].into_iter().chain(page).collect()
}

fn allotment(pipeline: &Pipeline, component: Component) -> Option<&Allotment> {
    match component {
        Component::Processor(name) => {
            pipeline.processors.iter().find(|processor| processor.name == name).map(|found| &found.allotment)
        }
        Component::Views => Some(&pipeline.views),
        Component::Dashboard => pipeline.dashboard.as_ref().map(|dashboard| &dashboard.allotment),
        Component::Simulator => pipeline.simulator.as_ref(),
    }
}

fn resources(allotment: &Allotment) -> ResourceRequirements {
    let Allotment { cpu, memory } = allotment;
    let amounts = |choose: fn(&Amount) -> &crate::api::Quantity| {
        let amount = |name: &str, amount| (name.to_owned(), choose(amount).clone().into());
        Some([amount("cpu", cpu), amount("memory", memory)].into())
    };
    ResourceRequirements {
        requests: amounts(|amount| &amount.request),
        limits: amounts(|amount| &amount.limit),
        claims: None,
    }
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(ADMIN.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        // a machine that is busy answers late; that is no reason for more work
        timeout_seconds: Some(5),
        failure_threshold: Some(failure_threshold),
        ..Probe::default()
    }
}

fn leave() -> Lifecycle {
    let sleep = LifecycleHandler {
        sleep: Some(SleepAction { seconds: LEAVE_SECONDS }),
        ..LifecycleHandler::default()
    };
    Lifecycle { pre_stop: Some(sleep), ..Lifecycle::default() }
}

/// Replicas go to different zones and nodes where there are some; where there are none they run all the same.
fn spread(pipeline: &Pipeline, component: Component) -> Vec<TopologySpreadConstraint> {
    ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        .map(|key| TopologySpreadConstraint {
            max_skew: 1,
            topology_key: key.to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(metadata::pods(&pipeline.identity, Some(component))),
            ..TopologySpreadConstraint::default()
        })
        .into()
}
