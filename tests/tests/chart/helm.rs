//! Helm, and what it renders.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The namespace that the chart is rendered for.
pub const NAMESPACE: &str = "millrace";

/// One of the chart's files of values to check.
#[derive(Clone)]
pub struct Profile {
    /// `default`, `full`, …
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// A path below the top of the checkout.
pub fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The chart's folder.
pub fn chart() -> String {
    checkout("deploy/helm/millrace").display().to_string()
}

/// All profiles; at least the ones that tests name.
pub fn profiles() -> Vec<Profile> {
    let folder = checkout("deploy/helm/millrace/ci");
    let files = std::fs::read_dir(&folder).expect("the profiles are there");
    let mut profiles: Vec<_> = files
        .filter_map(|file| {
            let path = file.expect("the folder can be read").path();
            let name = path.file_name()?.to_str()?.strip_suffix("-values.yaml")?.to_owned();
            Some(Profile { name, path })
        })
        .collect();
    profiles.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(profiles.len() >= 5, "{} has only {} profiles", folder.display(), profiles.len());
    profiles
}

impl Profile {
    /// The profile of this name.
    pub fn named(name: &str) -> Self {
        let found = profiles().into_iter().find(|profile| profile.name == name);
        found.expect("a profile of this name in the chart's ci folder")
    }

    /// What a release called millrace consists of, as YAML.
    pub fn text(&self, namespace: &str) -> String {
        let values = self.path.display().to_string();
        run(&["template", "millrace", &chart(), "--namespace", namespace, "--values", &values])
            .expect("helm renders every profile")
    }

    /// The same as objects.
    pub fn objects(&self, namespace: &str) -> Vec<Value> {
        let objects: Vec<Value> =
            serde_saphyr::from_multiple(&self.text(namespace)).expect("helm renders YAML");
        objects.into_iter().filter(|object| !object.is_null()).collect()
    }

    /// All objects of a kind.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.objects(NAMESPACE).into_iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of a kind.
    pub fn one(&self, kind: &str) -> Value {
        let mut all = self.all(kind);
        assert_eq!(all.len(), 1, "{} has {} of kind {kind}", self.name, all.len());
        all.remove(0)
    }

    /// The operator's Deployment.
    pub fn operator(&self) -> Value {
        let mut all = self.all("Deployment");
        all.retain(|object| object["metadata"]["name"] == "millrace-operator");
        assert_eq!(all.len(), 1, "{} has {} operators", self.name, all.len());
        all.remove(0)
    }

    /// What helm prints after an install.
    pub fn notes(&self) -> String {
        let values = self.path.display().to_string();
        let args = [
            "install",
            "millrace",
            &chart(),
            "--namespace",
            NAMESPACE,
            "--dry-run=client",
            "--values",
            &values,
        ];
        let said = run(&args).expect("helm install --dry-run");
        said.split_once("NOTES:").expect("there are notes").1.to_owned()
    }
}

/// Runs helm without a cluster.
///
/// # Errors
/// When it fails; with what it said.
pub fn run(args: &[&str]) -> Result<String> {
    run_on(Path::new("/nonexistent"), args)
}

/// Runs helm on the cluster of a kubeconfig.
///
/// # Errors
/// When it fails; with what it said.
pub fn run_on(kubeconfig: &Path, args: &[&str]) -> Result<String> {
    // What helm keeps for a user is none of these tests' business.
    let home = std::env::temp_dir().join("millrace-no-helm-home");
    let mut helm = Command::new(tools()?.join("helm"));
    helm.args(args).env("KUBECONFIG", kubeconfig).env("HOME", home);
    said(&mut helm)
}

fn tools() -> Result<&'static Path> {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    if let Some(folder) = TOOLS.get() {
        return Ok(folder);
    }
    let folder = script_says("dev/kubernetes/tools")?;
    Ok(TOOLS.get_or_init(|| folder))
}

/// The folder that a script prints.
///
/// # Errors
/// When it fails; with what it said.
pub fn script_says(script: &str) -> Result<PathBuf> {
    Ok(said(&mut Command::new(checkout(script)))?.trim().into())
}

fn said(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("running {command:?}"))?;
    ensure!(done.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
