//! The steps of the README, run as they stand there as far as they exist on this cluster.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::case::{Case, free_port};
use harness::process::Process;
use harness::{http, wait};
use serde_json::Value;

use super::world::{OPERATOR, RELEASES, ROLLOUT, World, checkout};

/// How commands begin that are not run: cluster and images are here already; Kafka and Redis, which the chart would run
/// from images of others, are beside the cluster.
const NOT_HERE: [&str; 6] = [
    "kind create",
    "make image",
    "kind load",
    "minikube ",
    "kubectl --namespace millrace rollout status statefulset/kafka",
    "kubectl --namespace millrace port-forward service/kafka-ui",
];
/// What the README says of images and servers.
const THEIRS: &str = "--set image.tag=dev --set devBackends.enabled=true";

/// Installs the first release and makes the README's pipeline, changes it and deletes it again.
pub fn run(world: &World, case: &Case) -> Result<()> {
    world.namespace(OPERATOR)?;
    let mut run = 0;
    for command in commands()? {
        if NOT_HERE.iter().any(|beginning| command.starts_with(beginning)) {
            continue;
        }
        run += 1;
        if command.contains(" port-forward ") {
            page(world, case, &command)?;
        } else {
            shell(world, &command)?;
        }
        world.say(&format!("README: {}", command.lines().next().unwrap_or_default()));
    }
    ensure!(run == 9, "{run} commands of the README were run, not those that this test knows");
    world.wait_ready(OPERATOR)?;
    let replicas = world.pods(OPERATOR, "app.kubernetes.io/component=revenue")?.len();
    ensure!(replicas == 3, "revenue has {replicas} replicas");
    world.wait_for_more_orders(OPERATOR)?;
    world.cluster.kubectl(&["--namespace", OPERATOR, "delete", "analyticspipeline", "shop"])?;
    wait::until("the README's pipeline to be gone", ROLLOUT, || {
        Ok(world.pods(OPERATOR, "app.kubernetes.io/instance=shop")?.is_empty())
    })
}

/// The commands of the section on Kubernetes, those of several lines whole.
fn commands() -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(checkout("README.md"))?;
    let section = readme.split("\n## ").find(|section| section.starts_with("On Kubernetes\n"));
    let section = section.context("the README says nothing of Kubernetes")?;
    let blocks = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let release = format!("--set image.registry=millrace.test --set image.tag={}", RELEASES[0]);
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in blocks.flat_map(str::lines) {
        let line = line.replace(THEIRS, &release);
        match commands.last_mut().filter(|_| goes_on) {
            Some(command) => *command = format!("{command}\n{line}"),
            None => commands.push(line.clone()),
        }
        goes_on = line.ends_with('\\');
    }
    ensure!(commands.iter().any(|command| command.contains(&release)), "{THEIRS} is not in the README");
    Ok(commands)
}

fn shell(world: &World, command: &str) -> Result<()> {
    let mut shell = world.cluster.shell(command);
    let done = shell.stdin(Stdio::null()).output().with_context(|| format!("running {command}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{command}\nended with {}: {said}", done.status);
    Ok(())
}

/// Opens the page as the command says, but on a port that is free.
fn page(world: &World, case: &Case, command: &str) -> Result<()> {
    let port = free_port()?;
    let command = command.replace(" 3001 ", &format!(" {port}:3001 "));
    let forward: Command = world.cluster.shell(&format!("exec {command}"));
    let _forward = Process::spawn("port-forward", forward, case.path("port-forward.log"))?;
    wait::until("the page's figures on this machine", ROLLOUT, || {
        let stats: Value = serde_json::from_str(&http::get(port, "/api/stats")?.body)?;
        ensure!(stats["totalRevenue"].as_u64() > Some(0), "{stats}");
        Ok(true)
    })
}
