//! The Tiltfile fits what it is about: files, build targets, values and names exist.

use std::process::Command;

use serde_json::{Value, json};

use super::helm::{Profile, checkout};

/// Runs a Tiltfile, whose language is Python's in small, with functions that only note how they were called.
const RUN: &str = r"
import json, sys
calls = []
def note(name):
    return lambda *args, **named: calls.append([name, list(args), named]) or {}
names = ['allow_k8s_contexts', 'docker_build', 'load', 'namespace_create', 'k8s_yaml', 'helm', 'k8s_resource', 'local_resource']
exec(compile(open(sys.argv[1]).read(), 'Tiltfile', 'exec'), {name: note(name) for name in names} | {'__builtins__': {}})
print(json.dumps(calls))
";

/// The calls of one function: what was given by place, and what by name.
fn calls(function: &str) -> Vec<(Value, Value)> {
    let done =
        Command::new("python3").args(["-c", RUN]).arg(checkout("Tiltfile")).output().expect("python3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let calls: Vec<(String, Value, Value)> = serde_json::from_slice(&done.stdout).expect("a list of calls");
    let own = calls.into_iter().filter(|(name, _, _)| name == function);
    own.map(|(_, args, named)| (args, named)).collect()
}

#[test]
fn images_are_built_from_stages_and_files_that_exist() {
    let builds = calls("docker_build");
    let names: Vec<_> = builds.iter().map(|(args, _)| args[0].clone()).collect();
    assert_eq!(names, ["millrace-operator", "millrace"]);
    for (args, named) in builds {
        let dockerfile = named["dockerfile"].as_str().expect("a Dockerfile");
        let text = std::fs::read_to_string(checkout(dockerfile)).expect("the Dockerfile is there");
        let stage = format!(" AS {}\n", named["target"].as_str().expect("a target"));
        assert!(text.contains(&stage), "{args}: no stage{stage}");
        for path in named["only"].as_array().expect("a list of files") {
            assert!(checkout(path.as_str().expect("a path")).exists(), "{path} does not exist");
        }
    }
}

#[test]
fn the_release_is_the_one_to_try_out() {
    let (args, named) = calls("helm").remove(0);
    assert!(checkout(args[0].as_str().expect("a chart")).join("Chart.yaml").exists());
    assert_eq!(named["values"], json!(["deploy/helm/millrace/ci/try-out-values.yaml"]));
    let profile = Profile::named("try-out");
    let workloads: Vec<_> = ["Deployment", "StatefulSet"].iter().flat_map(|kind| profile.all(kind)).collect();
    for (args, _) in calls("k8s_resource") {
        assert!(workloads.iter().any(|object| object["metadata"]["name"] == args[0]), "there is no {args}");
    }
    let (_, pipeline) = calls("local_resource").remove(0);
    for path in pipeline["deps"].as_array().expect("a list of files") {
        assert!(checkout(path.as_str().expect("a path")).exists(), "{path} does not exist");
    }
}
