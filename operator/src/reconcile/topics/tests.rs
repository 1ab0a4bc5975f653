use super::*;

fn internal() -> Internal {
    Internal { settings: "ns.shop.settings".to_owned(), states: vec!["ns.shop.revenue.state".to_owned()] }
}

fn found(partitions: i32, replication: i32, config: &[(&str, &str)]) -> Found {
    let config = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Found { partitions, replication, config }
}

/// A cluster that has everything as it is by default, on one broker.
fn complete() -> Look {
    let topics = [
        ("ns.shop.settings", found(1, 1, SETTINGS_CONFIG)),
        ("ns.shop.revenue.state", found(3, 1, STATE_CONFIG)),
        ("orders", found(3, 1, &[])),
        ("metrics", found(1, 1, &[])),
        ("alerts", found(1, 1, &[])),
        ("orders.dead-letter", found(1, 1, &[])),
    ];
    Look { brokers: 1, topics: topics.map(|(name, found)| (name.to_owned(), found)).into() }
}

fn told(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_cluster_gets_everything_state_before_orders() {
    let made = changes(&TopicsSpec::default(), &internal(), &Look { brokers: 5, ..Look::default() });
    let expected = [
        "create ns.shop.settings: 1 partitions, 3 copies",
        "create ns.shop.revenue.state: 3 partitions, 3 copies",
        "create orders: 3 partitions, 3 copies",
        "create metrics: 1 partitions, 3 copies",
        "create alerts: 1 partitions, 3 copies",
        "create orders.dead-letter: 1 partitions, 3 copies",
    ];
    assert_eq!(told(&made), expected);
    let Change::Create { config, .. } = &made[2] else { panic!("{:?}", made[2]) };
    let expected = [("cleanup.policy", "delete"), ("min.insync.replicas", "2")];
    assert_eq!(*config, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_complete_cluster_needs_nothing() {
    assert_eq!(changes(&TopicsSpec::default(), &internal(), &complete()), []);
    assert_eq!(troubles(&TopicsSpec::default(), &complete()), []);
}

#[test]
fn a_small_cluster_gets_as_many_copies_as_it_has_brokers_and_the_status_says_so() {
    let one = Look { brokers: 1, ..Look::default() };
    assert_eq!(
        told(&changes(&TopicsSpec::default(), &internal(), &one))[2],
        "create orders: 3 partitions, 1 copies"
    );
    assert_eq!(status(&TopicsSpec::default(), &complete())[0].drift, [""; 0]);
    let mut three = TopicsSpec::default();
    three.orders.replication_factor = Some(3);
    assert_eq!(status(&three, &complete())[0].drift, ["it has 1 copies instead of 3: there are 1 brokers"]);
    let larger = Look { brokers: 5, ..complete() };
    let drift = &status(&TopicsSpec::default(), &larger)[0].drift;
    assert_eq!(*drift, ["it has 1 copies instead of 3; reassign its partitions with Kafka's tools"]);
}

#[test]
fn states_grow_before_orders() {
    let mut spec = TopicsSpec::default();
    spec.orders.partitions = 6;
    let made = told(&changes(&spec, &internal(), &complete()));
    assert_eq!(made[0], "grow ns.shop.revenue.state: 3 to 6 partitions");
    assert!(made[1].starts_with("grow orders: 3 to 6 partitions (users move"), "{made:?}");
    assert_eq!(made.len(), 2);
}

#[test]
fn a_larger_orders_topic_is_adopted_and_its_states_get_as_many() {
    let mut look = complete();
    look.topics.get_mut("orders").unwrap().partitions = 8;
    let made = told(&changes(&TopicsSpec::default(), &internal(), &look));
    assert_eq!(made, ["grow ns.shop.revenue.state: 3 to 8 partitions"]);
    let drift = &status(&TopicsSpec::default(), &look)[0].drift;
    assert_eq!(*drift, ["it has 8 partitions instead of 3; Kafka cannot take any away"]);
}

#[test]
fn only_settings_that_are_named_and_differ_are_set() {
    let mut spec = TopicsSpec::default();
    spec.alerts.config = [("retention.ms".to_owned(), "1000".to_owned())].into();
    let mut look = complete();
    look.topics.get_mut("alerts").unwrap().config = [("segment.ms".to_owned(), "5".to_owned())].into();
    assert_eq!(told(&changes(&spec, &internal(), &look)), ["configure alerts: retention.ms=1000"]);
    look.topics.get_mut("alerts").unwrap().config.insert("retention.ms".to_owned(), "1000".to_owned());
    assert_eq!(changes(&spec, &internal(), &look), []);
}

#[test]
fn somebody_elses_topics_are_only_compared() {
    let mut spec = TopicsSpec::default();
    for topic in [&mut spec.orders, &mut spec.alerts] {
        topic.management = TopicManagement::External;
        topic.partitions = 6;
        topic.config = [("retention.ms".to_owned(), "1000".to_owned())].into();
    }
    let mut look = complete();
    look.topics.remove("alerts");
    assert_eq!(changes(&spec, &internal(), &look), []);
    assert_eq!(troubles(&spec, &look), [Trouble::Missing { topic: "alerts".to_owned(), partitions: 6 }]);
    let status = status(&spec, &look);
    assert_eq!(
        status[0].drift,
        [
            "it has 3 partitions instead of 6; whoever manages it must add them",
            "retention.ms is the broker's default instead of 1000",
        ]
    );
    assert_eq!(status[2].drift, ["it does not exist"]);
}

#[test]
fn states_wait_for_orders_that_somebody_else_makes() {
    let mut spec = TopicsSpec::default();
    spec.orders.management = TopicManagement::External;
    let made = told(&changes(&spec, &internal(), &Look { brokers: 1, ..Look::default() }));
    assert!(
        made.iter().all(|change| !change.contains("state") && !change.contains("create orders:")),
        "{made:?}"
    );
    assert_eq!(made.len(), 4);
}

#[test]
fn compacted_orders_are_refused() {
    let mut look = complete();
    look.topics.insert("orders".to_owned(), found(3, 1, &[("cleanup.policy", "compact,delete")]));
    assert_eq!(troubles(&TopicsSpec::default(), &look), [Trouble::Compacted { topic: "orders".to_owned() }]);
}
