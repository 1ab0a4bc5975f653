//! What a small and a full pipeline consist of, as files that people read.

use super::{all, children};
use crate::build::Children;
use crate::fixtures::golden;

/// Writes the files anew instead of comparing.
const UPDATE: &str = "UPDATE_GOLDEN";

fn yaml(children: &Children) -> String {
    let all: Vec<_> = all(children).iter().map(|object| serde_saphyr::to_string(object).unwrap()).collect();
    all.join("---\n")
}

fn check(name: &str) {
    let file = golden(&format!("{name}.objects.yaml"));
    let built = yaml(&children(name));
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &built).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = built.lines().zip(expected.lines()).position(|(built, expected)| built != expected);
    assert!(
        built == expected,
        "{} is not what is built (from line {}); if that is meant: {UPDATE}=1 cargo test --workspace --lib golden",
        file.display(),
        differs.unwrap_or_else(|| built.lines().count().min(expected.lines().count())) + 1,
    );
}

#[test]
fn a_minimal_pipeline_is_as_written_down() {
    check("minimal");
}

#[test]
fn a_full_pipeline_is_as_written_down() {
    check("full");
}
