use super::super::facts::Workload;
use super::*;

fn workload(component: &str, role: Role, desired: i32, ready: i32) -> Workload {
    Workload { component: component.to_owned(), role, desired, ready, settled: true, trouble: None }
}

/// A pipeline in which everything runs.
fn well() -> Facts {
    Facts {
        paused: false,
        kafka: Finding::Fine(()),
        topics: Finding::Fine(TopicsFound { count: 4, drifting: 0 }),
        settings: Finding::Fine(Acknowledged { generation: 3, by: 4, of: 4 }),
        workloads: Some(vec![
            workload("revenue", Role::Processor, 2, 2),
            workload("views", Role::Views, 1, 1),
            workload("dashboard", Role::Other, 1, 1),
        ]),
        losses: Vec::new(),
        failure: None,
        deleting: None,
    }
}

fn problem(reason: &'static str, stuck: bool) -> Problem {
    Problem { reason, message: format!("{reason}: do something"), stuck }
}

fn say(facts: &Facts, kind: ConditionType) -> Option<(Truth, &'static str)> {
    facts.verdicts().get(&kind).map(|verdict| (verdict.status, verdict.reason))
}

fn phase_of(facts: &Facts, before: Option<Phase>) -> Phase {
    phase(facts, &facts.verdicts(), before)
}

#[test]
fn a_pipeline_that_runs_is_ready_and_neither_reconciling_nor_stalled() {
    let facts = well();
    assert_eq!(say(&facts, ConditionType::Ready), Some((Truth::True, "AsAsked")));
    assert_eq!(say(&facts, ConditionType::Reconciling), None);
    assert_eq!(say(&facts, ConditionType::Stalled), None);
    assert_eq!(phase_of(&facts, Some(Phase::Pending)), Phase::Running);
}

#[test]
fn what_is_missing_decides_what_ready_says() {
    let change = |change: fn(&mut Facts)| {
        let mut facts = well();
        change(&mut facts);
        (say(&facts, ConditionType::Ready).unwrap().1, say(&facts, ConditionType::Reconciling).is_some())
    };
    assert_eq!(change(|f| f.kafka = Finding::Wrong(problem("Unreachable", false))), ("Unreachable", true));
    assert_eq!(change(|f| f.topics = Finding::Unknown), ("Unknown", true));
    assert_eq!(change(|f| f.workloads.as_mut().unwrap()[0].ready = 1), ("Starting", true));
    assert_eq!(change(|f| f.workloads.as_mut().unwrap()[0].settled = false), ("Rolling", true));
    assert_eq!(change(|f| f.workloads.as_mut().unwrap()[1].ready = 0), ("Starting", true));
    assert_eq!(change(|f| f.workloads.as_mut().unwrap()[2].ready = 0), ("Starting", true));
    assert_eq!(
        change(|f| f.workloads.as_mut().unwrap()[0].trouble = Some("no image".to_owned())),
        ("PodsFail", true)
    );
    assert_eq!(
        change(|f| f.settings = Finding::Fine(Acknowledged { generation: 3, by: 2, of: 4 })),
        ("Spreading", true)
    );
    assert_eq!(change(|f| f.failure = Some(problem("ApplyFailed", false))), ("ApplyFailed", true));
}

#[test]
fn what_only_somebody_else_can_mend_stalls() {
    for change in [
        (|f: &mut Facts| f.failure = Some(problem("InvalidSpec", true))) as fn(&mut Facts),
        |f| f.kafka = Finding::Wrong(problem("SecretMissing", true)),
        |f| f.topics = Finding::Wrong(problem("TopicMissing", true)),
        |f| f.losses = vec!["revenue: DataLoss in orders partition 1".to_owned()],
    ] {
        let mut facts = well();
        change(&mut facts);
        assert_eq!(say(&facts, ConditionType::Stalled).unwrap().0, Truth::True);
        assert_eq!(say(&facts, ConditionType::Reconciling), None);
        assert_eq!(say(&facts, ConditionType::Ready).unwrap().0, Truth::False);
        assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Degraded);
        facts.workloads.as_mut().unwrap()[0].ready = 0;
        assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Failed);
    }
}

