use contract::Update;

use super::*;
use crate::fence::Position;

/// Shows every counter under its own name, and how many times it was asked.
#[derive(Default)]
struct Plain(Vec<(String, Option<i128>)>);

impl View for Plain {
    fn processor(&self) -> ProcessorName {
        ProcessorName::Revenue
    }
    fn families(&self) -> &'static [&'static str] {
        &["revenue:"]
    }
    fn changed(&mut self, key: &str, sum: Option<i128>) {
        self.0.push((key.to_owned(), sum));
    }
    fn publish(&mut self, _: &Settings, now: Timestamp, out: &mut Publication) {
        self.0.sort();
        out.keys.extend(self.0.drain(..).map(|(key, sum)| (key, sum.map(|s| s.to_string()))));
        out.updates.push(Update::Revenue {
            total_revenue: 0,
            total_orders: 0,
            hourly_revenue: 0,
            timestamp: now.to_string(),
            sequence: 0,
        });
    }
}

fn tail(run: u64) -> TailId {
    TailId { stage: "revenue".to_owned(), run }
}

fn transaction(offset: i64, changes: &[(&str, Option<i128>)]) -> Transaction {
    let changes = changes.iter().map(|(k, v)| (ProcessorName::Revenue, (*k).to_owned(), *v)).collect();
    let at = Position { incarnation: "i".to_owned(), offset };
    Transaction { head: Some(Head { at, input: 1, written: Some(offset) }), reset: false, changes }
}

fn keys(projection: &mut Projection) -> Option<Vec<(String, Option<String>)>> {
    let snapshot = projection.publish(&Settings::default(), Timestamp(0))?;
    Some(snapshot.publication.keys)
}

fn shown(key: &str, value: Option<&str>) -> (String, Option<String>) {
    (key.to_owned(), value.map(str::to_owned))
}

/// Two caught-up partitions with 1 and 2.
fn projection() -> Projection {
    let mut projection = Projection::new(vec![Box::new(Plain::default())]);
    let tail = tail(1);
    projection.begin(&tail);
    projection.grow(&tail, 2);
    for (partition, value) in [(0, 1), (1, 2)] {
        projection.apply(&tail, partition, transaction(5, &[("n", Some(value))])).unwrap();
        projection.turn(&tail, partition, Turn::Consistent);
    }
    projection
}

#[test]
fn nothing_is_shown_before_every_partition_of_every_stage_was_read() {
    let mut projection = Projection::new(vec![Box::new(Plain::default())]);
    assert_eq!(projection.unready(), Some(Unready::NoStage));
    let (first, second) = (tail(1), TailId { stage: "trend".to_owned(), run: 2 });
    projection.begin(&first);
    assert_eq!(projection.unready(), Some(Unready::NoTopic("revenue".to_owned())));
    projection.begin(&second);
    projection.grow(&first, 2);
    projection.grow(&second, 1);
    projection.turn(&first, 0, Turn::Consistent);
    projection.turn(&second, 0, Turn::Consistent);
    let missing = Unready::CatchingUp { stage: "revenue".to_owned(), missing: 1, of: 2 };
    assert_eq!(projection.unready(), Some(missing));
    assert!(keys(&mut projection).is_none());

    projection.turn(&first, 1, Turn::Consistent);
    assert!(keys(&mut projection).is_some());

    projection.turn(&first, 1, Turn::Torn);
    assert_eq!(projection.unready(), Some(Unready::Gap));
    assert!(keys(&mut projection).is_none());
    projection.turn(&first, 1, Turn::Consistent);
    projection.grow(&first, 3);
    assert!(keys(&mut projection).is_none(), "a partition was added");
}

#[test]
fn counters_are_summed_and_only_changes_are_told() {
    let mut projection = projection();
    assert_eq!(keys(&mut projection).unwrap(), [shown("n", Some("3"))]);
    assert_eq!(keys(&mut projection).unwrap(), []);
    projection.apply(&tail(1), 0, transaction(9, &[("n", Some(7))])).unwrap();
    assert_eq!(keys(&mut projection).unwrap(), [shown("n", Some("9"))]);
}

#[test]
fn a_reset_voids_one_partition_and_an_ended_stage_all() {
    let mut projection = projection();
    let reset = Transaction { reset: true, ..transaction(9, &[("m", Some(4))]) };
    projection.apply(&tail(1), 0, reset).unwrap();
    assert_eq!(keys(&mut projection).unwrap(), [shown("m", Some("4")), shown("n", Some("2"))]);

    projection.begin(&tail(2));
    projection.grow(&tail(2), 1);
    projection.turn(&tail(2), 0, Turn::Consistent);
    assert_eq!(keys(&mut projection).unwrap(), [shown("m", None), shown("n", None)]);
}

#[test]
fn what_a_replaced_tail_says_is_ignored() {
    let mut projection = projection();
    projection.begin(&tail(2));
    projection.grow(&tail(2), 1);
    projection.apply(&tail(1), 0, transaction(9, &[("n", Some(7))])).unwrap();
    projection.turn(&tail(1), 0, Turn::Consistent);
    projection.grow(&tail(1), 5);
    assert!(keys(&mut projection).is_none());
    projection.turn(&tail(2), 0, Turn::Consistent);
    assert_eq!(keys(&mut projection).unwrap(), [shown("n", None)]);
}

#[test]
fn positions_say_what_was_read() {
    let mut projection = projection();
    projection.reached_end(&tail(1), 1);
    let Snapshot { positions, newest, .. } = projection.publish(&Settings::default(), Timestamp(0)).unwrap();
    let at_end: Vec<_> = positions.values().map(|p| p.at_end).collect();
    assert_eq!((at_end, newest), (vec![false, true], Some(5)));
    projection.apply(&tail(1), 1, transaction(9, &[])).unwrap();
    assert!(!projection.positions().values().any(|p| p.at_end));
}
