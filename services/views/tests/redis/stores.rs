//! Each kind of server, held against what a store promises.

use std::collections::BTreeMap;

use redis::{Commands, Connection};
use runtime::config::RedisAddress;
use views::fence::FENCE_KEY;
use views::store::RedisStore;

use crate::behaviour::{self, Subject};
use crate::server::{Cluster, Server};

struct Keys<'a> {
    store: RedisStore,
    /// The node that has the prefix's slot.
    server: &'a Server,
    prefix: String,
}

impl<'a> Keys<'a> {
    fn new(url: String, server: &'a Server, prefix: &str) -> Self {
        let args = RedisAddress { url, key_prefix: prefix.to_owned() };
        Self { store: RedisStore::new(args), server, prefix: prefix.to_owned() }
    }

    fn connect(&self) -> Connection {
        self.server.connect()
    }
}

impl Subject for Keys<'_> {
    type Store = RedisStore;

    fn store(&self) -> &RedisStore {
        &self.store
    }
    async fn keys(&self) -> BTreeMap<String, String> {
        let mut connection = self.connect();
        let names: Vec<String> = connection.keys("*").unwrap();
        let fence = format!("{}{FENCE_KEY}", self.prefix);
        let ours = names.into_iter().filter(|name| *name != fence && name.starts_with(&self.prefix));
        ours.map(|name| (name[self.prefix.len()..].to_owned(), connection.get(&name).unwrap())).collect()
    }
    async fn put(&self, key: &str, value: &str) {
        self.connect().set::<_, _, ()>(format!("{}{key}", self.prefix), value).unwrap();
    }
    async fn put_token(&self, token: &str) {
        self.connect().hset::<_, _, _, ()>(format!("{}{FENCE_KEY}", self.prefix), "token", token).unwrap();
    }
    async fn flush(&self) {
        redis::cmd("FLUSHALL").query::<()>(&mut self.connect()).unwrap();
    }
}

#[tokio::test]
async fn redis_keeps_what_a_store_promises() {
    let server = Server::redis(&[]);
    behaviour::all(&Keys::new(server.url(), &server, "")).await;
    // characters that mean something in patterns
    behaviour::all(&Keys::new(server.url(), &server, "{a*}[b]?:\\")).await;
}

#[tokio::test]
async fn valkey_keeps_what_a_store_promises() {
    let server = Server::valkey();
    behaviour::all(&Keys::new(server.url(), &server, "")).await;
}

#[tokio::test]
async fn a_cluster_keeps_what_a_store_promises_whichever_node_is_named() {
    let cluster = Cluster::start();
    let slot: u16 =
        redis::cmd("CLUSTER").arg("KEYSLOT").arg("{shop}:").query(&mut cluster.nodes[0].connect()).unwrap();
    // redis-cli gives each of three masters a third of the slots, in order
    let owner = &cluster.nodes[usize::from(slot) * 3 / 16_384];
    for named in &cluster.nodes {
        behaviour::all(&Keys::new(named.url(), owner, "{shop}:")).await;
    }
}

#[tokio::test]
async fn keys_of_others_beside_the_prefix_are_not_listed() {
    use views::store::Store;
    let server = Server::redis(&[]);
    let ours = Keys::new(server.url(), &server, "{shop}:");
    for key in ["revenue:total", "{shop2}:revenue:total", "x{shop}:revenue:total"] {
        server.connect().set::<_, _, ()>(key, "1").unwrap();
    }
    assert_eq!(ours.store.list(&["revenue:"]).await.unwrap(), Vec::<String>::new());
}

/// A view that only says what its keys are called.
struct Families(&'static [&'static str]);

impl contract::View for Families {
    fn processor(&self) -> contract::ProcessorName {
        contract::ProcessorName::Revenue
    }
    fn families(&self) -> &'static [&'static str] {
        self.0
    }
    fn changed(&mut self, _: &str, _: Option<i128>) {}
    fn publish(&mut self, _: &contract::Settings, _: contract::Timestamp, _: &mut contract::Publication) {}
}

#[tokio::test]
async fn a_purge_takes_everything_of_one_pipeline_and_nothing_else() {
    let server = Server::redis(&[]);
    let keys = Keys::new(server.url(), &server, "{a}:");
    let others = ["revenue:total", "{b}:revenue:total", "{b}:millrace:fence", "{a}:mine"];
    for number in 0..1_200 {
        keys.put(&format!("revenue:city:{number}"), "1").await;
    }
    keys.put_token("t").await;
    for other in others {
        keys.connect().set::<_, _, ()>(other, "1").unwrap();
    }
    let address = RedisAddress { url: server.url(), key_prefix: "{a}:".to_owned() };
    let views: Vec<Box<dyn contract::View>> = vec![Box::new(Families(&["revenue:", "orders:"]))];
    assert_eq!(views::purge(address.clone(), &views).await.unwrap(), 1_200);
    let mut left: Vec<String> = keys.connect().keys("*").unwrap();
    left.sort();
    let mut expected = others.map(ToOwned::to_owned).to_vec();
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(views::purge(address, &views).await.unwrap(), 0);
}
