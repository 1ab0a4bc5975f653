//! Every pod passes the profile `restricted` of Pod Security, checked control by control as they are listed in
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>; and some that it does not ask for.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::case;
use super::{children, deployment, objects, pod};
use crate::build::build;

/// Where a pod may get files from.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What the profile has against a pod.
fn violations(pod: &Value) -> Vec<&'static str> {
    let of_pod = &pod["securityContext"];
    let kinds = list(&pod["volumes"]).into_iter().flat_map(|volume| volume.as_object().unwrap().clone());
    let mut kinds = kinds.map(|(key, _)| key).filter(|key| key != "name");
    let mut controls = vec![
        ("hostNetwork", absent_or(&pod["hostNetwork"], &json!(false))),
        ("hostPID", absent_or(&pod["hostPID"], &json!(false))),
        ("hostIPC", absent_or(&pod["hostIPC"], &json!(false))),
        ("volume types", kinds.all(|kind| VOLUMES.contains(&kind.as_str()))),
        ("sysctls", of_pod["sysctls"].is_null()),
        ("SELinux", of_pod["seLinuxOptions"].is_null()),
        ("AppArmor", of_pod["appArmorProfile"].is_null()),
        ("HostProcess", of_pod["windowsOptions"].is_null()),
        (
            "only containers are looked at",
            pod["initContainers"].is_null() && pod["ephemeralContainers"].is_null(),
        ),
    ];
    for container in list(&pod["containers"]) {
        controls.extend(of_container(&container, of_pod));
    }
    controls.into_iter().filter(|(_, right)| !right).map(|(control, _)| control).collect()
}

/// The controls of one container, and whether it is as they ask. What it does not say itself, its pod says.
fn of_container(container: &Value, of_pod: &Value) -> Vec<(&'static str, bool)> {
    let own = &container["securityContext"];
    let effective = |field: &str| if own[field].is_null() { &of_pod[field] } else { &own[field] };
    let seccomp = &effective("seccompProfile")["type"];
    let added = list(&own["capabilities"]["add"]);
    let ports = list(&container["ports"]);
    let probes = ["startupProbe", "livenessProbe", "readinessProbe"];
    vec![
        ("privileged", absent_or(&own["privileged"], &json!(false))),
        ("privilege escalation", own["allowPrivilegeEscalation"] == json!(false)),
        ("running as non-root", *effective("runAsNonRoot") == json!(true)),
        ("non-root user", effective("runAsUser").as_i64() != Some(0)),
        ("seccomp", *seccomp == json!("RuntimeDefault") || *seccomp == json!("Localhost")),
        ("capabilities to drop", list(&own["capabilities"]["drop"]).contains(&json!("ALL"))),
        ("capabilities to add", added.iter().all(|capability| *capability == json!("NET_BIND_SERVICE"))),
        ("procMount", absent_or(&own["procMount"], &json!("Default"))),
        ("host ports", ports.iter().all(|port| absent_or(&port["hostPort"], &json!(0)))),
        ("hosts of probes", probes.iter().all(|probe| container[probe]["httpGet"]["host"].is_null())),
        ("hosts of handlers", container["lifecycle"]["preStop"]["httpGet"].is_null()),
    ]
}

fn absent_or(value: &Value, allowed: &Value) -> bool {
    value.is_null() || value == allowed
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// What more there is to protect a node and its other pods.
fn beyond(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |right: bool, what: &str| {
        if !right {
            found.push(what.to_owned());
        }
    };
    demand(pod["automountServiceAccountToken"] == json!(false), "no token");
    demand(pod["enableServiceLinks"] == json!(false), "no variables of Services");
    demand(pod["terminationGracePeriodSeconds"] == json!(30), "grace");
    for container in pod["containers"].as_array().unwrap() {
        demand(container["securityContext"]["readOnlyRootFilesystem"] == json!(true), "read-only root");
        for kind in ["requests", "limits"] {
            for amount in ["cpu", "memory"] {
                demand(container["resources"][kind][amount].is_string(), "requests and limits");
            }
        }
        let probe = |name: &str| container[name]["httpGet"]["path"].clone();
        demand(probe("startupProbe") == json!("/livez"), "start-up");
        demand(probe("livenessProbe") == json!("/livez"), "liveness");
        demand(probe("readinessProbe") == json!("/readyz"), "readiness");
    }
    found
}

proptest! {
    #[test]
    fn every_pod_passes_the_restricted_profile(case in case()) {
        for (key, object) in objects(&build(&case.pipeline, &case.observed)) {
            if key.starts_with("Deployment/") {
                let pod = &object["spec"]["template"]["spec"];
                prop_assert_eq!(violations(pod), Vec::<&str>::new(), "{}", key);
                prop_assert_eq!(beyond(pod), Vec::<String>::new(), "{}", key);
            }
        }
    }
}

/// The check itself notices each control that is broken.
#[test]
fn a_broken_control_is_noticed() {
    let children = children("full");
    let good = super::json(pod(deployment(&children, "dashboard")));
    assert_eq!(violations(&good), Vec::<&str>::new());
    for (pointer, value, control) in [
        ("/hostNetwork", json!(true), "hostNetwork"),
        ("/volumes/0/hostPath", json!({"path": "/"}), "volume types"),
        ("/securityContext/runAsNonRoot", json!(false), "running as non-root"),
        ("/securityContext/runAsUser", json!(0), "non-root user"),
        ("/securityContext/seccompProfile/type", json!("Unconfined"), "seccomp"),
        ("/securityContext/sysctls", json!([]), "sysctls"),
        ("/containers/0/securityContext/privileged", json!(true), "privileged"),
        ("/containers/0/securityContext/allowPrivilegeEscalation", json!(true), "privilege escalation"),
        ("/containers/0/securityContext/capabilities/drop", json!([]), "capabilities to drop"),
        ("/containers/0/securityContext/capabilities/add", json!(["SYS_ADMIN"]), "capabilities to add"),
        ("/containers/0/securityContext/procMount", json!("Unmasked"), "procMount"),
        ("/containers/0/ports/0/hostPort", json!(80), "host ports"),
    ] {
        let mut bad = good.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        bad.pointer_mut(parent).unwrap()[field] = value;
        assert_eq!(violations(&bad), [control], "{pointer}");
    }
}
