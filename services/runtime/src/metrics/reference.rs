//! The reference of metrics, Markdown.

use std::fmt::Write;

use super::{Family, Label, Values};

/// The head of the page.
pub const INTRODUCTION: &str = "\
# Metrics

<!-- Written by `make generate` from what the processes register. Change that. -->

Every process shows its metrics in Prometheus' text format on `/metrics` of its admin port
(`--admin-listen`, 9464). A label whose values are listed shows all of them from the start, as 0. Prometheus adds
`namespace` and `pipeline` where the chart's PodMonitor or `docker/compose.yaml` tells it what to scrape; dashboards and
alert rules use them.

`millrace demo` runs all parts in one process and shows the metrics of all of them.
";

/// A section: the metrics of one process.
pub fn section(title: &str, about: &str, families: &[Family]) -> String {
    let mut page = format!(
        "\n## {title}\n\n{about}\n\n| name | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
    );
    for family in families {
        let labels: Vec<_> = family.labels.iter().map(label).collect();
        let labels = if labels.is_empty() { "none".to_owned() } else { labels.join("; ") };
        let Family { name, kind, labels: _, help } = family;
        // writing to a `String` cannot fail
        let _ = writeln!(page, "| `{name}` | {} | {} | {labels} | {help} |", kind.as_str(), family.unit());
    }
    page
}

fn label(label: &Label) -> String {
    match &label.values {
        Values::Known(values) => {
            let values: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
            format!("`{}`: {}", label.name, values.join(", "))
        }
        Values::Described(sentence) => format!("`{}`: {sentence}", label.name),
    }
}
