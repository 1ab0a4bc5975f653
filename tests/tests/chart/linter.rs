//! What a security linter finds in the rendered chart: nothing but what is listed here with its reason.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::helm::{NAMESPACE, Profile, checkout};

/// What is found and stays: the check, part of the object's name, and why.
const KNOWN: [(&str, &str, &str); 7] = [
    ("CKV_K8S_43", ".millrace.", "a digest is only known once an image is built"),
    ("CKV_K8S_15", ".millrace.", "images that were loaded into the cluster cannot be pulled"),
    ("CKV_K8S_38", "Deployment.millrace.millrace-operator", "the operator talks to the API server"),
    ("CKV2_K8S_5", "RoleBinding.shop", "it reads Secrets by name, in the namespaces that were named"),
    ("CKV_K8S_40", "Deployment.millrace.redis", "the image's own user; for trying out"),
    ("CKV_K8S_40", "StatefulSet.millrace.kafka", "the image's own user; for trying out"),
    ("CKV2_K8S_6", "Pod.millrace.", "network policies are opt-in"),
];

/// Each finding as its check and its object.
fn findings(yaml: &str, name: &str) -> BTreeSet<(String, String)> {
    let folder = std::env::temp_dir().join(format!("millrace-chart-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("rendered.yaml"), yaml).expect("a file");
    let done = Command::new(checkout("dev/checkov"))
        .args(["--framework", "kubernetes", "--skip-download", "--output", "json", "--directory"])
        .arg(&folder)
        .output()
        .expect("dev/checkov runs");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    let said = String::from_utf8_lossy(&done.stdout);
    let report: Value = serde_json::from_str(&said).expect("a report in JSON");
    let passed = report["summary"]["passed"].as_u64().unwrap_or_default();
    assert!(passed > 50, "{name}: only {passed} checks passed");
    let failed = report["results"]["failed_checks"].as_array().expect("a list of failures");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    failed.iter().map(|failure| (text(&failure["check_id"]), text(&failure["resource"]))).collect()
}

#[test]
fn the_linter_finds_only_what_is_known() {
    let mut seen = BTreeSet::new();
    for name in ["full", "try-out", "namespaced"] {
        for (check, object) in findings(&Profile::named(name).text(NAMESPACE), name) {
            let known = KNOWN.iter().position(|(known, part, _)| *known == check && object.contains(part));
            seen.insert(known.unwrap_or_else(|| panic!("{name}: {check} for {object}")));
        }
    }
    let stale: Vec<_> = KNOWN.iter().enumerate().filter(|(index, _)| !seen.contains(index)).collect();
    assert!(stale.is_empty(), "not found any more: {stale:?}");
}

/// The linter looks: what the chart takes care of is found when it is gone.
#[test]
fn the_linter_finds_what_is_wrong() {
    let text = Profile::named("full").text(NAMESPACE);
    let worse = text
        .replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true")
        .replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
        .replace("apiGroups: [apps]", "apiGroups: [\"*\"]")
        .replace("resources: [deployments]", "resources: [\"*\"]")
        .replace("verbs: [get, list, watch, create, patch, delete]", "verbs: [\"*\"]");
    assert_ne!(text, worse);
    let found = findings(&worse, "worse");
    for check in ["CKV_K8S_20", "CKV_K8S_22", "CKV_K8S_157"] {
        assert!(found.iter().any(|(found, _)| found == check), "{check} is not among {found:?}");
    }
}
