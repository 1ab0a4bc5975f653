//! What stays as it is when something changes, and what does not.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use proptest::prelude::*;
use serde_json::Value;

use super::generate::{case, named_case};
use super::{objects, observed};
use crate::api::{AnalyticsPipeline, Duration, PipelineState, ScalingMode};
use crate::build::{Children, Observed, build};
use crate::fixtures::{all_secrets, resource, validate};
use crate::pipeline::Secrets;

/// The objects, apart from the replicas.
fn without_replicas(children: &Children) -> BTreeMap<String, Value> {
    let mut objects = objects(children);
    for (_, deployment) in objects.iter_mut().filter(|(key, _)| key.starts_with("Deployment/")) {
        deployment["spec"].as_object_mut().unwrap().remove("replicas");
    }
    objects
}

/// The selectors of Deployments, which can never be changed.
fn selectors(children: &Children) -> BTreeMap<String, Value> {
    let deployments = objects(children).into_iter().filter(|(key, _)| key.starts_with("Deployment/"));
    deployments.map(|(key, object)| (key, object["spec"]["selector"].clone())).collect()
}

fn built(change: impl Fn(&mut AnalyticsPipeline)) -> Children {
    let mut resource = resource("full");
    change(&mut resource);
    build(&validate(&resource).unwrap(), &observed())
}

/// The components whose pods restart when something changes.
fn restarted(before: &Children, after: &Children) -> BTreeSet<String> {
    let (before, after) = (objects(before), objects(after));
    let deployments = before.into_iter().filter(|(key, _)| key.starts_with("Deployment/"));
    let changed =
        deployments.filter(|(key, before)| before["spec"]["template"] != after[key]["spec"]["template"]);
    changed.map(|(key, _)| key.trim_start_matches("Deployment/shop-").to_owned()).collect()
}

fn all() -> BTreeSet<String> {
    ["revenue", "fraud", "trend", "views", "dashboard", "simulator"].map(str::to_owned).into()
}

proptest! {
    #[test]
    fn selectors_are_the_same_whatever_changes(one in named_case("shop"), other in named_case("shop")) {
        let one = selectors(&build(&one.pipeline, &one.observed));
        let other = selectors(&build(&other.pipeline, &other.observed));
        for (key, selector) in one {
            if let Some(same) = other.get(&key) {
                prop_assert_eq!(&selector, same, "{}", key);
            }
        }
    }

    #[test]
    fn decisions_change_nothing_but_replicas(one in case(), other in case()) {
        let observed = Observed { replicas: other.observed.replicas, ..one.observed.clone() };
        prop_assert_eq!(
            without_replicas(&build(&one.pipeline, &one.observed)),
            without_replicas(&build(&one.pipeline, &observed))
        );
    }
}

#[test]
fn live_settings_change_no_object() {
    let before = built(|_| {});
    let after = built(|resource| {
        let spec = &mut resource.spec;
        spec.processors.fraud.thresholds.high_value = 7;
        spec.processors.fraud.thresholds.orders_per_minute = 7;
        spec.processors.trend.top_k = 7;
        spec.kafka.commit_interval = Duration::from_millis(7);
        spec.views.interval = Duration::from_millis(70);
        spec.simulator.orders_per_second = 7;
        spec.simulator.suspicious_percent = 7;
    });
    assert_eq!(before, after);
}

#[test]
fn rescaling_and_topics_restart_no_pod() {
    let before = built(|_| {});
    for change in [
        |resource: &mut AnalyticsPipeline| resource.spec.processors.revenue.scaling.replicas = Some(7),
        |resource: &mut AnalyticsPipeline| {
            resource.spec.processors.fraud.scaling.mode = ScalingMode::External;
        },
        |resource: &mut AnalyticsPipeline| resource.spec.processors.trend.scaling.mode = ScalingMode::Auto,
        |resource: &mut AnalyticsPipeline| resource.spec.dashboard.replicas = 7,
        |resource: &mut AnalyticsPipeline| resource.spec.topics.orders.partitions = 70,
        |resource: &mut AnalyticsPipeline| resource.spec.state = PipelineState::Paused,
    ] {
        let after = built(change);
        assert_eq!(restarted(&before, &after), BTreeSet::new());
        assert_eq!(without_replicas(&before), without_replicas(&after));
    }
}

#[test]
fn a_connection_that_changes_restarts_who_uses_it() {
    let before = built(|_| {});
    let redis = built(|resource| resource.spec.redis.url = "redis://other:6379".to_owned());
    assert_eq!(restarted(&before, &redis), ["dashboard", "views"].map(str::to_owned).into());
    let kafka = built(|resource| resource.spec.kafka.bootstrap_servers = "other:9092".to_owned());
    assert_eq!(restarted(&before, &kafka), all());
    let image = built(|resource| resource.spec.image.tag = Some("2".to_owned()));
    assert_eq!(restarted(&before, &image), all());
    let timeout = built(|resource| resource.spec.kafka.transaction_timeout = Duration::from_millis(30_000));
    assert_eq!(restarted(&before, &timeout), ["revenue", "fraud", "trend"].map(str::to_owned).into());
}

#[test]
fn a_secret_that_changes_restarts_who_uses_it_once() {
    let with = |change: &dyn Fn(&mut Vec<k8s_openapi::api::core::v1::Secret>)| {
        let mut secrets = all_secrets();
        change(&mut secrets);
        let observed = Observed { secrets: Secrets::from_iter(secrets), ..observed() };
        build(&validate(&resource("full")).unwrap(), &observed)
    };
    let before = with(&|_| {});
    let changed = |index: usize, key: &'static str| {
        with(&move |secrets| {
            let data = secrets[index].data.as_mut().unwrap();
            data.insert(key.to_owned(), ByteString(b"new".to_vec()));
        })
    };
    assert_eq!(restarted(&before, &changed(2, "password")), all());
    assert_eq!(restarted(&before, &changed(0, "authority.pem")), all());
    assert_eq!(restarted(&before, &changed(1, "tls.crt")), all());
    let redis = changed(3, "password");
    assert_eq!(restarted(&before, &redis), ["dashboard", "views"].map(str::to_owned).into());
    assert_eq!(redis, changed(3, "password"), "the same content restarts nothing again");
    let touched = with(&|secrets| {
        secrets[2].metadata.resource_version = Some("7".to_owned());
        secrets[2].metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        secrets.push(crate::fixtures::secret("another", &["password"]));
    });
    assert_eq!(before, touched, "what is not content, and what is not used, restarts nothing");
}
