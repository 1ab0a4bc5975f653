//! What the operator tells pods is what the program listens to: the commands and variables in the operator's golden
//! files exist.

#[allow(dead_code, reason = "not every test that shares this file needs all of it")]
#[path = "support/program.rs"]
mod program;

use program::Program;
use serde_json::Value;

/// The containers of all Deployments in a golden file of the operator: their arguments and variables.
fn containers(name: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let file = format!("{}/../../operator/tests/golden/{name}.objects.yaml", env!("CARGO_MANIFEST_DIR"));
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&std::fs::read_to_string(file).expect("a golden file")).expect("YAML");
    let deployments = objects.iter().filter(|object| object["kind"] == "Deployment");
    let containers = deployments.map(|object| &object["spec"]["template"]["spec"]["containers"][0]);
    containers
        .map(|container| {
            let arguments = container["args"].as_array().expect("arguments").iter().map(text).collect();
            let variables =
                container["env"].as_array().expect("variables").iter().map(|v| text(&v["name"])).collect();
            (arguments, variables)
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

#[test]
fn every_variable_that_the_operator_sets_is_an_option() {
    for name in ["minimal", "full"] {
        let containers = containers(name);
        assert!(!containers.is_empty());
        for (arguments, variables) in containers {
            let help = Program::start(&["help", &arguments[0]], &[]).end();
            assert_eq!(help.code, Some(0), "{arguments:?}: {}", help.stderr);
            for variable in variables {
                let known = ["]", "="].map(|end| format!("[env: {variable}{end}"));
                assert!(
                    known.iter().any(|known| help.stdout.contains(known)),
                    "{arguments:?} does not know {variable}: {}",
                    help.stdout
                );
            }
        }
    }
}

#[test]
fn a_password_that_is_given_twice_is_refused_and_not_repeated() {
    let environment = [("REDIS_URL", "redis://u:hunter2@redis"), ("REDIS_PASSWORD", "hunter3")];
    for command in ["views", "dashboard"] {
        let ended = Program::start(&[command], &environment).end();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("REDIS_PASSWORD") && !ended.stderr.contains("hunter"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_file_that_is_not_there_is_named_by_its_option() {
    let ended = Program::start(&["simulate"], &[("KAFKA_TLS_CA", "/does/not/exist")]).end();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("--tls-ca") && ended.stderr.contains("/does/not/exist"),
        "{}",
        ended.stderr
    );
}
