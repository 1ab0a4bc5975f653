use contract::stage_status::StageStatus;
use k8s_openapi::serde_json::{from_value, json};

use super::*;
use crate::load::LoadError;

fn pod(name: &str, component: &str, ready: bool) -> Arc<Pod> {
    let ready = if ready { "True" } else { "False" };
    let pod = json!({
        "metadata": {"name": name, "labels": {"app.kubernetes.io/component": component}},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    });
    Arc::new(from_value(pod).unwrap())
}

fn report(name: &str, generation: Option<u64>) -> PodReport {
    PodReport { pod: name.to_owned(), answer: Ok(Answer { stage: None, settings_generation: generation }) }
}

fn stage(generation: Option<u64>, lag: Option<u64>, oldest: f64) -> StageStatus {
    StageStatus {
        settings_generation: generation,
        lag,
        oldest_unread_seconds: Some(oldest),
        ..StageStatus::default()
    }
}

#[test]
fn only_replicas_that_work_count() {
    let pods = [pod("a", "fraud", true), pod("b", "fraud", true), pod("c", "fraud", false)];
    let reports = [report("a", Some(7)), report("b", Some(6)), report("c", Some(6))];
    assert_eq!(acknowledged(7, &pods, &reports), Acknowledged { generation: 7, by: 1, of: 2 });
}

#[test]
fn a_replica_that_does_not_answer_has_not_acknowledged_and_one_without_settings_need_not() {
    let pods = [pod("a", "fraud", true), pod("b", "dashboard", true)];
    let reports = [PodReport { pod: "a".to_owned(), answer: Err(LoadError::NoAddress) }, report("b", None)];
    assert_eq!(acknowledged(7, &pods, &reports), Acknowledged { generation: 7, by: 0, of: 1 });
}

#[test]
fn a_stage_has_settings_when_its_partitions_have() {
    let behind = Answer { stage: Some(stage(Some(6), None, 0.0)), settings_generation: Some(7) };
    assert_eq!(in_force(&behind), Some(6));
    let idle = Answer { stage: Some(stage(None, None, 0.0)), settings_generation: Some(7) };
    assert_eq!(in_force(&idle), Some(7));
}

#[test]
fn lag_is_the_sum_and_unknown_while_one_does_not_know() {
    let load = |lag, oldest| PodLoad { pod: "a".to_owned(), stage: Ok(stage(None, lag, oldest)) };
    let shown = |pods: &[PodLoad]| lag(pods).map(|lag| (lag.records, lag.age.to_string()));
    assert_eq!(shown(&[load(Some(400), 2.0), load(Some(437), 17.9)]), Some((830, "15s".to_owned())));
    assert_eq!(shown(&[load(Some(400), 2.0), load(None, 0.0)]), None);
    assert_eq!(shown(&[]), None);
}

#[test]
fn figures_move_in_steps() {
    let steps = [0, 7, 99, 100, 119, 1_234, 98_765].map(rounded);
    assert_eq!(steps, [0, 0, 0, 100, 110, 1_200, 98_000]);
    let ages = [0, 4, 59, 61, 95, 3_700].map(|s| rounded_age(Duration::from_secs(s)).to_string());
    assert_eq!(ages, ["0s", "0s", "55s", "1m", "1m30s", "1h1m"]);
}

#[test]
fn figures_do_not_change_more_often_than_every_half_minute() {
    let pipeline = crate::fixtures::pipeline("minimal");
    let name = pipeline.processors[0].name;
    let pods = [pod("a", name.as_str(), true)];
    let said = |lag| {
        let answer = Answer { stage: Some(stage(Some(1), Some(lag), 0.0)), settings_generation: Some(1) };
        [PodReport { pod: "a".to_owned(), answer: Ok(answer) }]
    };
    let mut memory = LoadMemory::default();
    let shown =
        |memory: &mut LoadMemory, lag| memory.loads(&pipeline, &pods, &said(lag))[0].lag.unwrap().records;
    assert_eq!(shown(&mut memory, 1_000), 1_000);
    assert_eq!(shown(&mut memory, 9_000), 1_000);
    memory.shown.as_mut().unwrap().0 = Instant::now().checked_sub(SHOW_EVERY).unwrap();
    assert_eq!(shown(&mut memory, 9_000), 9_000);
}

#[test]
fn a_decision_is_news_when_replicas_or_the_kind_of_reason_change() {
    let mut scaled = Scaled::default();
    let decision =
        |replicas, reason| Decision { replicas, reason, why: format!("{reason:?}"), numbers: None };
    let mut told = |current, replicas, reason| {
        scaled.tell(current, &decision(replicas, reason));
        let told = scaled.told.as_ref().unwrap();
        (told.from, told.to, told.reason)
    };
    assert_eq!(told(1, 1, ScalingReason::ArrivalRate), (1, 1, ScalingReason::ArrivalRate));
    assert_eq!(told(1, 3, ScalingReason::CatchUp), (1, 3, ScalingReason::CatchUp));
    assert_eq!(told(3, 3, ScalingReason::Stabilising), (1, 3, ScalingReason::CatchUp));
    assert_eq!(told(3, 3, ScalingReason::NoData), (3, 3, ScalingReason::NoData));
}
