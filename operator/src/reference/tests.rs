use super::{metrics, reference};

#[test]
fn the_committed_reference_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/pipeline-resource.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == reference(),
        "docs/reference/pipeline-resource.md is not what the types say: run `make generate`"
    );
}

#[test]
fn the_committed_reference_of_metrics_ends_with_those_of_the_operator() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/metrics.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let from = committed.find("\n## Operator\n").unwrap_or(committed.len());
    assert!(
        committed[from..] == metrics().unwrap(),
        "docs/reference/metrics.md is not what the operator registers: run `make generate`"
    );
}

#[test]
fn names_of_metrics_follow_the_rules() {
    let faults: Vec<_> =
        crate::metrics::metrics().unwrap().iter().flat_map(runtime::metrics::Family::faults).collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_row_says_type_default_limits_effect_and_meaning() {
    let page = reference();
    let row = page.lines().find(|line| line.starts_with("| `spec.processors.trend.topK` |")).unwrap();
    let cells: Vec<_> = row.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
    assert_eq!(
        cells[1..5],
        ["integer", "`10`", "1 to 100", "`Hot`: sent to all replicas through the settings topic"]
    );
    assert!(cells[5].starts_with("How many products and cities each ranking shows."), "{row}");
}

#[test]
fn refusals_stand_with_their_fields() {
    let page = reference();
    let (_, processors) = page.split_once("\n## spec.processors\n").unwrap();
    let (section, _) = processors.split_once("\n## ").unwrap();
    let line =
        section.lines().find(|line| line.ends_with(": min is above max: lower min or raise max")).unwrap();
    for processor in ["revenue", "fraud", "trend"] {
        assert!(line.contains(&format!("`spec.processors.{processor}.scaling.min`")), "{line}");
    }
    assert!(
        section.contains("- `spec.processors.trend.scaling.max`: processors.trend.scaling.max is above"),
        "{section}"
    );
}
