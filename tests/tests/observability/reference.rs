//! The reference of metrics as other files are compared with it.

use std::collections::{BTreeMap, BTreeSet};

use super::checkout;

/// All metrics with their types.
pub fn metrics() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(checkout("docs/reference/metrics.md")).expect("the reference");
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    };
    let metrics: BTreeMap<_, _> = page.lines().filter_map(row).collect();
    assert!(metrics.len() > 50, "only {} metrics in the reference", metrics.len());
    metrics
}

/// Every name that a query can ask for: histograms have three.
pub fn series() -> BTreeSet<String> {
    let names = |(name, kind): (String, String)| match kind.as_str() {
        "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
        _ => vec![name],
    };
    metrics().into_iter().flat_map(names).collect()
}

/// The metrics that an expression asks for.
pub fn asked(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("millrace_")).map(str::to_owned).collect()
}

#[test]
fn names_are_found_in_expressions() {
    let asked = asked(r#"sum(rate(millrace_a_total{stage="x"}[5m])) / millrace_b > 0"#);
    assert_eq!(asked, ["millrace_a_total", "millrace_b"].map(str::to_owned).into());
    assert!(series().contains("millrace_stage_commit_duration_seconds_bucket"));
    assert!(!series().contains("millrace_stage_commit_duration_seconds"));
}
