//! Servers that must not be used, and configuration that is wrong.

use crate::pipeline::{State, eventually};
use crate::server::{Cluster, Server};

#[tokio::test]
async fn a_server_that_evicts_any_key_is_refused() {
    let server = Server::redis(&["--maxmemory-policy", "allkeys-lru"]);
    let message = State::new().views(&server, "").failure().await;
    for part in ["allkeys-lru", "maxmemory-policy noeviction", "--redis-url"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[tokio::test]
async fn a_server_that_evicts_keys_with_a_time_to_live_is_used() {
    let server = Server::redis(&["--maxmemory-policy", "volatile-lru"]);
    let mut state = State::new();
    state.totals(0, 5, 1);
    let views = state.views(&server, "");
    eventually("ready", || views.process.health.missing().is_empty().then_some(())).await;
    views.stop().await;
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_named() {
    let server = Server::with_password("secret");
    let state = State::new();
    for user in ["", ":wrong@", "nobody:secret@"] {
        let url = format!("redis://{user}127.0.0.1:{}", server.port);
        let message = state.views_at(&url, "").failure().await;
        assert!(message.contains("--redis-url / REDIS_URL"), "{message}");
        assert!(message.contains("user or password"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
    let views = state.views(&server, "");
    eventually("store", || views.missing("store").is_none().then_some(())).await;
    views.stop().await;
}

#[tokio::test]
async fn a_url_that_is_none_is_named() {
    let message = State::new().views_at("redis://127.0.0.1:notaport", "").failure().await;
    assert!(message.contains("--redis-url / REDIS_URL"), "{message}");
}

#[tokio::test]
async fn tls_where_there_is_none_is_an_error_and_not_the_end() {
    let server = Server::redis(&[]);
    let url = format!("rediss://127.0.0.1:{}", server.port);
    let views = State::new().views_at(&url, "");
    let why = eventually("a reason", || views.missing("store").filter(|why| why != "starting")).await;
    assert!(why.contains("--redis-url / REDIS_URL"), "{why}");
    views.stop().await;
}

#[tokio::test]
async fn a_cluster_needs_a_hash_tag() {
    let cluster = Cluster::start();
    let mut state = State::new();
    state.totals(0, 5, 1);
    for prefix in ["", "shop:", "{}:"] {
        let message = state.views(&cluster.nodes[0], prefix).failure().await;
        assert!(message.contains("--key-prefix / REDIS_KEY_PREFIX"), "{message}");
    }
    let views = state.views(&cluster.nodes[0], "{shop}:");
    eventually("ready", || views.process.health.missing().is_empty().then_some(())).await;
    eventually("written", || (views.metric("views_keys") >= 2.0).then_some(())).await;
    views.stop().await;
}

/// Only while it is current: what a reset made void stays in the topic for long.
#[tokio::test]
async fn state_of_another_version_is_refused_while_it_is_current() {
    let server = Server::redis(&[]);
    let mut state = State::new();
    state.totals(1, 5, 1);
    state.foreign(0);
    let message = state.views(&server, "").failure().await;
    for part in ["partition 0", "shop.revenue.state", "format 9"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    state.totals(0, 7, 2);
    let views = state.views(&server, "");
    eventually("ready", || views.process.health.missing().is_empty().then_some(())).await;
    eventually("written", || (views.metric("views_keys") >= 2.0).then_some(())).await;
    views.stop().await;
}
