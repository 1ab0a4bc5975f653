//! What arrives in each partition and waits there, put together from the pods that have them.

use std::collections::BTreeMap;

use contract::stage_status::PartitionStatus;

use super::{Decision, PodLoad};
use crate::api::ScalingReason;

/// A pod measures once a second; what is older than this comes from a stage that is stuck.
pub(super) const FRESH_SECONDS: f64 = 15.0;

/// All partitions, each by the pod that works on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Demand {
    /// By partition.
    pub partitions: Vec<Load>,
    /// How old the oldest unread order is, if it is known everywhere.
    pub oldest_seconds: Option<f64>,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Load {
    /// Orders per second.
    pub arrival: f64,
    pub lag: u64,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing(pub String);

impl Missing {
    pub(super) fn hold(self, replicas: i32) -> Decision {
        let why = format!("{}; the replicas stay until that is known", self.0);
        Decision { replicas, reason: ScalingReason::NoData, why, numbers: None }
    }
}

impl Demand {
    pub(super) fn of(partitions: i32, pods: &[PodLoad]) -> Result<Self, Missing> {
        let owned = owned(pods);
        let mut loads = Vec::new();
        for number in 0..partitions {
            let known = owned.get(&number).ok_or_else(|| nobody_has(number, pods))?;
            let (Some(arrival), Some(lag)) = (known.arrival_rate, known.lag) else {
                return Err(Missing(format!(
                    "partition {number} was assigned a moment ago and not measured yet"
                )));
            };
            loads.push(Load { arrival, lag });
        }
        let ages = owned.values().map(|p| p.oldest_unread_seconds).collect::<Option<Vec<_>>>();
        let oldest_seconds = ages.map(|ages| ages.into_iter().fold(0.0, f64::max));
        Ok(Self { partitions: loads, oldest_seconds })
    }

    pub(super) fn arrival(&self) -> f64 {
        self.partitions.iter().map(|load| load.arrival).sum()
    }

    pub(super) fn lag(&self) -> u64 {
        self.partitions.iter().map(|load| load.lag).sum()
    }
}

/// The pods whose figures can be used, and their stages.
pub(super) fn fresh(pods: &[PodLoad]) -> impl Iterator<Item = &contract::stage_status::StageStatus> {
    let stages = pods.iter().filter_map(|pod| pod.stage.as_ref().ok());
    stages.filter(|stage| stage.measured_seconds_ago <= FRESH_SECONDS)
}

/// Each partition as the replica says that is furthest: one that was cut off from Kafka may not know yet that its
/// partitions have gone to another.
fn owned(pods: &[PodLoad]) -> BTreeMap<i32, &PartitionStatus> {
    let mut owned: BTreeMap<i32, &PartitionStatus> = BTreeMap::new();
    for partition in fresh(pods).flat_map(|stage| &stage.partitions) {
        let best = owned.entry(partition.partition).or_insert(partition);
        if (partition.end, partition.position) > (best.end, best.position) {
            *best = partition;
        }
    }
    owned
}

fn nobody_has(partition: i32, pods: &[PodLoad]) -> Missing {
    let silent = pods.iter().find_map(|pod| Some(format!("pod {}: {}", pod.pod, pod.stage.as_ref().err()?)));
    let stuck = || {
        let stuck = |stage: &&contract::stage_status::StageStatus| stage.measured_seconds_ago > FRESH_SECONDS;
        let stage = pods.iter().filter_map(|pod| pod.stage.as_ref().ok()).find(stuck)?;
        Some(format!("pod {} has measured nothing for {:.0} s", stage.instance, stage.measured_seconds_ago))
    };
    let cause = silent.or_else(stuck).map_or(String::new(), |cause| format!(" ({cause})"));
    Missing(format!("no pod says how partition {partition} is{cause}"))
}

#[cfg(test)]
mod tests {
    use contract::stage_status::{PartitionStatus, StageStatus};

    use super::{Demand, PodLoad};

    fn partition(partition: i32, end: i64, lag: u64) -> PartitionStatus {
        let (position, end) = (end - i64::try_from(lag).unwrap(), Some(end));
        let (lag, arrival_rate) = (Some(lag), Some(10.0));
        let oldest_unread_seconds = Some(1.0);
        PartitionStatus {
            partition,
            position,
            end,
            lag,
            arrival_rate,
            oldest_unread_seconds,
            ..PartitionStatus::default()
        }
    }

    fn pod(name: &str, measured_seconds_ago: f64, partitions: Vec<PartitionStatus>) -> PodLoad {
        let status = StageStatus {
            instance: name.to_owned(),
            measured_seconds_ago,
            partitions,
            ..StageStatus::default()
        };
        PodLoad { pod: name.to_owned(), stage: Ok(status) }
    }

    fn missing(pods: &[PodLoad]) -> String {
        Demand::of(2, pods).unwrap_err().0
    }

    #[test]
    fn a_silent_pod_without_partitions_is_not_missed() {
        let silent = PodLoad { pod: "b".to_owned(), stage: Err("connection refused".to_owned()) };
        let both = pod("a", 0.1, vec![partition(0, 100, 5), partition(1, 100, 7)]);
        let demand = Demand::of(2, &[silent.clone(), both]).unwrap();
        assert_eq!((demand.lag(), demand.arrival(), demand.oldest_seconds), (12, 20.0, Some(1.0)));
        let one = pod("a", 0.1, vec![partition(0, 100, 5)]);
        assert_eq!(missing(&[silent, one]), "no pod says how partition 1 is (pod b: connection refused)");
    }

    #[test]
    fn what_is_stale_or_not_measured_yet_is_missing() {
        let one = pod("a", 0.1, vec![partition(0, 100, 5)]);
        let stuck = pod("b", 60.0, vec![partition(1, 100, 5)]);
        assert_eq!(
            missing(&[one.clone(), stuck]),
            "no pod says how partition 1 is (pod b has measured nothing for 60 s)"
        );
        let new =
            pod("b", 0.1, vec![PartitionStatus { lag: Some(1), arrival_rate: None, ..partition(1, 5, 0) }]);
        assert!(missing(&[one.clone(), new]).contains("partition 1 was assigned a moment ago"));
        let unknown = pod("b", 0.1, vec![PartitionStatus { lag: None, ..partition(1, 5, 0) }]);
        assert!(missing(&[one, unknown]).contains("partition 1 was assigned a moment ago"));
        assert_eq!(missing(&[]), "no pod says how partition 0 is");
    }

    #[test]
    fn of_two_that_say_they_have_a_partition_the_one_that_is_further_is_right() {
        let cut_off = pod("a", 0.1, vec![partition(0, 100, 90), partition(1, 50, 1)]);
        let owner = pod("b", 0.1, vec![partition(0, 5_000, 3)]);
        for pods in [[cut_off.clone(), owner.clone()], [owner, cut_off]] {
            assert_eq!(Demand::of(2, &pods).unwrap().lag(), 4);
        }
    }
}
