//! Every pod passes the profile `restricted` of Pod Security, checked control by control as they are listed in
//! <https://kubernetes.io/docs/concepts/security/pod-security-standards/>; and some that it does not ask for.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::generate::case;
use super::{children, deployment, objects, pod};
use crate::build::build;

/// What the profile has against a pod.
fn violations(pod: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut demand = |right: bool, control: &str| {
        if !right {
            found.push(control.to_owned());
        }
    };
    let absent_or = |value: &Value, allowed: &Value| value.is_null() || value == allowed;
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        demand(absent_or(&pod[field], &json!(false)), field);
    }
    let empty = Vec::new();
    let list = |value: &'_ Value| value.as_array().cloned().unwrap_or_default();
    for volume in list(&pod["volumes"]) {
        let kinds: Vec<_> =
            volume.as_object().unwrap().keys().filter(|key| *key != "name").cloned().collect();
        let allowed = [
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ];
        demand(kinds.iter().all(|kind| allowed.contains(&kind.as_str())), "volume types");
    }
    let of_pod = &pod["securityContext"];
    demand(of_pod["sysctls"].is_null(), "sysctls");
    demand(of_pod["seLinuxOptions"].is_null(), "SELinux");
    demand(of_pod["appArmorProfile"].is_null(), "AppArmor");
    demand(of_pod["windowsOptions"].is_null(), "HostProcess");
    demand(
        pod["initContainers"].is_null() && pod["ephemeralContainers"].is_null(),
        "only containers are looked at",
    );
    for container in pod["containers"].as_array().unwrap_or(&empty) {
        let own = &container["securityContext"];
        let effective = |field: &str| if own[field].is_null() { &of_pod[field] } else { &own[field] };
        demand(absent_or(&own["privileged"], &json!(false)), "privileged");
        demand(own["allowPrivilegeEscalation"] == json!(false), "privilege escalation");
        demand(effective("runAsNonRoot") == &json!(true), "running as non-root");
        demand(effective("runAsUser").as_i64() != Some(0), "non-root user");
        let seccomp = &effective("seccompProfile")["type"];
        demand(*seccomp == json!("RuntimeDefault") || *seccomp == json!("Localhost"), "seccomp");
        demand(list(&own["capabilities"]["drop"]).contains(&json!("ALL")), "capabilities to drop");
        let added = list(&own["capabilities"]["add"]);
        demand(
            added.iter().all(|capability| *capability == json!("NET_BIND_SERVICE")),
            "capabilities to add",
        );
        demand(absent_or(&own["procMount"], &json!("Default")), "procMount");
        let ports = list(&container["ports"]);
        demand(ports.iter().all(|port| absent_or(&port["hostPort"], &json!(0))), "host ports");
        for handler in ["startupProbe", "livenessProbe", "readinessProbe"] {
            demand(container[handler]["httpGet"]["host"].is_null(), "hosts of probes");
        }
        demand(container["lifecycle"]["preStop"]["httpGet"].is_null(), "hosts of handlers");
    }
    found
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
                prop_assert_eq!(violations(pod), Vec::<String>::new(), "{}", key);
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
    assert_eq!(violations(&good), Vec::<String>::new());
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