#[test]
fn while_nobody_has_looked_nothing_is_said_of_what_runs() {
    let failure = Some(problem("InvalidSpec", true));
    let mut facts = Facts { failure, workloads: None, paused: true, ..well() };
    for kind in [
        ConditionType::ProcessorsReady,
        ConditionType::ViewsReady,
        ConditionType::DataLoss,
        ConditionType::Paused,
    ] {
        assert_eq!(say(&facts, kind), Some((Truth::Unknown, "Unknown")), "{kind:?}");
    }
    assert_eq!(phase_of(&facts, None), Phase::Failed);
    assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Degraded);
    assert_eq!(phase_of(&facts, Some(Phase::Degraded)), Phase::Degraded);
    facts.failure = None;
    assert_eq!(say(&facts, ConditionType::Ready), Some((Truth::False, "Unknown")));
}

#[test]
fn a_loss_is_told_in_the_stages_own_words() {
    let mut facts = well();
    assert_eq!(say(&facts, ConditionType::DataLoss), Some((Truth::False, "None")));
    facts.losses = vec!["revenue: a".to_owned(), "fraud: b".to_owned()];
    let verdict = &facts.verdicts()[&ConditionType::DataLoss];
    assert_eq!((verdict.status, verdict.message.as_str()), (Truth::True, "revenue: a; fraud: b"));
}

#[test]
fn pausing_ends_when_no_replica_is_left() {
    let mut facts = Facts { paused: true, ..well() };
    facts.workloads.as_mut().unwrap()[0] = workload("revenue", Role::Processor, 0, 2);
    assert_eq!(say(&facts, ConditionType::Paused), Some((Truth::False, "Draining")));
    assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Pausing);
    facts.workloads.as_mut().unwrap()[0].ready = 0;
    assert_eq!(say(&facts, ConditionType::Paused), Some((Truth::True, "Paused")));
    assert_eq!(say(&facts, ConditionType::Ready), Some((Truth::True, "Paused")));
    assert_eq!(phase_of(&facts, Some(Phase::Pausing)), Phase::Paused);
}

#[test]
fn while_it_is_deleted_only_that_counts() {
    let facts = Facts { deleting: Some("2 pods are still draining".to_owned()), ..well() };
    assert_eq!(facts.verdicts().len(), 2);
    assert_eq!(say(&facts, ConditionType::Ready), Some((Truth::False, "Deleting")));
    assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Deleting);
}

#[test]
fn what_ran_before_is_degraded_what_never_ran_is_pending() {
    let mut facts = well();
    facts.workloads.as_mut().unwrap()[0].ready = 1;
    assert_eq!(phase_of(&facts, None), Phase::Pending);
    assert_eq!(phase_of(&facts, Some(Phase::Pending)), Phase::Pending);
    assert_eq!(phase_of(&facts, Some(Phase::Running)), Phase::Degraded);
    assert_eq!(phase_of(&facts, Some(Phase::Degraded)), Phase::Degraded);
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(60));
    let mut facts = well();
    let before = stamped(&facts.verdicts(), &[], Some(1), first);
    facts.workloads.as_mut().unwrap()[0].ready = 1;
    let after = stamped(&facts.verdicts(), &before, Some(2), later);
    let find = |conditions: &[Condition], kind: ConditionType| {
        let found = conditions.iter().find(|c| c.type_ == kind.as_str()).unwrap();
        (found.last_transition_time.0, found.observed_generation)
    };
    assert_eq!(find(&after, ConditionType::KafkaReachable), (first, Some(2)));
    assert_eq!(find(&after, ConditionType::ProcessorsReady), (later, Some(2)));
    assert_eq!(find(&before, ConditionType::ProcessorsReady), (first, Some(1)));
}
