//! A stage on one screen: what somebody on call asks first stands on top.

use std::collections::BTreeSet;
use std::fmt::Write;

use contract::Timestamp;
use engine::state::PartitionState;
use runtime::status::screen::aligned;

/// What is shown.
pub struct Screen<'a> {
    pub stage: &'a str,
    pub pipeline: &'a str,
    pub partitions: &'a [PartitionState],
    /// Instances in the stage's group.
    pub replicas: &'a [String],
}

impl Screen<'_> {
    /// The screen, as of `now`.
    pub fn text(&self, now: Timestamp) -> String {
        let mut text = format!("stage {} of pipeline {}, {now}\n", self.stage, self.pipeline);
        // writing to a `String` cannot fail
        let _ = writeln!(text, "  {}", self.who());
        let _ = writeln!(text, "  {}", self.how_far(now));
        let _ = writeln!(text, "  {}", self.what_came_of_it());
        for partition in self.partitions {
            if let Some(loss) = partition.loss() {
                let _ = writeln!(text, "  CANNOT GO ON in partition {}: {loss}", partition.partition);
            }
        }
        let head = COLUMNS.map(str::to_owned).to_vec();
        let rows = self.partitions.iter().map(|partition| self.row(partition, now));
        let lines: Vec<_> = [head].into_iter().chain(rows).collect();
        let _ = writeln!(text);
        text + &aligned(&lines)
    }

    fn who(&self) -> String {
        match self.replicas {
            [] => "NO REPLICA RUNS".to_owned(),
            [one] => format!("1 replica runs: {one}"),
            several => format!("{} replicas run: {}", several.len(), several.join(", ")),
        }
    }

    fn how_far(&self, now: Timestamp) -> String {
        let unread: i64 = self.partitions.iter().map(|partition| partition.lag).sum();
        let oldest = self.partitions.iter().filter_map(|partition| partition.oldest_unread).min();
        match (unread, oldest) {
            (0, _) => "everything is read".to_owned(),
            (unread, None) => format!("{unread} records are not read"),
            (unread, Some(oldest)) => {
                format!("{unread} records are not read, the oldest since {}", age(oldest, now))
            }
        }
    }

    fn what_came_of_it(&self) -> String {
        let progress = || self.partitions.iter().filter_map(|partition| partition.progress.as_ref());
        if progress().next().is_none() {
            return "it has never run: nothing is written down".to_owned();
        }
        let orders: u64 = progress().map(|progress| progress.orders).sum();
        let invalid: u64 = progress().map(|progress| progress.invalid).sum();
        let lost: u64 = progress().map(|progress| progress.lost).sum();
        let generations: BTreeSet<_> = self.partitions.iter().filter_map(|p| p.settings_generation).collect();
        let generations: Vec<_> = generations.iter().map(u64::to_string).collect();
        format!(
            "{orders} orders and {invalid} invalid ones read, {lost} records given up; settings of generation {}",
            if generations.is_empty() { "?".to_owned() } else { generations.join(" and ") }
        )
    }

    fn row(&self, partition: &PartitionState, now: Timestamp) -> Vec<String> {
        let waits = partition.oldest_unread.map_or_else(|| "-".to_owned(), |oldest| age(oldest, now));
        let progress = partition.progress.as_ref();
        let told =
            |tell: fn(&contract::state::Progress) -> String| progress.map_or_else(|| "-".to_owned(), tell);
        let again = |progress: &contract::state::Progress| {
            let first = progress.checkpoints.values().map(|checkpoint| checkpoint.position).min();
            (progress.position - first.unwrap_or(progress.position)).to_string()
        };
        let owner = progress.map_or("-", |progress| &progress.owner);
        let prefix = format!("{}.{}.", self.pipeline, self.stage);
        vec![
            partition.partition.to_string(),
            told(|progress| progress.position.to_string()),
            partition.end.to_string(),
            partition.lag.to_string(),
            waits,
            told(again),
            told(|progress| progress.orders.to_string()),
            told(|progress| progress.invalid.to_string()),
            told(|progress| progress.lost.to_string()),
            owner.strip_prefix(&prefix).unwrap_or(owner).to_owned(),
        ]
    }
}

const COLUMNS: [&str; 10] = [
    "partition",
    "position",
    "end",
    "unread",
    "oldest",
    "to fold again",
    "orders",
    "invalid",
    "given up",
    "written by",
];

/// How long ago `then` was, in the largest unit that it fills.
fn age(then: i64, now: Timestamp) -> String {
    let seconds = (now.0 - then).max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(partition: i32, lag: i64, oldest_unread: Option<i64>) -> PartitionState {
        let progress = serde_json::json!({"format": 1, "incarnation": "a", "owner": "shop.fraud.one", "position": 900,
            "last": {"offset": 899, "hash": "0"}, "records": 0, "orders": 890, "invalid": 9, "lost": 1,
            "checkpoints": {"fraud": {"format": 1, "position": 850, "watermark": 0}}});
        let progress = serde_json::from_value(progress).unwrap();
        PartitionState {
            partition,
            low: 0,
            end: 900 + lag,
            lag,
            oldest_unread,
            progress,
            settings_generation: Some(7),
            records: 3,
        }
    }

    fn text(partitions: &[PartitionState], replicas: &[&str]) -> String {
        let replicas: Vec<_> = replicas.iter().map(|&name| name.to_owned()).collect();
        let screen = Screen { stage: "fraud", pipeline: "shop", partitions, replicas: &replicas };
        screen.text(Timestamp(1_000_000))
    }

    #[test]
    fn what_is_asked_first_stands_on_top() {
        let text = text(&[partition(0, 0, None), partition(1, 30, Some(700_000))], &["one", "two"]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "stage fraud of pipeline shop, 1970-01-01T00:16:40.000Z",
                "  2 replicas run: one, two",
                "  30 records are not read, the oldest since 5 min",
                "  1780 orders and 18 invalid ones read, 2 records given up; settings of generation 7",
                "",
            ]
        );
        assert!(lines[5].starts_with("  partition  position  end  unread  oldest"), "{text}");
        assert!(
            lines[7]
                .split_whitespace()
                .eq(["1", "900", "930", "30", "5", "min", "50", "890", "9", "1", "one"]),
            "{text}"
        );
    }

    #[test]
    fn what_keeps_it_from_going_on_is_said() {
        let lost = PartitionState { low: 870, ..partition(3, 0, None) };
        let text = text(&[lost], &[]);
        assert!(text.contains("  NO REPLICA RUNS\n  everything is read\n"), "{text}");
        assert!(text.contains("  CANNOT GO ON in partition 3: orders [850, 870) are needed"), "{text}");
    }

    #[test]
    fn a_stage_that_never_ran_says_so() {
        let new =
            PartitionState { progress: None, settings_generation: None, ..partition(0, 5, Some(999_000)) };
        let text = text(&[new], &[]);
        assert!(
            text.contains("it has never run")
                && text.contains("5 records are not read, the oldest since 1 s"),
            "{text}"
        );
    }
}
