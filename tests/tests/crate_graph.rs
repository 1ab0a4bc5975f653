//! Who may import whom among the crates of this workspace, and which libraries may never reach the pure ones.
//!
//! The rules are those of the README's map: pure crates know the contract alone, I/O crates know the contract and the
//! process shell, and only the binary knows everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What one crate of the workspace may depend on.
struct Rule {
    name: &'static str,
    /// The crates of this workspace that it may import.
    ours: &'static [&'static str],
    /// Libraries that may be nowhere in its dependency tree.
    never: &'static [&'static str],
}

/// What a pure crate must not have in its tree: a broker, a store, a server, a cluster, a runtime.
const IO: &[&str] = &["rdkafka", "rdkafka-sys", "redis", "axum", "kube", "tokio"];
const CONTRACT: &[&str] = &["millrace-contract"];
const CONTRACT_AND_SHELL: &[&str] = &["millrace-contract", "millrace-runtime"];

const RULES: &[Rule] = &[
    Rule { name: "millrace-contract", ours: &[], never: IO },
    Rule { name: "millrace-revenue", ours: CONTRACT, never: IO },
    Rule { name: "millrace-fraud", ours: CONTRACT, never: IO },
    Rule { name: "millrace-trend", ours: CONTRACT, never: IO },
    // What their property tests share.
    Rule { name: "millrace-foldtest", ours: CONTRACT, never: IO },
    Rule { name: "millrace-runtime", ours: CONTRACT, never: &["redis"] },
    // A processor that could read Redis would one day decide by it.
    Rule { name: "millrace-engine", ours: CONTRACT_AND_SHELL, never: &["redis"] },
    Rule { name: "millrace-views", ours: CONTRACT_AND_SHELL, never: &[] },
    Rule { name: "millrace-simulator", ours: CONTRACT_AND_SHELL, never: &["redis"] },
    Rule { name: "millrace-dashboard", ours: CONTRACT_AND_SHELL, never: &[] },
    Rule { name: "millrace-operator", ours: CONTRACT_AND_SHELL, never: &[] },
    // Black-box tests see what a user sees: the messages and the programs.
    Rule { name: "millrace-tests", ours: CONTRACT, never: &[] },
];

/// The crates that put the others together: anything goes.
const FREE: &[&str] = &["millrace", "millrace-bench"];

/// Who depends on whom in ordinary builds, by package name (versions of one package count as one).
#[derive(Clone)]
struct Graph {
    members: BTreeSet<String>,
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn of(metadata: &Metadata) -> Self {
        let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
        let name = |id| metadata[id].name.to_string();
        let mut dependencies = BTreeMap::<String, BTreeSet<String>>::new();
        for node in &resolve.nodes {
            let normal = node
                .deps
                .iter()
                .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
            dependencies.entry(name(&node.id)).or_default().extend(normal.map(|dep| name(&dep.pkg)));
        }
        let members = metadata.workspace_members.iter().map(name).collect();
        Self { members, dependencies }
    }

    fn with(&self, from: &str, to: &str) -> Self {
        let mut changed = self.clone();
        changed.dependencies.entry(from.to_owned()).or_default().insert(to.to_owned());
        changed
    }

    fn direct(&self, package: &str) -> impl Iterator<Item = &String> {
        self.dependencies.get(package).into_iter().flatten()
    }

    /// Every package below `package`, each with the one through which it was reached first.
    fn tree(&self, package: &str) -> BTreeMap<String, String> {
        let mut reached = BTreeMap::new();
        let mut open = vec![package.to_owned()];
        while let Some(from) = open.pop() {
            for to in self.direct(&from) {
                if !reached.contains_key(to) {
                    reached.insert(to.clone(), from.clone());
                    open.push(to.clone());
                }
            }
        }
        reached
    }
}

/// One sentence per broken rule.
fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for member in &graph.members {
        match RULES.iter().find(|rule| rule.name == member) {
            Some(rule) => found.extend(broken(rule, graph)),
            None if FREE.contains(&member.as_str()) => {}
            None => found.push(format!("{member} has no rule: add one to RULES")),
        }
    }
    found
}

fn broken(rule: &Rule, graph: &Graph) -> Vec<String> {
    let name = rule.name;
    let strangers = graph
        .direct(name)
        .filter(|to| graph.members.contains(*to) && !rule.ours.contains(&to.as_str()))
        .map(|to| format!("{name} imports {to}"));
    let tree = graph.tree(name);
    let libraries = rule.never.iter().filter_map(|library| {
        tree.get(*library).map(|via| format!("{name} has {library} in its tree (through {via})"))
    });
    strangers.chain(libraries).collect()
}

fn workspace() -> Graph {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let metadata =
        MetadataCommand::new().manifest_path(manifest).other_options(["--locked".to_owned()]).exec();
    Graph::of(&metadata.expect("cargo metadata of this workspace"))
}

#[test]
fn crates_import_only_what_they_may() {
    assert_eq!(violations(&workspace()), Vec::<String>::new());
}

#[test]
fn every_rule_speaks_of_a_crate_that_exists() {
    let graph = workspace();
    let unknown: Vec<_> =
        RULES.iter().filter(|rule| !graph.members.contains(rule.name)).map(|r| r.name).collect();
    assert_eq!(unknown, Vec::<&str>::new());
    // The names the rules forbid are real ones: were one misspelt, its rule could never be broken.
    for library in ["rdkafka", "rdkafka-sys", "redis", "axum", "tokio"] {
        assert!(
            graph.tree("millrace").contains_key(library),
            "{library} is nowhere in the tree of the binary"
        );
    }
}

#[test]
fn a_library_deep_in_the_tree_of_a_pure_crate_is_found() {
    let doctored = workspace().with("millrace-revenue", "pool").with("pool", "tokio");
    assert_eq!(violations(&doctored), ["millrace-revenue has tokio in its tree (through pool)"]);
}

#[test]
fn a_store_behind_the_engine_is_found() {
    let doctored = workspace().with("millrace-engine", "redis");
    assert_eq!(violations(&doctored), ["millrace-engine has redis in its tree (through millrace-engine)"]);
}

#[test]
fn adapters_that_meet_are_found() {
    let doctored = workspace().with("millrace-dashboard", "millrace-views");
    assert_eq!(violations(&doctored), ["millrace-dashboard imports millrace-views"]);
}

#[test]
fn a_crate_without_a_rule_is_found() {
    let mut doctored = workspace();
    doctored.members.insert("millrace-newcomer".to_owned());
    assert_eq!(violations(&doctored), ["millrace-newcomer has no rule: add one to RULES"]);
}
