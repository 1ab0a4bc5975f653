//! What every store promises; each store is held against it.

use std::collections::{BTreeMap, BTreeSet};

use views::fence::{Fence, Found, Phase, Position, StatePartition, Token, WriterId};
use views::store::{Batch, Outcome, Store};

/// A store, and what strangers do to it behind its back. Keys are without the prefix.
pub trait Subject {
    type Store: Store;

    fn store(&self) -> &Self::Store;
    /// All keys but the fence.
    async fn keys(&self) -> BTreeMap<String, String>;
    async fn put(&self, key: &str, value: &str);
    async fn put_token(&self, token: &str);
    async fn flush(&self);
}

pub async fn all(subject: &impl Subject) {
    the_first_batch_expects_no_fence(subject).await;
    a_batch_with_another_token_changes_nothing(subject).await;
    a_batch_replaces_the_whole_fence(subject).await;
    positions_beyond_doubles_are_kept(subject).await;
    any_text_is_a_value(subject).await;
    many_keys_are_one_batch(subject).await;
    keys_are_listed_by_family(subject).await;
    all_keys_are_listed(subject).await;
    what_is_no_fence_can_be_replaced(subject).await;
    a_flushed_store_has_no_fence(subject).await;
}

fn fence(batch: u64, offsets: &[i64]) -> Fence {
    let position = |(partition, offset): (i32, &i64)| {
        let partition = StatePartition { stage: "revenue".to_owned(), partition };
        (partition, Position { incarnation: "i".to_owned(), offset: *offset })
    };
    // random writers: batches of the same number differ
    let token = Token { writer: WriterId::random(), batch, phase: Phase::Settled };
    Fence { pipeline: "shop".to_owned(), token, positions: (0..).zip(offsets).map(position).collect() }
}

fn batch(expected: Option<&Fence>, fence: &Fence, sets: &[(&str, &str)], deletes: &[&str]) -> Batch {
    Batch {
        expected: expected.map(|f| f.token.to_string()),
        fence: fence.clone(),
        sets: sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        deletes: deletes.iter().map(|k| (*k).to_owned()).collect(),
    }
}

