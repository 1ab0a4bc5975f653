//! Views over real state in a real Redis to which things happen.

use std::collections::BTreeMap;

use redis::Commands;
use views::fence::FENCE_KEY;

use crate::pipeline::{Running, State, eventually};
use crate::server::Server;

/// All keys but the fence.
fn strings(server: &Server) -> BTreeMap<String, String> {
    let mut connection = server.connect();
    let mut names: Vec<String> = connection.keys("*").unwrap();
    names.retain(|name| name != FENCE_KEY);
    names.into_iter().map(|name| (name.clone(), connection.get(&name).unwrap())).collect()
}

async fn shows(server: &Server, wanted: &[(&str, &str)]) {
    let wanted: BTreeMap<_, _> = wanted.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    eventually(&format!("{wanted:?}"), || (strings(server) == wanted).then_some(())).await;
}

async fn ready(views: &Running) {
    eventually("ready", || views.process.health.missing().is_empty().then_some(())).await;
}

#[tokio::test]
async fn partitions_are_summed_and_changes_follow() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    state.totals(0, 5, 1);
    state.totals(1, 7, 2);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "12"), ("orders:total", "3")]).await;
    ready(&views).await;
    state.totals(1, 8, 3);
    state.write(0, &[("orders:product:Laptop", Some(1))]);
    shows(&server, &[("revenue:total", "13"), ("orders:total", "4"), ("orders:product:Laptop", "1")]).await;
    state.write(0, &[("orders:product:Laptop", None)]);
    shows(&server, &[("revenue:total", "13"), ("orders:total", "4")]).await;
    views.stop().await;
}

#[tokio::test]
async fn a_start_deletes_what_nobody_wants_and_leaves_strangers_alone() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    let mut connection = server.connect();
    for key in ["revenue:hourly:2020-01-01T00", "orders:product:Fax", "sessions:1"] {
        connection.set::<_, _, ()>(key, "1").unwrap();
    }
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1"), ("sessions:1", "1")]).await;
    views.stop().await;
}

#[tokio::test]
async fn a_flushed_redis_is_written_again_without_a_new_order() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    redis::cmd("FLUSHALL").query::<()>(&mut server.connect()).unwrap();
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    eventually("counted", || (views.metric("views_healings_total") >= 1.0).then_some(())).await;
    views.stop().await;
}

#[tokio::test]
async fn many_keys_are_healed_in_many_small_batches() {
    const KEYS: usize = 20_000;
    let (server, mut state) = (Server::redis(&[]), State::new());
    let names: Vec<_> = (0..KEYS).map(|n| format!("orders:product:{n}")).collect();
    state.write(0, &names.iter().map(|name| (name.as_str(), Some(1))).collect::<Vec<_>>());
    let views = state.views(&server, "");
    let size = || redis::cmd("DBSIZE").query::<usize>(&mut server.connect()).unwrap();
    eventually("all keys and the fence", || (size() == KEYS + 1).then_some(())).await;
    redis::cmd("FLUSHALL").query::<()>(&mut server.connect()).unwrap();
    eventually("all of them again", || (size() == KEYS + 1).then_some(())).await;
    eventually("counted", || (views.metric("views_healings_total") >= 1.0).then_some(())).await;
    let token: String = server.connect().hget(FENCE_KEY, "token").unwrap();
    assert!(token.ends_with(":settled"), "{token}");
    views.stop().await;
}

#[tokio::test]
async fn a_redis_that_went_down_and_came_back_with_an_old_dump_is_healed() {
    let (mut server, mut state) = (Server::redis(&[]), State::new());
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    redis::cmd("SAVE").query::<()>(&mut server.connect()).unwrap();
    state.totals(0, 6, 2);
    shows(&server, &[("revenue:total", "6"), ("orders:total", "2")]).await;

    server.kill();
    let why = eventually("unreachable", || views.missing("store")).await;
    assert!(why.contains("--redis-url / REDIS_URL"), "{why}");
    // Kafka goes on meanwhile
    let updates = views.metric("views_updates_total");
    state.totals(1, 10, 1);
    eventually("an update", || (views.metric("views_updates_total") > updates).then_some(())).await;

    server.start();
    shows(&server, &[("revenue:total", "16"), ("orders:total", "3")]).await;
    ready(&views).await;
    views.stop().await;
}

#[tokio::test]
async fn a_redis_that_is_down_at_start_is_waited_for() {
    let (mut server, mut state) = (Server::redis(&[]), State::new());
    server.kill();
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    eventually("unreachable", || views.missing("store").filter(|why| why.contains("cannot reach"))).await;
    eventually("an update", || (views.metric("views_updates_total") >= 1.0).then_some(())).await;
    server.start();
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    views.stop().await;
}

#[tokio::test]
async fn another_writer_is_waited_for_and_taken_over_when_it_stands_still() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    // a process that was started by mistake writes what it alone has, again and again
    let (mut connection, mut batch) = (server.connect(), 0);
    let mut stranger = || {
        batch += 1;
        let mut pipe = redis::pipe();
        pipe.atomic().hset(FENCE_KEY, "token", format!("stranger:{batch}:settled")).ignore();
        pipe.set("revenue:total", "90").ignore();
        pipe.query::<()>(&mut connection).unwrap();
    };
    eventually("standby", || {
        stranger();
        (views.metric("views_standby") >= 1.0).then_some(())
    })
    .await;
    state.totals(0, 6, 2);
    shows(&server, &[("revenue:total", "6"), ("orders:total", "2")]).await;
    eventually("active", || (views.metric("views_standby") < 1.0).then_some(())).await;
    views.stop().await;
}

#[tokio::test]
async fn keys_of_another_pipeline_are_left_alone() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    let mut connection = server.connect();
    let fields = [("token", "stranger:1:settled"), ("pipeline", "bakery")];
    connection.hset_multiple::<_, _, _, ()>(FENCE_KEY, &fields).unwrap();
    connection.set::<_, _, ()>("revenue:total", "77").unwrap();
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    let why = eventually("a reason", || views.missing("store").filter(|why| why.contains("bakery"))).await;
    assert!(why.contains("--key-prefix"), "{why}");
    assert_eq!(strings(&server)["revenue:total"], "77");

    connection.del::<_, ()>(FENCE_KEY).unwrap();
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    views.stop().await;
}

#[tokio::test]
async fn the_next_process_goes_on_at_once_when_the_first_has_drained() {
    let (server, mut state) = (Server::redis(&[]), State::new());
    state.totals(0, 5, 1);
    let first = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    first.stop().await;
    let token: String = server.connect().hget(FENCE_KEY, "token").unwrap();
    assert!(token.ends_with(":released"), "{token}");
    state.totals(0, 6, 2);
    let second = state.views(&server, "");
    shows(&server, &[("revenue:total", "6"), ("orders:total", "2")]).await;
    second.stop().await;
}

#[tokio::test]
async fn valkey_is_written_and_healed_like_redis() {
    let (server, mut state) = (Server::valkey(), State::new());
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    redis::cmd("FLUSHALL").query::<()>(&mut server.connect()).unwrap();
    shows(&server, &[("revenue:total", "5"), ("orders:total", "1")]).await;
    views.stop().await;
}
