//! What holds for the definition as a whole.

use contract::Settings;
use contract::settings::{FraudSettings, SimulatorSettings};
use serde_json::{Value, json};

use super::schema;
use crate::api::definition_yaml;

/// Calls `visit` with the path and schema of everything below `schema`.
fn each(path: &str, schema: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        each(&format!("{path}.{name}"), property, visit);
    }
    for (key, inner) in [("items", "[]"), ("additionalProperties", "[]")] {
        if let Some(schema) = schema.get(key) {
            each(&format!("{path}{inner}"), schema, visit);
        }
    }
}

#[test]
fn the_committed_definition_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/helm/millrace/files/crd.yaml");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == definition_yaml().unwrap(),
        "deploy/helm/millrace/files/crd.yaml is not what the types say: run `make generate`"
    );
}

/// By these limits the API server bounds what a rule may cost; it refuses definitions with rules that may cost too much.
#[test]
fn everything_in_the_spec_has_a_greatest_length() {
    let mut unbounded = Vec::new();
    each("spec", &schema()["properties"]["spec"], &mut |path, schema| {
        let of_text = schema["type"] == "string" || schema["x-kubernetes-int-or-string"] == true;
        let text = of_text && schema.get("enum").is_none() && schema.get("maxLength").is_none();
        let list = schema["type"] == "array" && schema.get("maxItems").is_none();
        let map = schema.get("additionalProperties").is_some() && schema.get("maxProperties").is_none();
        let number = schema["type"] == "integer"
            && (schema.get("minimum").is_none() || schema.get("maximum").is_none());
        if text || list || map || number {
            unbounded.push(path.to_owned());
        }
    });
    assert_eq!(unbounded, Vec::<String>::new());
}

#[test]
fn every_field_is_described() {
    let mut silent = Vec::new();
    each("", &schema(), &mut |path, schema| {
        let of_kubernetes = path.starts_with(".status.conditions[]");
        let entry = path.ends_with("[]");
        if !of_kubernetes && !entry && schema["description"].as_str().is_none_or(str::is_empty) {
            silent.push(path.to_owned());
        }
    });
    assert_eq!(silent, Vec::<String>::new());
}

/// `kubectl explain` shows the description alone.
#[test]
fn descriptions_say_the_defaults_and_limits_that_hold() {
    let mut wrong = Vec::new();
    each("spec", &schema()["properties"]["spec"], &mut |path, schema| {
        let description = schema["description"].as_str().unwrap_or_default().replace('`', "");
        let says = |text: &str| description.contains(text);
        let of_topic = path.starts_with("spec.topics.")
            && matches!(path.rsplit('.').next(), Some("name" | "partitions"));
        let default =
            schema.get("default").filter(|default| !default.is_object()).map(|default| match default {
                Value::String(text) => format!("Default: {text}"),
                other => format!("Default: {other}"),
            });
        if default.is_some_and(|default| !of_topic && !says(&default)) {
            wrong.push(format!("{path}: default"));
        }
        if let Some(most) = schema["maxLength"].as_u64().filter(|most| *most > 20) {
            let grouped = if most >= 1_000 {
                format!("{},{:03}", most / 1_000, most % 1_000)
            } else {
                most.to_string()
            };
            let of_map = path.ends_with("[]");
            if !of_map && !says(&format!("At most {grouped}")) {
                wrong.push(format!("{path}: length"));
            }
        }
        let limit = |limit: &str| schema[limit].as_f64().map(|limit| format!("{limit}"));
        if let (Some(least), Some(most)) = (limit("minimum"), limit("maximum")) {
            let plain = description.replace(',', "");
            let by_other_field = path.contains(".scaling.");
            if !by_other_field && !plain.contains(&format!("{least} to {most}")) {
                wrong.push(format!("{path}: range"));
            }
        }
    });
    assert_eq!(wrong, Vec::<String>::new());
}

/// Sets one of the live settings.
type Setter = fn(&mut Settings, u64);

const LIVE: &[(&str, Setter)] = &[
    ("processors/fraud/thresholds/highValue", |s, v| s.fraud.high_value = v),
    ("processors/fraud/thresholds/ordersPerMinute", |s, v| s.fraud.orders_per_minute = narrow(v)),
    ("processors/trend/topK", |s, v| s.trend_top_k = narrow(v)),
    ("simulator/ordersPerSecond", |s, v| s.simulator.orders_per_second = narrow(v)),
    ("simulator/suspiciousPercent", |s, v| s.simulator.suspicious_percent = narrow(v)),
];

/// The same in a narrower type, which it fits.
fn narrow<T: TryFrom<u64>>(value: u64) -> T {
    T::try_from(value).ok().unwrap()
}

/// What admission accepts the settings topic takes, and the other way round.
#[test]
fn live_settings_have_the_limits_and_defaults_of_the_contract() {
    let schema = schema();
    let valid = |set: Setter, value| {
        let mut settings = Settings::default();
        set(&mut settings, value);
        settings.validate().is_ok()
    };
    for (path, set) in LIVE {
        let pointer = format!("/properties/spec/properties/{}", path.replace('/', "/properties/"));
        let field = schema.pointer(&pointer).unwrap_or_else(|| panic!("no {path}"));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are small whole numbers"
        )]
        let limit = |limit: &str| field[limit].as_f64().unwrap() as u64;
        let (least, most) = (limit("minimum"), limit("maximum"));
        assert!(valid(*set, least) && valid(*set, most), "{path}: the contract refuses a limit");
        assert!(!valid(*set, most + 1), "{path}: the contract takes more");
        assert!(least == 0 || !valid(*set, least - 1), "{path}: the contract takes less");
        let mut settings = Settings::default();
        set(&mut settings, field["default"].as_u64().unwrap());
        assert_eq!(settings, Settings::default(), "{path}: default");
    }
    let Settings { generation: _, fraud, commit_interval_ms, view_interval_ms, trend_top_k: _, simulator } =
        Settings::default();
    // Were a setting added to the contract, this would not compile until it is looked at here.
    let FraudSettings { high_value: _, orders_per_minute: _ } = fraud;
    let SimulatorSettings { orders_per_second: _, suspicious_percent: _ } = simulator;
    let spec = &schema["properties"]["spec"]["properties"];
    for (field, millis) in [
        (&spec["kafka"]["properties"]["commitInterval"], commit_interval_ms),
        (&spec["views"]["properties"]["interval"], view_interval_ms),
    ] {
        assert_eq!(field["default"], json!(format!("{millis}ms")));
    }
}
