use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use contract::Publication;
use runtime::Health;
use tokio::time::Instant;

use super::standstill::PATIENCE;
use super::*;
use crate::fence::{OwnPosition, Position, StatePartition};
use crate::projection::Snapshot;
use crate::store::{MemoryContents, MemoryStore, StoreError};

struct Rig {
    store: MemoryStore,
    shared: Arc<Shared>,
    standby: watch::Receiver<bool>,
    health: Health,
}

impl Rig {
    fn new(store: &MemoryStore) -> (Self, Writer<MemoryStore>) {
        let (sender, standby) = watch::channel(false);
        let (shared, health) = (Arc::new(Shared::default()), Health::default());
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let around =
            Surroundings { shared: shared.clone(), standby: sender, need: health.need("redis"), metrics };
        let writer = Writer::new(store.clone(), "shop", vec!["revenue:", "orders:"], around);
        (Self { store: store.clone(), shared, standby, health }, writer)
    }

    fn show(&self, offset: i64, keys: &[(&str, Option<&str>)]) {
        let keys = keys.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect();
        let at = Some(Position { incarnation: "i".to_owned(), offset });
        let partition = StatePartition { stage: "revenue".to_owned(), partition: 0 };
        let positions = [(partition, OwnPosition { at, at_end: true })].into();
        let publication = Publication { keys, updates: Vec::new() };
        self.shared.lock().absorb(Snapshot { publication, positions, newest: None });
    }

    fn keys(&self) -> BTreeMap<String, String> {
        self.store.contents().keys
    }

    fn why_not_ready(&self) -> String {
        self.health.missing().first().map(|m| m.why.clone()).unwrap_or_default()
    }
}

