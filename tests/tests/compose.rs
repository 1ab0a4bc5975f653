//! `docker/compose.yaml` and the program fit together: its commands are understood and its variables exist.
//!
//! No Docker engine is needed, and none is proven here: whether images can be pulled and started is not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use harness::binary::{self, Build};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct Compose {
    services: BTreeMap<String, Service>,
}

#[derive(Clone, Deserialize)]
struct Service {
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    depends_on: BTreeMap<String, Dependency>,
    healthcheck: Option<serde_json::Value>,
    #[serde(default)]
    volumes: Vec<String>,
}

#[derive(Clone, Deserialize)]
struct Dependency {
    condition: String,
}

impl Compose {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/compose.yaml");
        let text = std::fs::read_to_string(path).expect("docker/compose.yaml is there");
        serde_saphyr::from_str(&text).expect("docker/compose.yaml is a compose file")
    }

    /// The services that run our image.
    fn ours(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter().filter(|(_, service)| service.image.starts_with("millrace:"))
    }
}

/// What the program says about `command`: its help, or why it does not understand it. Options are judged before the
/// help is printed, so a wrong one fails.
fn help(command: &[String]) -> Result<String, String> {
    let program = binary::path(Build::Plain).expect("the program is built");
    let output = Command::new(program).args(command).arg("--help").output().expect("the program runs");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// One sentence per thing in the file that the program does not know.
fn unknown(compose: &Compose) -> Vec<String> {
    let mut found = Vec::new();
    for (name, service) in compose.ours() {
        match help(&service.command) {
            Err(why) => found.push(format!("{name}: {:?} is not understood: {why}", service.command)),
            Ok(help) => found.extend(
                service
                    .environment
                    .keys()
                    .filter(|variable| {
                        !help.contains(&format!("[env: {variable}="))
                            && !help.contains(&format!("[env: {variable}]"))
                    })
                    .map(|variable| format!("{name}: there is no {variable}")),
            ),
        }
    }
    found
}

#[test]
fn the_program_understands_every_command_and_variable() {
    let compose = Compose::read();
    let ours: BTreeSet<_> = compose.ours().map(|(name, _)| name.as_str()).collect();
    assert_eq!(ours, BTreeSet::from(["topics", "simulator", "process", "views", "dashboard"]));
    assert_eq!(unknown(&compose), Vec::<String>::new());
}

#[test]
fn a_misspelt_command_or_variable_is_found() {
    let mut compose = Compose::read();
    let processor = compose.services.get_mut("process").expect("there is a stage");
    "revenu".clone_into(&mut processor.command[1]);
    let views = compose.services.get_mut("views").expect("there are views");
    views.environment.insert("REDIS_ULR".to_owned(), String::new());
    let simulator = compose.services.get_mut("simulator").expect("there is a simulator");
    simulator.command.push("--raet=5".to_owned());
    let found = unknown(&compose);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].contains("process") && found[0].contains("revenu"), "{found:?}");
    assert!(found[1].contains("simulator") && found[1].contains("--raet"), "{found:?}");
    assert_eq!(found[2], "views: there is no REDIS_ULR");
}

#[test]
fn what_a_service_waits_for_can_happen() {
    let compose = Compose::read();
    for (name, service) in &compose.services {
        for (other, dependency) in &service.depends_on {
            let Some(awaited) = compose.services.get(other) else { panic!("{name} waits for {other}") };
            match dependency.condition.as_str() {
                "service_healthy" => assert!(awaited.healthcheck.is_some(), "{other} has no health check"),
                "service_completed_successfully" => assert_eq!(other, "topics", "{other} does not end"),
                condition => panic!("{name} waits for {other} to be {condition}"),
            }
        }
    }
}

/// What is mounted from the checkout is there, and Prometheus asks services that exist.
#[test]
fn what_is_mounted_and_asked_exists() {
    let (compose, folder) = (Compose::read(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker"));
    let volumes: Vec<_> = compose.services.values().flat_map(|service| &service.volumes).collect();
    let mounted: Vec<_> = volumes.iter().filter(|volume| volume.starts_with("..")).collect();
    assert_eq!(mounted.len(), 5, "{mounted:?}");
    for volume in mounted {
        let (path, _) = volume.split_once(':').expect("a place in the container");
        assert!(folder.join(path).exists(), "{path} does not exist");
    }
    let text =
        std::fs::read_to_string(folder.join("../deploy/grafana/prometheus.yaml")).expect("it is there");
    let config: serde_json::Value = serde_saphyr::from_str(&text).expect("prometheus.yaml is YAML");
    let names = config["scrape_configs"][0]["dns_sd_configs"][0]["names"].as_array().expect("names");
    let asked: BTreeSet<_> = names.iter().filter_map(|name| name.as_str()).collect();
    let running = compose.ours().map(|(name, _)| name.as_str()).filter(|name| *name != "topics");
    assert_eq!(asked, running.collect());
}
