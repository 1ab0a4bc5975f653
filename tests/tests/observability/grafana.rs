//! Grafana's own library reads the dashboards, and knows everything that stands in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{checkout, dashboards};

/// What stands in a dashboard, what is put in its place, and what is then said of it.
const WRONG: [(&str, &str, &str); 6] = [
    (r#""showPercentChange":"#, r#""showPercentChanges":"#, "unexpected field 'showPercentChanges'"),
    (r#""gridPos":"#, r#""gridPosition":"#, "unexpected field 'gridPosition'"),
    (r#""expr":"#, r#""expression":"#, "targets[0].expr: required field is missing"),
    (r#""reduceOptions":"#, r#""reducing":"#, "options.reduceOptions: required field is missing"),
    (r#""unit": "short""#, r#""unit": 7"#, "cannot unmarshal number"),
    (r#""schemaVersion": 39"#, r#""schemaVersion": "39""#, "schemaVersion: json: cannot unmarshal string"),
];

/// Whether it found nothing, and what it said.
fn lint(files: &[PathBuf]) -> (bool, String) {
    let done =
        Command::new(checkout("dev/grafana-lint")).args(files).output().expect("dev/grafana-lint runs");
    (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
}

#[test]
fn grafana_knows_everything_in_the_dashboards() {
    let (fine, said) = lint(&dashboards::files());
    assert!(fine, "{said}");
}

#[test]
fn grafana_finds_what_is_wrong_in_a_dashboard() {
    for (index, (right, wrong, expected)) in WRONG.into_iter().enumerate() {
        let [dashboard, ..] = dashboards::files();
        let text = std::fs::read_to_string(dashboard).expect("a dashboard");
        assert!(text.contains(right), "there is no {right}");
        let path = std::env::temp_dir().join(format!("millrace-wrong-{}-{index}.json", std::process::id()));
        std::fs::write(&path, text.replacen(right, wrong, 1)).expect("a file");
        let (fine, said) = lint(std::slice::from_ref(&path));
        std::fs::remove_file(&path).expect("the file goes");
        assert!(!fine && said.contains(expected), "{wrong}: {said}");
    }
}

#[test]
fn a_file_that_is_no_dashboard_is_refused() {
    let (fine, said) = lint(&[Path::new("/nonexistent.json").to_owned()]);
    assert!(!fine && said.contains("no such file"), "{said}");
}
