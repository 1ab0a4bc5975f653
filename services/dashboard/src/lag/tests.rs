use serde_json::json;

use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn found(partitions: &[(i64, i64)]) -> Found {
    let reach = |(partition, (position, end)): (i32, &(i64, i64))| PartitionReach {
        partition,
        position: Some(*position),
        end: *end,
    };
    let partitions = (0..).zip(partitions).map(reach).collect();
    Found { stages: vec![StageReach { stage: "revenue".into(), partitions }], counted: None }
}

fn behind(lag: &mut Lag, at: Instant, partitions: &[(i64, i64)]) -> (i64, u64) {
    let behind = lag.take(at, &found(partitions), None);
    (behind.stages[0].unread.unwrap(), behind.stages[0].waited.unwrap().as_secs())
}

#[test]
fn the_oldest_unread_order_waits_since_the_end_was_seen_beyond_what_is_read() {
    let (mut lag, start) = (Lag::default(), Instant::now());
    assert_eq!(behind(&mut lag, start, &[(10, 10), (5, 5)]), (0, 0));
    assert_eq!(behind(&mut lag, start + seconds(1), &[(10, 14), (5, 5)]), (4, 0));
    assert_eq!(behind(&mut lag, start + seconds(2), &[(10, 20), (5, 6)]), (11, 1));
    // up to 14 is read: the oldest of the rest came with the second look
    assert_eq!(behind(&mut lag, start + seconds(9), &[(14, 20), (6, 6)]), (6, 7));
    assert_eq!(behind(&mut lag, start + seconds(10), &[(20, 20), (6, 6)]), (0, 0));
}

#[test]
fn a_stage_that_reads_nothing_is_remembered_within_bounds_and_waits_ever_longer() {
    let (mut lag, start) = (Lag::default(), Instant::now());
    for n in 0..10_000_u32 {
        let waited = behind(&mut lag, start + seconds(n.into()), &[(0, i64::from(n) + 1)]);
        assert_eq!(waited, (i64::from(n) + 1, n.into()));
    }
    assert!(lag.stages["revenue"][&0].0.len() <= REMEMBERED);
}

#[test]
fn what_is_not_known_is_not_said() {
    let mut found = found(&[(1, 9), (2, 3)]);
    found.stages[0].partitions[1].position = None;
    let told = Lag::default().take(Instant::now(), &found, None);
    let unknown = StageBehind { stage: "revenue".into(), unread: None, waited: None };
    assert_eq!(told, Behind { stages: vec![unknown], unshown: None });
}

#[test]
fn counted_orders_that_no_update_shows_are_told_until_one_comes() {
    let (mut shown, start) = (Shown::default(), Instant::now());
    let at = |n| start + seconds(n);
    assert_eq!(shown.take(at(0), 100, None), seconds(0));
    assert_eq!(shown.take(at(1), 100, None), seconds(0));
    assert_eq!(shown.take(at(2), 110, Some(at(1))), seconds(0), "the update may show them");
    assert_eq!(shown.take(at(3), 120, Some(at(1))), seconds(0), "since now they are missing");
    assert_eq!(shown.take(at(7), 130, Some(at(1))), seconds(4));
    assert_eq!(shown.take(at(20), 130, Some(at(1))), seconds(17), "no matter whether more come");
    assert_eq!(shown.take(at(21), 130, Some(at(20))), seconds(0));
    assert_eq!(shown.take(at(60), 130, Some(at(20))), seconds(0), "a shop without orders lacks nothing");
}

#[test]
fn a_stage_of_this_process_tells_itself() {
    let partition = |number: i32, position: i64, end: i64| {
        json!({"partition": number, "position": position, "end": end, "checkpoints": {}, "orders": position - 1,
               "invalid": 1, "settingsGeneration": 0})
    };
    let status = json!({"stage": {"name": "revenue-fraud", "instance": "demo",
                                  "partitions": [partition(0, 7, 9), partition(1, 5, 5)]}});
    let reach = |partition, position, end| PartitionReach { partition, position: Some(position), end };
    let partitions = vec![reach(0, 7, 9), reach(1, 5, 5)];
    let stages = vec![StageReach { stage: "revenue-fraud".into(), partitions }];
    assert_eq!(found::own(&status), Some(Found { stages, counted: Some(10) }));
    assert_eq!(found::own(&json!({"dashboard": {}})), None);
}
