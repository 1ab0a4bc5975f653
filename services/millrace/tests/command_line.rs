//! How the program answers right and wrong usage.

#[path = "support/program.rs"]
mod program;

use program::{Ended, Program, free_port, get_json, until};
use rdkafka::mocking::MockCluster;

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    Program::start(arguments, environment).end()
}

/// Ends with this code and says these words.
fn refused(code: i32, arguments: &[&str], environment: &[(&str, &str)], words: &[&str]) {
    let ended = run(arguments, environment);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
    for word in words {
        assert!(ended.stderr.contains(word), "{arguments:?}: {word:?} is not in {}", ended.stderr);
    }
}

#[test]
fn help_and_version_are_no_failure() {
    let help = run(&["help", "process"], &[]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("Examples:") && help.stdout.contains("KAFKA_BROKERS"), "{}", help.stdout);
    let version = run(&["--version"], &[]);
    assert_eq!(
        (version.code, version.stdout),
        (Some(0), format!("millrace {}\n", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn wrong_usage_ends_with_2_and_names_the_option() {
    refused(2, &[], &[], &["Usage:"]);
    refused(2, &["process"], &[], &["PROCESSOR"]);
    refused(2, &["process", "sales"], &[], &["sales", "revenue, fraud, trend"]);
    refused(2, &["views", "--intervall", "1s"], &[], &["--intervall"]);
    refused(2, &["views", "--interval", "1ms"], &[], &["--interval"]);
    refused(2, &["demo", "--rate", "5000"], &[], &["--rate", "200"]);
    refused(2, &["simulate", "--brokers", "nowhere"], &[], &["--brokers", "host:port"]);
    refused(2, &["simulate"], &[("KAFKA_BROKERS", "nowhere")], &["--brokers", "host:port"]);
    refused(2, &["settings", "set", "-f", "/does/not/exist"], &[], &["/does/not/exist", "--file"]);
    refused(2, &["state", "reset", "revenue"], &[], &["--confirm"]);
    refused(2, &["state", "reset", "revenue", "--confirm", "ship"], &[], &["ship", "shop", "--pipeline"]);
}

#[test]
fn a_property_that_librdkafka_does_not_know_is_named() {
    let named = ["sasl.pasword", "--kafka-property"];
    refused(2, &["simulate", "--kafka-property", "sasl.pasword=x"], &[], &named);
    refused(2, &["process", "revenue"], &[("KAFKA_PROPERTIES", "# tuning\nsasl.pasword=x\n")], &named);
}

#[test]
fn a_taken_port_names_the_option() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(2, &["simulate", "--admin-listen", &address], &[], &["--admin-listen", &address]);
    let free = ["--admin-listen", "127.0.0.1:0"];
    refused(2, &["dashboard", "--listen", &address, free[0], free[1]], &[], &["--listen", &address]);
}

#[test]
fn traces_that_cannot_be_sent_name_the_variable() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
    let run = ["simulate", "--admin-listen", "127.0.0.1:0"];
    for (name, value, words) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/does/not/exist", "/does/not/exist"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not a url", "not a url"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "zipkin"),
    ] {
        refused(2, &run, &[endpoint, (name, value)], &[name, words]);
    }
}

#[test]
fn a_command_without_a_broker_ends_with_1_and_names_the_option() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let words = [nobody.as_str(), "--brokers / KAFKA_BROKERS", "refused"];
    refused(1, &["topics", "describe", "--brokers", &nobody], &[], &words);
    refused(1, &["settings", "get"], &[("KAFKA_BROKERS", &nobody)], &words);
}

#[test]
fn a_service_without_a_broker_waits_says_so_and_drains() {
    let (nobody, admin) = (format!("127.0.0.1:{}", free_port()), free_port());
    let admin_listen = format!("127.0.0.1:{admin}");
    for service in
        [&["simulate"][..], &["process", "revenue"], &["views"], &["dashboard", "--listen", "127.0.0.1:0"]]
    {
        let common =
            ["--brokers", &nobody, "--admin-listen", &admin_listen, "--redis-url", "redis://127.0.0.1:1"];
        let common = if matches!(service[0], "views" | "dashboard") { &common[..] } else { &common[..4] };
        let mut running = Program::start(&[service, common].concat(), &[]);
        until("it says what is missing", || {
            Some(get_json(admin, "/readyz")?.to_string().contains("--brokers / KAFKA_BROKERS"))
        });
        let ended = running.signal("TERM").end();
        assert_eq!(ended.code, Some(0), "{service:?}: {}", ended.stderr);
    }
}

#[test]
fn a_second_ctrl_c_does_not_wait_for_the_drain() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("orders", 1, 1).unwrap();
    let admin = free_port();
    let (brokers, admin_listen) = (cluster.bootstrap_servers(), format!("127.0.0.1:{admin}"));
    let arguments = ["simulate", "--rate", "200", "--brokers", &brokers, "--admin-listen", &admin_listen];
    let mut shop = Program::start(&arguments, &[]);
    until("it sends", || Some(get_json(admin, "/readyz")?.as_array()?.is_empty()));
    std::thread::sleep(std::time::Duration::from_millis(500));
    // what is sent from now on cannot be delivered
    drop(cluster);
    std::thread::sleep(std::time::Duration::from_millis(500));
    shop.signal("INT");
    until("it drains", || Some(std::net::TcpStream::connect(("127.0.0.1", admin)).is_ok()));
    std::thread::sleep(std::time::Duration::from_millis(500));
    let ended = shop.signal("INT").end();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("second Ctrl-C"), "{}", ended.stderr);
}
