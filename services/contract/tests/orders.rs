//! Runs the orders of the data files (see `README.md` beside them) through the parser.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use contract::{Order, OrderParser, Rejection, Timestamp};
use serde::Deserialize;

/// 2024-05-01T08:30:00Z, the earliest time that a case without its own must hold at.
const RECORD_TIME_MS: i64 = 1_714_552_200_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BadOrder {
    name: String,
    value: Option<String>,
    value_base64: Option<String>,
    record_time: Option<i64>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UnusualOrder {
    name: String,
    value: String,
    record_time: Option<i64>,
    order: Fields,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    order_id: String,
    user_id: String,
    product: String,
    quantity: u64,
    unit_price: Option<u64>,
    total: u64,
    city: String,
    timestamp: String,
    is_suspicious: bool,
}

impl BadOrder {
    fn bytes(&self) -> Vec<u8> {
        match (&self.value, &self.value_base64) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(base64)) => from_base64(base64),
            _ => panic!("{}: one of value and valueBase64", self.name),
        }
    }
}

impl From<Order<'_>> for Fields {
    fn from(order: Order<'_>) -> Self {
        Self {
            order_id: order.order_id.to_owned(),
            user_id: order.user_id.to_owned(),
            product: order.product.to_owned(),
            quantity: order.quantity,
            unit_price: order.unit_price,
            total: order.total,
            city: order.city.to_owned(),
            timestamp: order.timestamp.to_string(),
            is_suspicious: order.is_suspicious,
        }
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*b"+/").collect();
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let six = alphabet.iter().position(|&a| a == symbol).expect("a Base64 digit");
        held = (held << 6 | u32::try_from(six).unwrap()) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap());
        }
    }
    bytes
}

fn bad_orders() -> Vec<BadOrder> {
    serde_json::from_str(include_str!("bad-orders.json")).unwrap()
}

fn unusual_orders() -> Vec<UnusualOrder> {
    serde_json::from_str(include_str!("unusual-orders.json")).unwrap()
}

fn time(record_time: Option<i64>) -> Timestamp {
    Timestamp(record_time.unwrap_or(RECORD_TIME_MS))
}

#[test]
fn every_bad_order_is_rejected_with_its_reason() {
    let mut parser = OrderParser::default();
    let wrong: Vec<_> = bad_orders()
        .into_iter()
        .filter_map(|case| {
            let value = case.bytes();
            let found = match parser.parse(&value, time(case.record_time)) {
                Ok(order) => format!("{order:?}"),
                Err(rejection) => rejection.code().to_owned(),
            };
            (found != case.reason).then(|| format!("{}: {found}, not {}", case.name, case.reason))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_unusual_order_is_read() {
    let mut parser = OrderParser::default();
    for case in unusual_orders() {
        match parser.parse(case.value.as_bytes(), time(case.record_time)) {
            Ok(order) => assert_eq!(Fields::from(order), case.order, "{}", case.name),
            Err(rejection) => panic!("{}: {}", case.name, rejection.code()),
        }
    }
}

#[test]
fn a_tombstone_has_its_own_reason() {
    let tombstone = OrderParser::default().parse(b"", Timestamp(RECORD_TIME_MS)).map(Fields::from);
    assert_eq!(tombstone, Err(Rejection::EmptyValue));
}

#[test]
fn every_reason_has_a_case_and_every_case_its_own_name() {
    let bad = bad_orders();
    let seen: BTreeSet<_> = bad.iter().map(|case| case.reason.as_str()).collect();
    let all: BTreeSet<_> = Rejection::ALL.iter().map(|rejection| rejection.code()).collect();
    assert_eq!(seen, all);

    let names: BTreeSet<_> = bad.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), bad.len());
    assert!(bad.len() >= 150, "only {} bad orders", bad.len());

    let unusual = unusual_orders();
    let names: BTreeSet<_> = unusual.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), unusual.len());
    assert!(unusual.len() >= 40, "only {} unusual orders", unusual.len());
}
