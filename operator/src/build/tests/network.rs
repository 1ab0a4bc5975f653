//! What network policies allow, worked out as the network would: a pod that is selected may do what one of the
//! policies allows that select it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::case;
use super::{objects, selects};
use crate::build::{ADMIN_PORT, DASHBOARD_PORT, build};

/// What a pod may do: ports it may be reached on, with who may reach it, and ports it may reach.
#[derive(Debug, Default, PartialEq)]
struct Allowed {
    selected: usize,
    ingress: BTreeSet<(i64, String)>,
    egress: BTreeSet<(String, i64)>,
}

fn allowed(policies: &[&Value], labels: &Value) -> Allowed {
    let mut allowed = Allowed::default();
    for policy in policies.iter().filter(|policy| selects(&policy["spec"]["podSelector"], labels)) {
        let spec = &policy["spec"];
        assert_eq!(spec["policyTypes"], json!(["Ingress", "Egress"]));
        allowed.selected += 1;
        for rule in spec["ingress"].as_array().into_iter().flatten() {
            let from = if rule["from"].is_null() { "everybody".to_owned() } else { rule["from"].to_string() };
            for port in rule["ports"].as_array().unwrap() {
                allowed.ingress.insert((port["port"].as_i64().unwrap(), from.clone()));
            }
        }
        for rule in spec["egress"].as_array().into_iter().flatten() {
            for port in rule["ports"].as_array().unwrap() {
                let protocol = port["protocol"].as_str().unwrap().to_owned();
                allowed.egress.insert((protocol, port["port"].as_i64().unwrap()));
            }
        }
    }
    allowed
}

proptest! {
    #[test]
    fn pods_may_do_what_they_need_and_nothing_else(case in case()) {
        let objects = objects(&build(&case.pipeline, &case.observed));
        let policies: Vec<_> =
            objects.iter().filter(|(key, _)| key.starts_with("NetworkPolicy/")).map(|(_, policy)| policy).collect();
        if case.pipeline.network_policy.is_none() {
            prop_assert!(policies.is_empty());
            return Ok(());
        }
        let operator = json!([{
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "millrace-system"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "millrace-operator"}},
        }]);
        for (key, object) in objects.iter().filter(|(key, _)| key.starts_with("Deployment/")) {
            let labels = &object["spec"]["template"]["metadata"]["labels"];
            let component = labels["app.kubernetes.io/component"].as_str().unwrap();
            let found = allowed(&policies, labels);
            let mut ingress = BTreeSet::from([(i64::from(ADMIN_PORT), operator.to_string())]);
            let mut egress = BTreeSet::from([("UDP".to_owned(), 53), ("TCP".to_owned(), 53)]);
            egress.extend(case.pipeline.kafka.brokers.ports.iter().map(|port| ("TCP".to_owned(), i64::from(*port))));
            if component == "dashboard" {
                ingress.insert((i64::from(DASHBOARD_PORT), "everybody".to_owned()));
            }
            if ["dashboard", "views"].contains(&component) {
                egress.insert(("TCP".to_owned(), i64::from(case.pipeline.redis.port)));
            }
            prop_assert!(found.selected > 0, "{} is not protected", key);
            prop_assert_eq!((found.ingress, found.egress), (ingress, egress), "{}", key);
        }
    }
}
