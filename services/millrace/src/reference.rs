//! The services' part of the reference of metrics.

use std::io::Write;

use runtime::metrics::Family;
use runtime::metrics::reference::{INTRODUCTION, section};

use crate::failure::Failure;

/// What one process registers.
struct Part {
    title: &'static str,
    about: &'static str,
    families: Vec<Family>,
}

/// Prints it.
pub fn print() -> Result<(), Failure> {
    let page = page(&parts().map_err(Failure::run)?);
    std::io::stdout().write_all(page.as_bytes()).map_err(Failure::run)
}

fn page(parts: &[Part]) -> String {
    let sections = parts.iter().map(|part| section(part.title, part.about, &part.families));
    [INTRODUCTION.to_owned()].into_iter().chain(sections).collect()
}

fn parts() -> prometheus::Result<Vec<Part>> {
    Ok(vec![
        Part { title: "Every process", about: "All of them.", families: runtime::process::metrics()? },
        Part {
            title: "Stage",
            about: "`millrace process`: one replica. Sums over the replicas of a stage are those of the stage; sums over \
                    stages count every order once a stage.",
            families: engine::metrics()?,
        },
        Part {
            title: "Views",
            about: "`millrace views`. What begins with `millrace_shop_` is what the store says, as of the last batch \
                    written to it; a process that stands by shows 0.",
            families: views::metrics()?,
        },
        Part { title: "Dashboard", about: "`millrace dashboard`.", families: dashboard::metrics()? },
        Part { title: "Simulator", about: "`millrace simulate`.", families: simulator::metrics()? },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_reference_begins_with_the_services() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let to = committed.find("\n## Operator\n").unwrap_or(committed.len());
        assert!(
            committed[..to] == page(&parts().unwrap()),
            "docs/reference/metrics.md is not what the services register: run `make generate`"
        );
    }

    #[test]
    fn names_follow_the_rules_and_are_registered_once() {
        let families: Vec<_> = parts().unwrap().into_iter().flat_map(|part| part.families).collect();
        let faults: Vec<_> = families.iter().flat_map(Family::faults).collect();
        assert_eq!(faults, Vec::<String>::new());
        let names: std::collections::BTreeSet<_> = families.iter().map(|family| &family.name).collect();
        assert_eq!(names.len(), families.len());
    }
}