fn keys(keys: &[(&str, &str)]) -> BTreeMap<String, String> {
    keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Steps for as long as the writer would go on without being woken, at most `time`.
async fn steps<S: Store>(writer: &mut Writer<S>, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() <= until {
        match writer.step().await {
            Ok(Next::Idle) => sleep(LOOK_BACK).await,
            Ok(Next::After(pause)) => sleep(pause).await,
            Err(error) => {
                writer.failed(&error);
                sleep(LOOK_BACK).await;
            }
        }
    }
}

const MOMENT: Duration = Duration::ZERO;

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_there_is_something_to_show() {
    let store = MemoryStore::default();
    let contents = MemoryContents { keys: keys(&[("revenue:total", "1")]), ..Default::default() };
    store.replace(contents.clone());
    let (rig, mut writer) = Rig::new(&store);
    steps(&mut writer, PATIENCE * 3).await;
    assert_eq!(rig.store.contents(), contents);
    assert_eq!(rig.health.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn the_first_batch_leaves_only_what_is_wanted_and_the_next_what_changed() {
    let store = MemoryStore::default();
    store.replace(MemoryContents {
        keys: keys(&[("revenue:old", "1"), ("orders:old", "1"), ("mine", "1")]),
        ..Default::default()
    });
    let (rig, mut writer) = Rig::new(&store);
    rig.show(1, &[("revenue:total", Some("5")), ("orders:total", Some("1"))]);
    steps(&mut writer, MOMENT).await;
    assert_eq!(rig.keys(), keys(&[("revenue:total", "5"), ("orders:total", "1"), ("mine", "1")]));

    rig.show(2, &[("revenue:total", Some("7")), ("orders:total", None)]);
    steps(&mut writer, MOMENT).await;
    assert_eq!(rig.keys(), keys(&[("revenue:total", "7"), ("mine", "1")]));
}

#[tokio::test(start_paused = true)]
async fn a_flushed_store_and_one_that_went_back_are_healed_at_the_next_look() {
    let (rig, mut writer) = Rig::new(&MemoryStore::default());
    rig.show(1, &[("revenue:total", Some("5"))]);
    steps(&mut writer, MOMENT).await;
    let dump = rig.store.contents();
    rig.show(2, &[("revenue:total", Some("6")), ("revenue:city:HCM", Some("6"))]);
    steps(&mut writer, MOMENT).await;
    let wanted = rig.store.contents().keys;
    for contents in [MemoryContents::default(), dump] {
        rig.store.replace(contents);
        steps(&mut writer, MOMENT).await;
        assert_eq!(rig.keys(), wanted);
    }
    assert!(!*rig.standby.borrow());
}

#[tokio::test(start_paused = true)]
async fn a_change_meets_a_flushed_store_and_everything_is_written() {
    let (rig, mut writer) = Rig::new(&MemoryStore::default());
    rig.show(1, &[("revenue:total", Some("5")), ("orders:total", Some("1"))]);
    steps(&mut writer, MOMENT).await;
    rig.store.replace(MemoryContents::default());
    rig.show(2, &[("revenue:total", Some("6"))]);
    steps(&mut writer, MOMENT).await;
    assert_eq!(rig.keys(), keys(&[("revenue:total", "6"), ("orders:total", "1")]));
}

#[tokio::test(start_paused = true)]
async fn of_two_writers_the_one_that_moves_is_left_alone() {
    let store = MemoryStore::default();
    let ((first, mut active), (second, mut other)) = (Rig::new(&store), Rig::new(&store));
    first.show(1, &[("revenue:total", Some("1"))]);
    steps(&mut active, MOMENT).await;
    second.show(1, &[("revenue:total", Some("1"))]);
    for n in 2..20 {
        first.show(n, &[("revenue:total", Some(&n.to_string()))]);
        second.show(n, &[("revenue:total", Some(&n.to_string()))]);
        steps(&mut active, MOMENT).await;
        steps(&mut other, MOMENT).await;
        assert_eq!(first.keys(), keys(&[("revenue:total", &n.to_string())]));
    }
    assert_eq!((*first.standby.borrow(), *second.standby.borrow()), (false, true));
    assert_eq!(second.health.missing(), [], "a standby is ready");

    // the active one dies
    second.show(30, &[("revenue:total", Some("30"))]);
    steps(&mut other, PATIENCE + LOOK_BACK).await;
    assert_eq!(second.keys(), keys(&[("revenue:total", "30")]));
    assert!(!*second.standby.borrow());
}

#[tokio::test(start_paused = true)]
async fn two_idle_writers_do_not_fight() {
    let store = MemoryStore::default();
    let ((first, mut one), (second, mut two)) = (Rig::new(&store), Rig::new(&store));
    first.show(1, &[("revenue:total", Some("1"))]);
    second.show(1, &[("revenue:total", Some("1"))]);
    let hour = Duration::from_hours(1);
    tokio::join!(steps(&mut one, hour), steps(&mut two, hour));
    let takeovers = one.takeovers + two.takeovers;
    assert!((1..100).contains(&takeovers), "{takeovers}");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_has_read_less_waits_until_it_has_read_as_much() {
    let store = MemoryStore::default();
    let ((first, mut active), (second, mut other)) = (Rig::new(&store), Rig::new(&store));
    first.show(9, &[("revenue:total", Some("9"))]);
    steps(&mut active, MOMENT).await;
    second.show(8, &[("revenue:total", Some("8"))]);
    steps(&mut other, PATIENCE * 10).await;
    assert_eq!(second.keys(), keys(&[("revenue:total", "9")]));
    assert!(second.why_not_ready().contains("revenue/0"), "{}", second.why_not_ready());
    second.show(9, &[("revenue:total", Some("9"))]);
    steps(&mut other, MOMENT).await;
    assert_eq!(second.health.missing(), []);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_ended_is_taken_over_at_once() {
    let store = MemoryStore::default();
    let ((first, mut active), (second, mut other)) = (Rig::new(&store), Rig::new(&store));
    first.show(1, &[("revenue:total", Some("1"))]);
    steps(&mut active, MOMENT).await;
    first.show(2, &[("revenue:total", Some("2"))]);
    active.finish().await.unwrap();
    assert_eq!(first.keys(), keys(&[("revenue:total", "2")]), "the last batch");
    second.show(3, &[("revenue:total", Some("3"))]);
    steps(&mut other, MOMENT).await;
    assert_eq!(second.keys(), keys(&[("revenue:total", "3")]));
}

#[tokio::test(start_paused = true)]
async fn another_pipelines_keys_are_left_alone() {
    let store = MemoryStore::default();
    let ((first, mut active), (second, mut other)) = (Rig::new(&store), Rig::new(&store));
    first.show(1, &[("revenue:total", Some("1"))]);
    steps(&mut active, MOMENT).await;
    other.pipeline = "bakery".to_owned();
    second.show(2, &[("revenue:total", Some("2"))]);
    steps(&mut other, PATIENCE * 10).await;
    assert_eq!(second.keys(), keys(&[("revenue:total", "1")]));
    assert!(second.why_not_ready().contains("--key-prefix"), "{}", second.why_not_ready());
}

/// Fails writes as told, before or after they are done.
#[derive(Clone)]
struct Flaky {
    store: MemoryStore,
    /// One entry per write: whether it fails, and whether it is written nevertheless.
    plan: Arc<std::sync::Mutex<Vec<Option<bool>>>>,
}

#[derive(Debug, thiserror::Error)]
#[error("cut off")]
struct CutOff;

impl StoreError for CutOff {
    fn is_refusal(&self) -> bool {
        false
    }
}

impl From<Infallible> for CutOff {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Store for Flaky {
    type Error = CutOff;

    async fn fence(&self) -> Result<Option<Found>, CutOff> {
        Ok(self.store.fence().await?)
    }
    async fn write(&self, batch: &Batch) -> Result<Outcome, CutOff> {
        let fails = self.plan.lock().unwrap().pop().flatten();
        if fails != Some(false) {
            let outcome = self.store.write(batch).await?;
            if fails.is_none() {
                return Ok(outcome);
            }
        }
        Err(CutOff)
    }
    async fn list(&self, families: &[&str]) -> Result<Vec<String>, CutOff> {
        Ok(self.store.list(families).await?)
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_failed_batch_the_store_ends_up_right() {
    for written_nevertheless in [false, true] {
        for failing in 0..6 {
            let store = MemoryStore::default();
            let (rig, _) = Rig::new(&store);
            let plan: Vec<_> = (0..6).map(|n| (n == failing).then_some(written_nevertheless)).collect();
            let flaky = Flaky { store, plan: Arc::new(std::sync::Mutex::new(plan)) };
            let (sender, _) = watch::channel(false);
            let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
            let need = rig.health.need("redis");
            let around = Surroundings { shared: rig.shared.clone(), standby: sender, need, metrics };
            let mut writer = Writer::new(flaky, "shop", vec!["revenue:"], around);
            let many: Vec<_> = (0..5_000).map(|n| format!("revenue:city:{n}")).collect();
            rig.show(1, &many.iter().map(|k| (k.as_str(), Some("1"))).collect::<Vec<_>>());
            steps(&mut writer, LOOK_BACK).await;
            rig.show(2, &[("revenue:city:0", Some("2")), ("revenue:city:1", None)]);
            steps(&mut writer, LOOK_BACK * 3).await;
            let keys = rig.keys();
            assert_eq!((keys.len(), keys["revenue:city:0"].as_str()), (4_999, "2"));
            assert!(rig.health.missing().iter().all(|m| m.why == "starting"), "{:?}", rig.health.missing());
        }
    }
}
