use proptest::prelude::*;

use super::{
    Claim, FraudSettings, Owner, Settings, SettingsError, SettingsRecord, SimulatorSettings, claim_key,
};
use crate::ProcessorName;

fn error(json: &str) -> String {
    Settings::from_json(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn what_is_left_out_has_its_default() {
    assert_eq!(Settings::from_json(b"{}"), Ok(Settings::default()));
    assert_eq!(Settings::from_json(br#"{"fraud":{}}"#), Ok(Settings::default()));
    let read = Settings::from_json(br#" {"fraud": {"highValue": 7}, "viewIntervalMs": 250} "#).unwrap();
    let fraud = FraudSettings { high_value: 7, ..FraudSettings::default() };
    assert_eq!(read, Settings { fraud, view_interval_ms: 250, ..Settings::default() });
}

#[test]
fn is_written_with_every_field() {
    assert_eq!(
        Settings::default().to_json(),
        "{\"generation\":0,\"fraud\":{\"highValue\":50000000,\"ordersPerMinute\":10},\
         \"commitIntervalMs\":50,\"viewIntervalMs\":100,\"trendTopK\":10,\
         \"simulator\":{\"ordersPerSecond\":1,\"suspiciousPercent\":5}}"
    );
}

#[test]
fn each_value_has_its_limits() {
    for (path, least, most) in [
        ("fraud.highValue", 0, 9_007_199_254_740_991),
        ("fraud.ordersPerMinute", 1, 1_000_000),
        ("commitIntervalMs", 1, 10_000),
        ("viewIntervalMs", 10, 60_000),
        ("trendTopK", 1, 100),
        ("simulator.ordersPerSecond", 1, 200_000),
        ("simulator.suspiciousPercent", 0, 100),
    ] {
        let read = |value: u64| match path.split_once('.') {
            Some((outer, inner)) => {
                Settings::from_json(format!(r#"{{"{outer}":{{"{inner}":{value}}}}}"#).as_bytes())
            }
            None => Settings::from_json(format!(r#"{{"{path}":{value}}}"#).as_bytes()),
        };
        for value in [least, most] {
            assert!(read(value).is_ok(), "{path} {value}");
        }
        for value in (least.checked_sub(1)).into_iter().chain([most + 1]) {
            assert_eq!(read(value), Err(SettingsError::OutOfRange { path, value, least, most }));
        }
    }
    assert_eq!(error(r#"{"trendTopK":101}"#), "trendTopK is 101; it must be from 1 to 100");
}

#[test]
fn errors_name_the_path() {
    for (json, path, part) in [
        (r#"{"fraud":{"highValue":"7"}}"#, "fraud.highValue", "invalid type: string"),
        (r#"{"fraud":{"highValue":-1}}"#, "fraud.highValue", "-1"),
        (r#"{"fraud":{"highValue":1.5}}"#, "fraud.highValue", "1.5"),
        (r#"{"fraud":{"ordersPerMinute":4294967296}}"#, "fraud.ordersPerMinute", "4294967296"),
        (r#"{"fraud":{"ordersPerHour":5}}"#, "fraud.ordersPerHour", "unknown field `ordersPerHour`"),
        (r#"{"frauds":{}}"#, "frauds", "unknown field `frauds`"),
        (r#"{"fraud":[1,2]}"#, "fraud", "expected an object"),
        (r#"{"fraud":null}"#, "fraud", "expected an object"),
        (r#"{"fraud":{"highValue":1,"highValue":2}}"#, "fraud", "duplicate field"),
        (r#"{"trendTopK":null}"#, "trendTopK", "null"),
        (r"[0,{},50,100,10]", ".", "expected an object"),
        (r"{} {}", ".", "trailing characters"),
        (r#"{"fraud":{}"#, ".", "EOF"),
        ("", ".", "EOF"),
    ] {
        let message = error(json);
        assert!(message.starts_with(&format!("settings cannot be read at {path}: ")), "{json}: {message}");
        assert!(message.contains(part), "{json}: {message}");
    }
}

#[test]
fn same_content_looks_at_everything_but_the_generation() {
    let settings = Settings::default();
    assert!(settings.same_content(&Settings { generation: 9, ..settings.clone() }));
    for json in [
        r#"{"fraud":{"highValue":1}}"#,
        r#"{"fraud":{"ordersPerMinute":1}}"#,
        r#"{"commitIntervalMs":1}"#,
        r#"{"viewIntervalMs":10}"#,
        r#"{"trendTopK":1}"#,
        r#"{"simulator":{"ordersPerSecond":2}}"#,
        r#"{"simulator":{"suspiciousPercent":0}}"#,
    ] {
        assert!(!settings.same_content(&Settings::from_json(json.as_bytes()).unwrap()), "{json}");
    }
}

#[test]
fn records_read_back_and_must_be_whole() {
    let record = SettingsRecord { owner: Owner::Operator, settings: Settings::default() };
    let json = record.to_json();
    assert!(json.starts_with(r#"{"owner":"operator","settings":{"generation":0,"#), "{json}");
    assert_eq!(SettingsRecord::from_json(json.as_bytes()), Ok(record));

    let claim = Claim { stage: "revenue-fraud".to_owned(), start: vec![0, 7], dead_letters: true };
    assert_eq!(claim.to_json(), r#"{"stage":"revenue-fraud","start":[0,7],"deadLetters":true}"#);
    assert_eq!(Claim::from_json(claim.to_json().as_bytes()), Ok(claim));
    assert_eq!(claim_key(ProcessorName::Fraud), "claim/fraud");

    for json in [
        r#"["cli",{}]"#,
        r#"{"owner":"cli","settings":[]}"#,
        r#"{"owner":"nobody","settings":{}}"#,
        r#"{"owner":"cli"}"#,
        r#"{"owner":"cli","owner":"cli","settings":{}}"#,
        r#"{"owner":"cli","settings":{"trendTopK":0}}"#,
    ] {
        assert!(SettingsRecord::from_json(json.as_bytes()).is_err(), "{json}");
    }
    for json in [r#"["revenue"]"#, r"{}", r#"{"stage":1}"#, r#"{"stage":"a","stage":"b"}"#] {
        assert!(Claim::from_json(json.as_bytes()).is_err(), "{json}");
    }
}

/// An older version goes by what it knows; what a person misspelt is an error all the same.
#[test]
fn fields_of_a_newer_version_are_passed_over_in_records_alone() {
    let news = r#"{"trendTopK":5,"fraud":{"highValue":7,"perHour":{"a":[1]}},"colour":"red"}"#;
    let fraud = FraudSettings { high_value: 7, ..FraudSettings::default() };
    let known = Settings { trend_top_k: 5, fraud, ..Settings::default() };
    assert_eq!(Settings::from_record(news.as_bytes()), Ok(known.clone()));
    let record = format!(r#"{{"owner":"cli","settings":{news},"since":"today"}}"#);
    let read = SettingsRecord::from_json(record.as_bytes());
    assert_eq!(read, Ok(SettingsRecord { owner: Owner::Cli, settings: known }));
    let claim = Claim::from_json(br#"{"stage":"a","since":1,"start":[3]}"#);
    assert_eq!(claim, Ok(Claim { stage: "a".to_owned(), start: vec![3], dead_letters: false }));

    let refused = error(r#"{"fraud":{"highvalue":7}}"#);
    assert!(
        refused.contains("fraud.highvalue") && refused.contains("`highValue`, `ordersPerMinute`"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn valid_settings_read_back(
        generation: u64,
        (high_value, orders_per_minute) in (0_u64..(1 << 53), 1_u32..=1_000_000),
        (commit_interval_ms, view_interval_ms) in (1_u64..=10_000, 10_u64..=60_000),
        trend_top_k in 1_usize..=100,
        (orders_per_second, suspicious_percent) in (1_u32..=200_000, 0_u8..=100),
    ) {
        let fraud = FraudSettings { high_value, orders_per_minute };
        let simulator = SimulatorSettings { orders_per_second, suspicious_percent };
        let settings =
            Settings { generation, fraud, commit_interval_ms, view_interval_ms, trend_top_k, simulator };
        prop_assert_eq!(Settings::from_json(settings.to_json().as_bytes()), Ok(settings));
    }
}
