//! A real cluster, whose nodes run containers, and the two programs people use it with.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::case::Case;
use crate::kafka::{run_script, script};

/// Where pods reach this machine.
pub const HOST: &str = "10.245.0.1";

/// A running cluster; ended when dropped.
pub struct Cluster {
    data: PathBuf,
    mark: PathBuf,
    tools: PathBuf,
}

/// Builds the images of this project under the given tags, and gives the archives.
///
/// # Errors
/// When they cannot be built.
pub fn images(case: &Case, tags: &[&str]) -> Result<Vec<PathBuf>> {
    let folder = case.path("images");
    let mut command = case.command(script("kubernetes/images"));
    command.arg(&folder).args(tags);
    run_script(command)?;
    let archive = |name: &str, tag: &str| folder.join(format!("{name}-{tag}.tar"));
    Ok(tags.iter().flat_map(|tag| [archive("millrace", tag), archive("millrace-operator", tag)]).collect())
}

impl Cluster {
    /// Starts a cluster of one node, on which pods can run these images.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(case: &Case, images: &[PathBuf]) -> Result<Self> {
        let tools = run_script(Command::new(script("kubernetes/tools")))?.into();
        let cluster = Self { data: case.path("cluster"), mark: case.dir().to_owned(), tools };
        let mut command = cluster.script("up");
        command.args(["--port", "0"]).args(images);
        run_script(command)?;
        Ok(cluster)
    }

    fn script(&self, command: &str) -> Command {
        let mut script = Command::new(script("kubernetes/node"));
        script.env(crate::case::MARK, &self.mark).args([command, "--data"]).arg(&self.data);
        script
    }

    /// Adds a node; gives its name.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn add_node(&self) -> Result<String> {
        run_script(self.script("add"))
    }

    /// Ends a node as if its power failed.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn kill_node(&self, name: &str) -> Result<()> {
        let mut command = self.script("kill");
        command.arg(name);
        run_script(command).map(drop)
    }

    /// Lets pods reach what listens on a port of 127.0.0.1, at the same port of [`HOST`].
    ///
    /// # Errors
    /// When nothing can listen there.
    pub fn publish(&self, port: u16) -> Result<()> {
        let mut command = self.script("publish");
        command.arg(port.to_string());
        run_script(command).map(drop)
    }

    /// Runs a command on the first node, from where Services and pods are reached.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = self.script("run");
        command.args(words);
        run_script(command)
    }

    /// Runs kubectl, and gives what it printed.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        run_script(self.tool("kubectl", args))
    }

    /// Runs kubectl with a text as its input.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> Result<String> {
        let mut command = self.tool("kubectl", args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("running kubectl")?;
        child.stdin.take().context("kubectl has no input")?.write_all(input.as_bytes())?;
        let done = child.wait_with_output()?;
        ensure!(
            done.status.success(),
            "kubectl {args:?} failed: {}{input}",
            String::from_utf8_lossy(&done.stderr)
        );
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// Starts kubectl, for what it does until it is ended.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn kubectl_command(&self, args: &[&str]) -> Command {
        self.tool("kubectl", args)
    }

    /// What `kubectl get ARGS` shows, as JSON.
    ///
    /// # Errors
    /// When kubectl fails.
    pub fn get(&self, args: &[&str]) -> Result<Value> {
        let args: Vec<_> = [&["get", "--output", "json"], args].concat();
        serde_json::from_str(&self.kubectl(&args)?).context("reading what kubectl printed")
    }

    /// Runs helm, and gives what it printed.
    ///
    /// # Errors
    /// When it fails; with what it said.
    pub fn helm(&self, args: &[&str]) -> Result<String> {
        run_script(self.tool("helm", args))
    }

    /// A command as people give it, with kubectl and helm at hand, in the folder of the project.
    pub fn shell(&self, command: &str) -> Command {
        let mut shell = self.tool_at("sh".as_ref(), &["-c", command]);
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", self.tools.display()));
        shell.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        shell
    }

    fn tool(&self, name: &str, args: &[impl AsRef<OsStr> + Debug]) -> Command {
        self.tool_at(&self.tools.join(name), args)
    }

    fn tool_at(&self, program: &Path, args: &[impl AsRef<OsStr> + Debug]) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", self.data.join("kubeconfig")).env(crate::case::MARK, &self.mark);
        // helm keeps what it knows of repositories; none of it is for these tests.
        command.env("HOME", &self.mark).args(args).stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(failure) = run_script(self.script("down")) {
            eprintln!("ending the cluster: {failure:#}");
        }
    }
}
