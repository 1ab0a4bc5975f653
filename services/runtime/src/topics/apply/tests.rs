use super::*;

const PLAN: TopicPlan = TopicPlan {
    orders_partitions: 12,
    metrics_partitions: 1,
    alerts_partitions: 3,
    dead_letter_partitions: 1,
    replication: Some(3),
};

fn present(topics: &[(&str, i32)]) -> BTreeMap<String, i32> {
    topics.iter().map(|(name, partitions)| ((*name).to_owned(), *partitions)).collect()
}

#[test]
fn state_topics_grow_before_orders() {
    let topics = Topics::named("shop");
    let present = present(&[("orders", 3), ("shop.revenue-fraud.state", 3), ("shop.settings", 1)]);
    let order: Vec<_> =
        wanted(&topics, &PLAN, &present).into_iter().map(|w| (w.topic, w.partitions)).collect();
    let expected = [
        ("shop.settings", 1),
        ("shop.revenue-fraud.state", 12),
        ("orders", 12),
        ("metrics", 1),
        ("alerts", 3),
        ("orders.dead-letter", 1),
    ];
    assert_eq!(order, expected.map(|(name, partitions)| (name.to_owned(), partitions)));
}

#[test]
fn a_larger_orders_topic_decides_about_state_topics() {
    let wanted = wanted(&Topics::named("shop"), &PLAN, &present(&[("orders", 24), ("shop.trend.state", 12)]));
    let state = wanted.iter().find(|w| w.topic == "shop.trend.state").unwrap();
    assert_eq!(state.resize(12).unwrap().to_string(), "grow shop.trend.state: 12 to 24 partitions");
}

#[test]
fn nothing_shrinks() {
    let wanted = wanted(&Topics::named("shop"), &PLAN, &present(&[("orders", 24)]));
    let orders = wanted.iter().find(|w| w.topic == "orders").unwrap();
    assert_eq!(orders.resize(24), Some(Change::Keep { topic: "orders".to_owned(), has: 24, wanted: 12 }));
}

#[test]
fn growing_orders_says_what_it_does_to_velocity() {
    let wanted = wanted(&Topics::named("shop"), &PLAN, &present(&[("orders", 3)]));
    let orders = wanted.iter().find(|w| w.topic == "orders").unwrap();
    assert!(orders.resize(3).unwrap().to_string().contains("velocity"));
}

#[test]
fn only_this_pipelines_stages_have_state_topics() {
    let topics = Topics::named("shop");
    assert!(is_state_topic(&topics, "shop.revenue.state"));
    assert!(is_state_topic(&topics, "shop.revenue-fraud-trend.state"));
    for other in [
        "shop.state",
        "shop.a.revenue.state",
        "shopper.revenue.state",
        "shop.revenue.state.old",
        "shop.x.state",
    ] {
        assert!(!is_state_topic(&topics, other), "{other}");
    }
}

#[test]
fn settings_that_already_stand_are_left_alone() {
    let wanted = wanted(&Topics::named("shop"), &PLAN, &present(&[("orders", 3)]));
    let settings = wanted.iter().find(|w| w.topic == "shop.settings").unwrap();
    let own = |entries: &[(&str, &str)]| -> Vec<_> {
        entries.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    assert_eq!(settings.configure(&own(SETTINGS_CONFIG)), None);
    let change =
        settings.configure(&own(&[("cleanup.policy", "delete"), ("min.cleanable.dirty.ratio", "0.1")]));
    let expected = Change::Configure {
        topic: "shop.settings".to_owned(),
        config: own(&[("cleanup.policy", "compact")]),
    };
    assert_eq!(change, Some(expected));
}

#[test]
fn three_copies_must_reach_two_brokers() {
    for wanted in wanted(&Topics::named("shop"), &PLAN, &present(&[])) {
        let Change::Create { topic, config, .. } = wanted.create() else { panic!("{wanted:?}") };
        assert!(config.contains(&("min.insync.replicas".to_owned(), "2".to_owned())), "{topic}: {config:?}");
    }
    assert_eq!(min_insync(Some(1)), None);
    assert_eq!(min_insync(None), None);
}
