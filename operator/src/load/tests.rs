use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use contract::stage_status::{PartitionStatus, SECTION, StageStatus};
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use runtime::admin::{Admin, router};
use runtime::{Process, Shutdown};
use serde_json::json;
use tokio::net::TcpListener;

use super::{AT_ONCE, Answer, LoadError, LoadReader, PORT, PodReport, pod_address};
use crate::scaling::PodLoad;

fn pod(name: &str) -> Pod {
    let mut pod = Pod::default();
    pod.metadata.name = Some(name.to_owned());
    pod
}

fn pod_at(ip: &str, phase: &str) -> Pod {
    let status =
        PodStatus { pod_ip: Some(ip.to_owned()), phase: Some(phase.to_owned()), ..PodStatus::default() };
    Pod { status: Some(status), ..pod("a") }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn answering(body: impl Into<Body> + Clone + Send + Sync + 'static) -> Router {
    Router::new().route("/status", get(move || async move { Body::new(body.into()) }))
}

/// Asks pods of these names at these addresses.
async fn read(at: &[(&str, Option<SocketAddr>)]) -> Vec<PodReport> {
    let addresses: BTreeMap<String, Option<SocketAddr>> =
        at.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
    let locate = move |pod: &Pod| addresses.get(pod.metadata.name.as_ref()?).copied().flatten();
    let pods: Vec<_> = at.iter().map(|(name, _)| pod(name)).collect();
    LoadReader::at(Arc::new(locate)).unwrap().read(&pods).await
}

#[tokio::test]
async fn what_a_process_publishes_is_what_is_read() {
    let process = Process::new(Shutdown::new());
    let stage = StageStatus {
        name: "fraud".to_owned(),
        instance: "a".to_owned(),
        busy_share: Some(0.25),
        lag: Some(12),
        partitions: vec![PartitionStatus { partition: 3, lag: Some(12), ..PartitionStatus::default() }],
        ..StageStatus::default()
    };
    process.status.publish(SECTION, serde_json::to_value(&stage).unwrap());
    process.status.publish("settings", json!({"generation": 7}));
    let address = serve(router(Admin::from(&process))).await;
    let reports = read(&[("a", Some(address))]).await;
    let answer = reports[0].answer.as_ref().unwrap();
    assert_eq!(*answer, Answer { stage: Some(stage.clone()), settings_generation: Some(7) });
    assert_eq!(PodLoad::from(&reports[0]), PodLoad { pod: "a".to_owned(), stage: Ok(stage) });
}

#[tokio::test]
async fn bad_pods_cost_their_own_figures_only() {
    let good = r#"{"sections":{"stage":{"name":"fraud","instance":"good","partitions":[]}}}"#;
    let good = serve(answering(good)).await;
    let nonsense = serve(answering("<html>")).await;
    let endless = serve(answering("x".repeat(2 * 1024 * 1024))).await;
    let starting = serve(answering(r#"{"sections":{}}"#)).await;
    let refusing = serve(Router::new()).await;
    // Listens and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    // Was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let reports = read(&[
        ("silent", Some(silent_address)),
        ("nonsense", Some(nonsense)),
        ("endless", Some(endless)),
        ("refusing", Some(refusing)),
        ("nobody", Some(nobody)),
        ("no-address", None),
        ("starting", Some(starting)),
        ("good", Some(good)),
    ])
    .await;
    let of = |name: &str| reports.iter().find(|report| report.pod == name).unwrap();
    assert!(
        matches!(&of("silent").answer, Err(LoadError::Request { source, .. }) if source.is_timeout()),
        "{:?}",
        of("silent")
    );
    assert!(matches!(of("nonsense").answer, Err(LoadError::Unreadable { .. })));
    assert!(matches!(of("endless").answer, Err(LoadError::TooLarge { .. })));
    assert!(matches!(of("refusing").answer, Err(LoadError::Refused { code, .. }) if code == 404));
    assert!(
        matches!(&of("nobody").answer, Err(LoadError::Request { source, .. }) if source.is_connect()),
        "{:?}",
        of("nobody")
    );
    assert!(matches!(of("no-address").answer, Err(LoadError::NoAddress)));
    assert_eq!(of("starting").answer.as_ref().unwrap(), &Answer::default());
    assert_eq!(of("good").answer.as_ref().unwrap().stage.as_ref().unwrap().instance, "good");

    let load = |name: &str| PodLoad::from(of(name)).stage.map(|stage| stage.instance);
    assert_eq!(load("good"), Ok("good".to_owned()));
    assert_eq!(load("starting"), Err("its stage has not started".to_owned()));
    assert_eq!(load("no-address"), Err("it has no address yet".to_owned()));
    let why = load("nonsense").unwrap_err();
    assert!(why.ends_with("/status cannot be read: expected value at line 1 column 1"), "{why}");
}

#[tokio::test]
async fn many_pods_are_asked_a_few_at_a_time_and_answer_in_order() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let handler = {
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        move || {
            let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
            async move {
                let running = now.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(running, Ordering::SeqCst);
                if running == AT_ONCE {
                    gate.add_permits(1_000);
                }
                // Nobody is answered before as many as are allowed have come.
                drop(gate.acquire().await);
                now.fetch_sub(1, Ordering::SeqCst);
                r#"{"sections":{}}"#
            }
        }
    };
    let address = serve(Router::new().route("/status", get(handler))).await;
    let names: Vec<_> = (0..50).map(|number| format!("pod-{number:02}")).collect();
    let at: Vec<_> = names.iter().map(|name| (name.as_str(), Some(address))).collect();
    let reports = read(&at).await;
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    assert!(reports.iter().all(|report| report.answer.is_ok()));
    assert_eq!(reports.iter().map(|report| report.pod.clone()).collect::<Vec<_>>(), names);
}

#[test]
fn a_pod_is_asked_at_its_own_address() {
    assert_eq!(pod_address(&pod("a")), None);
    let v4 = pod_address(&pod_at("10.0.0.7", "Running")).unwrap();
    assert_eq!(v4.to_string(), format!("10.0.0.7:{PORT}"));
    let v6 = pod_address(&pod_at("fd00::7", "Running")).unwrap();
    assert_eq!(v6.to_string(), format!("[fd00::7]:{PORT}"));
    assert_eq!(pod_address(&pod_at("10.0.0.7", "Succeeded")), None);
    assert_eq!(pod_address(&pod_at("no address", "Running")), None);
}
