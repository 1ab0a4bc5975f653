//! The reference of the resource: every field with type, default, limits, what a change of it does, and meaning.
//!
//! Written from the schema and from the declarations of effects, so that it cannot say anything else than they do.

mod tree;

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use runtime::metrics::reference::section;

use crate::api::{ConditionType, Effect, definition};
use crate::plan::{Change, field};
pub(crate) use tree::{Node, nodes};

const INTRODUCTION: &str = "\
# The AnalyticsPipeline resource

<!-- Written by `make generate` from the types of the operator. Change those. -->

`apiVersion: millrace.dev/v1alpha1`, `kind: AnalyticsPipeline`; `kubectl get apl` for short. A resource describes one
pipeline in its namespace; what is not written has its default. Samples: [minimal](../examples/minimal.yaml),
[full](../examples/full.yaml).

## What a change does

The API server refuses what could never work, with a message that names the field. What it accepts has one of these
effects, which `status.plan` names after each change, field by field.

";

/// The whole page, Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    push(&mut page, format_args!("| effect | meaning |\n|---|---|\n"));
    for effect in Effect::ALL {
        push(&mut page, format_args!("| `{effect:?}` | {} |\n", effect.meaning()));
    }
    for version in definition().spec.versions {
        let Some(root) = version.schema.and_then(|schema| schema.open_api_v3_schema) else { continue };
        own_rules(&mut page, &root);
        let properties = root.properties.unwrap_or_default();
        properties.get("spec").into_iter().for_each(|spec| spec_sections(&mut page, spec));
        properties.get("status").into_iter().for_each(|status| status_section(&mut page, status));
    }
    conditions(&mut page);
    page
}

/// The operator's section of the reference of metrics, Markdown.
///
/// # Errors
/// When two metrics have one name.
pub fn metrics() -> prometheus::Result<String> {
    let about = "`millrace-operator run`; scraped through the chart's ServiceMonitor. It shows the metrics of every \
                 process, too.";
    Ok(section("Operator", about, &crate::metrics::metrics()?))
}

/// Writing to a `String` cannot fail.
fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn own_rules(page: &mut String, root: &JSONSchemaProps) {
    page.push_str("\n## metadata\n\nRefused:\n\n");
    for rule in root.x_kubernetes_validations.iter().flatten() {
        push(page, format_args!("- {}\n", rule.message.as_deref().unwrap_or(&rule.rule)));
    }
}

/// A section for each field of the spec.
fn spec_sections(page: &mut String, spec: &JSONSchemaProps) {
    let own = Node::root("spec", spec).rules();
    for (name, schema) in spec.properties.iter().flatten() {
        let top = Node::child("spec", name, schema, spec);
        let path = top.path.clone();
        push(page, format_args!("\n## {path}\n\n{}\n\n", top.meaning()));
        page.push_str("| field | type | default | limits | change | meaning |\n|---|---|---|---|---|---|\n");
        let below = nodes(top);
        below.iter().filter(|node| node.can_change()).for_each(|node| spec_row(page, node));
        let of_others = own.iter().filter(|(at, _)| at.starts_with(&format!("{path}."))).cloned();
        let rules: Vec<_> = below.iter().flat_map(Node::rules).chain(of_others).collect();
        if !rules.is_empty() {
            page.push_str("\nRefused:\n\n");
        }
        for (at, message) in together(rules) {
            push(page, format_args!("- {at}: {message}\n"));
        }
    }
}

/// Fields about which the same is said stand in one line.
fn together(rules: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for (at, message) in rules {
        match lines.iter_mut().find(|(_, said)| *said == message) {
            Some((fields, _)) => push(fields, format_args!(", `{at}`")),
            None => lines.push((format!("`{at}`"), message)),
        }
    }
    lines
}

fn spec_row(page: &mut String, node: &Node<'_>) {
    let (path, kind, default, limits) = (&node.path, node.kind(), node.default(), node.limits());
    let change = field(path).map(|field| effect(&field.change)).unwrap_or_default();
    let meaning = node.meaning();
    push(page, format_args!("| `{path}` | {kind} | {default} | {limits} | {change} | {meaning} |\n"));
}

fn effect(change: &Change) -> String {
    match change {
        Change::Always(effect, why) => format!("`{effect:?}`: {why}"),
        Change::OnlyUp { up, down } => format!("`Topic`: {up}. Down: `Refused`: {down}"),
    }
}

fn status_section(page: &mut String, status: &JSONSchemaProps) {
    page.push_str("\n## status\n\nWritten by the operator.\n\n| field | type | meaning |\n|---|---|---|\n");
    for node in nodes(Node::root("status", status)).iter().skip(1) {
        push(page, format_args!("| `{}` | {} | {} |\n", node.path, node.kind(), node.meaning()));
    }
}

fn conditions(page: &mut String) {
    page.push_str("\n## Conditions\n\n| type | meaning |\n|---|---|\n");
    for condition in ConditionType::ALL {
        push(page, format_args!("| `{condition}` | {} |\n", condition.meaning()));
    }
}

#[cfg(test)]
mod tests;
