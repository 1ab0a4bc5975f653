use super::*;

fn rule() -> Label {
    Label::known("rule", ["a", "b"])
}

#[test]
fn what_has_known_values_shows_all_of_them_from_the_start() {
    let registry = Registry::new();
    let make = Maker::new(&registry).with(Label::described("stage", "a stage"), "fraud");
    let labels = [rule(), Label::known("kind", ["x", "y"])];
    make.counters("seen_total", "What was seen", &labels).unwrap();
    make.gauges("lag_records", "Lag", &[Label::described("partition", "a number")]).unwrap();
    let [seen] = &registry.gather()[..] else { panic!("{:?}", registry.gather()) };
    assert_eq!(seen.get_metric().len(), 4);
    let families = make.into_families();
    let names: Vec<_> = families.iter().map(|family| &*family.name).collect();
    assert_eq!(names, ["millrace_seen_total", "millrace_lag_records"]);
    let labels: Vec<_> = families[0].labels.iter().map(|label| label.name).collect();
    assert_eq!(labels, ["stage", "rule", "kind"]);
}

#[test]
fn a_name_against_the_rules_is_found() {
    let family = |name: &str, kind, help: &str| Family {
        name: name.to_owned(),
        kind,
        labels: vec![rule()],
        help: help.to_owned(),
    };
    assert_eq!(family("millrace_a_seconds_total", Kind::Counter, "A").faults(), Vec::<String>::new());
    for wrong in [
        family("millrace_a", Kind::Counter, "A"),
        family("millrace_a_total", Kind::Gauge, "A"),
        family("other_a", Kind::Gauge, "A"),
        family("millrace_aB", Kind::Gauge, "A"),
        family("millrace_a", Kind::Histogram, "A"),
        family("millrace_a", Kind::Gauge, ""),
    ] {
        assert_eq!(wrong.faults().len(), 1, "{wrong:?}");
    }
}

#[test]
fn a_unit_stands_at_the_end_of_a_name() {
    let unit = |name: &str| {
        let kind = Kind::Gauge;
        Family { name: name.to_owned(), kind, labels: Vec::new(), help: String::new() }.unit()
    };
    assert_eq!(unit("millrace_busy_seconds_total"), "seconds");
    assert_eq!(unit("millrace_written_timestamp_seconds"), "seconds since the Unix epoch");
    assert_eq!(unit("millrace_revenue_vnd"), "VND");
    assert_eq!(unit("millrace_clients"), "number");
}