fn keys(keys: &[(&str, &str)]) -> BTreeMap<String, String> {
    keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Empties the store and writes a first batch.
async fn begin(subject: &impl Subject, sets: &[(&str, &str)]) -> Fence {
    subject.flush().await;
    let fence = fence(1, &[1, 1]);
    let written = subject.store().write(&batch(None, &fence, sets, &[])).await.unwrap();
    assert_eq!(written, Outcome::Written);
    fence
}

async fn found(subject: &impl Subject) -> Option<Found> {
    subject.store().fence().await.unwrap()
}

async fn the_first_batch_expects_no_fence(subject: &impl Subject) {
    let first = begin(subject, &[("revenue:total", "1")]).await;
    assert_eq!(found(subject).await.unwrap().fence, Some(first));
    let another = batch(None, &fence(2, &[2]), &[("revenue:total", "2")], &[]);
    assert_eq!(subject.store().write(&another).await.unwrap(), Outcome::Mismatch);
    assert_eq!(subject.keys().await, keys(&[("revenue:total", "1")]));
}

async fn a_batch_with_another_token_changes_nothing(subject: &impl Subject) {
    let first = begin(subject, &[("a", "1"), ("b", "1")]).await;
    let second = fence(2, &[2, 2]);
    let sets = [("a", "2"), ("c", "2")];
    let write = batch(Some(&first), &second, &sets, &["b", "never there"]);
    assert_eq!(subject.store().write(&write).await.unwrap(), Outcome::Written);
    let wanted = keys(&[("a", "2"), ("c", "2")]);
    assert_eq!(subject.keys().await, wanted);

    for stale in [Some(&first), None] {
        let write = batch(stale, &fence(3, &[3, 3]), &[("a", "3"), ("d", "3")], &["c"]);
        assert_eq!(subject.store().write(&write).await.unwrap(), Outcome::Mismatch);
    }
    assert_eq!(subject.keys().await, wanted);
    assert_eq!(found(subject).await.unwrap().fence, Some(second));
}

async fn a_batch_replaces_the_whole_fence(subject: &impl Subject) {
    let first = begin(subject, &[]).await;
    let smaller = fence(2, &[9]);
    subject.store().write(&batch(Some(&first), &smaller, &[], &[])).await.unwrap();
    assert_eq!(found(subject).await.unwrap().fence, Some(smaller));
}

async fn positions_beyond_doubles_are_kept(subject: &impl Subject) {
    let first = begin(subject, &[]).await;
    let far = fence((1 << 53) + 1, &[(1 << 53) + 1, i64::MAX]);
    subject.store().write(&batch(Some(&first), &far, &[], &[])).await.unwrap();
    assert_eq!(found(subject).await.unwrap().fence, Some(far));
}

async fn any_text_is_a_value(subject: &impl Subject) {
    let sets = [
        ("revenue:city:Đà Nẵng", "170141183460469231731687303715884105727"),
        ("orders:product: \" ' \\ {x}", ""),
        ("trend:window:5m", "{\"a\":[1,2]}\r\n\u{1f680}"),
    ];
    begin(subject, &sets).await;
    assert_eq!(subject.keys().await, keys(&sets));
}

async fn many_keys_are_one_batch(subject: &impl Subject) {
    let first = begin(subject, &[("old", "1")]).await;
    let names: Vec<_> = (0..5_000).map(|n| format!("revenue:city:{n}")).collect();
    let sets: Vec<_> = names.iter().map(|n| (n.as_str(), "1")).collect();
    let second = fence(2, &[2]);
    subject.store().write(&batch(Some(&first), &second, &sets, &["old"])).await.unwrap();
    assert_eq!(subject.keys().await.len(), 5_000);
    let deletes: Vec<_> = names.iter().map(String::as_str).collect();
    subject.store().write(&batch(Some(&second), &fence(3, &[3]), &[], &deletes)).await.unwrap();
    assert_eq!(subject.keys().await, keys(&[]));
}

async fn keys_are_listed_by_family(subject: &impl Subject) {
    begin(subject, &[("revenue:total", "1"), ("revenue:city:a*b", "1"), ("orders:total", "1")]).await;
    for stranger in ["revenue", "xrevenue:total", "trend:window:5m", "[revenue:]"] {
        subject.put(stranger, "1").await;
    }
    let listed = |families: &'static [&'static str]| async move {
        let listed = subject.store().list(families).await.unwrap();
        listed.into_iter().collect::<BTreeSet<_>>()
    };
    let set = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(listed(&["revenue:"]).await, set(&["revenue:total", "revenue:city:a*b"]));
    let both = set(&["revenue:total", "revenue:city:a*b", "orders:total"]);
    assert_eq!(listed(&["revenue:", "orders:"]).await, both);
    assert_eq!(listed(&["revenue:city:a*"]).await, set(&["revenue:city:a*b"]));
    assert_eq!(listed(&["revenue:?"]).await, set(&[]));
    assert_eq!(listed(&[]).await, set(&[]));
}

async fn all_keys_are_listed(subject: &impl Subject) {
    let names: Vec<_> = (0..7_000).map(|n| format!("orders:product:{n}")).collect();
    let sets: Vec<_> = names.iter().map(|n| (n.as_str(), "1")).collect();
    begin(subject, &sets).await;
    let listed: BTreeSet<_> = subject.store().list(&["orders:"]).await.unwrap().into_iter().collect();
    assert_eq!(listed, names.into_iter().collect());
}

async fn what_is_no_fence_can_be_replaced(subject: &impl Subject) {
    begin(subject, &[]).await;
    subject.put_token("what is this?").await;
    let Found { token, fence: damaged } = found(subject).await.unwrap();
    assert_eq!((token.as_str(), damaged), ("what is this?", None));
    let sound = fence(2, &[2]);
    let write = Batch { expected: Some(token), ..batch(None, &sound, &[("a", "1")], &[]) };
    assert_eq!(subject.store().write(&write).await.unwrap(), Outcome::Written);
    assert_eq!(found(subject).await.unwrap().fence, Some(sound));
}

async fn a_flushed_store_has_no_fence(subject: &impl Subject) {
    let first = begin(subject, &[("a", "1")]).await;
    subject.flush().await;
    assert_eq!(found(subject).await, None);
    let write = batch(Some(&first), &fence(2, &[2]), &[("b", "1")], &[]);
    assert_eq!(subject.store().write(&write).await.unwrap(), Outcome::Mismatch);
    assert_eq!(subject.keys().await, keys(&[]));
}
