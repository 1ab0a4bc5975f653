//! Orders as any client might write them, and what damage may come to them.

use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::Timestamp;
use crate::order::{Order, OrderFields};

/// The fields of an order, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFields {
    texts: [String; 4],
    quantity: u64,
    unit_price: Option<u64>,
    total: u64,
    timestamp: Timestamp,
    is_suspicious: bool,
}

impl From<Order<'_>> for OwnedFields {
    fn from(order: Order<'_>) -> Self {
        Self {
            texts: [order.order_id, order.user_id, order.product, order.city].map(ToOwned::to_owned),
            quantity: order.quantity,
            unit_price: order.unit_price,
            total: order.total,
            timestamp: order.timestamp,
            is_suspicious: order.is_suspicious,
        }
    }
}

impl OwnedFields {
    pub fn borrowed(&self) -> OrderFields<'_> {
        let [order_id, user_id, product, city] = &self.texts;
        OrderFields {
            order_id,
            user_id,
            product,
            quantity: self.quantity,
            unit_price: self.unit_price,
            total: self.total,
            city,
            timestamp: self.timestamp,
            is_suspicious: self.is_suspicious,
        }
    }

    /// Keys and values as JSON, in the order in which the project writes them.
    pub fn members(&self, style: &Style) -> Vec<(String, String)> {
        let [order_id, user_id, product, city] = &self.texts;
        let null_for_absent = style.at(3) % 2 == 1;
        let mut members = vec![
            ("orderId", style.string(order_id)),
            ("userId", style.string(user_id)),
            ("product", style.string(product)),
            ("quantity", self.quantity.to_string()),
        ];
        match self.unit_price {
            Some(price) => members.push(("unitPrice", price.to_string())),
            None if null_for_absent => members.push(("unitPrice", "null".to_owned())),
            None => (),
        }
        members.extend([
            ("total", self.total.to_string()),
            ("city", style.string(city)),
            ("timestamp", style.string(&self.timestamp.to_string())),
        ]);
        let may_be_null = null_for_absent && !self.is_suspicious;
        let is_suspicious = if may_be_null { "null".to_owned() } else { self.is_suspicious.to_string() };
        members.push(("isSuspicious", is_suspicious));
        members.into_iter().map(|(key, value)| (style.string(key), value)).collect()
    }
}

/// How a client writes JSON: each number decides about one character or one gap, in turn.
#[derive(Clone, Debug)]
pub struct Style(Vec<u8>);

pub fn style() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::plain()), vec(0_u8..8, 1..20).prop_map(Style)]
}

impl Style {
    /// No whitespace and only the escapes that must be.
    pub fn plain() -> Self {
        Self(vec![0])
    }

    fn at(&self, place: usize) -> u8 {
        self.0[place % self.0.len()]
    }

    fn gap(&self, place: usize) -> &'static str {
        ["", "", "", "", " ", "\n", "\t \r\n", "    "][usize::from(self.at(place))]
    }

    /// `text` as a JSON string.
    pub fn string(&self, text: &str) -> String {
        let mut out = String::from("\"");
        for (place, c) in text.chars().enumerate() {
            match (self.at(place), c) {
                (6, _) => escape_units(&mut out, c, false),
                (7, _) => escape_units(&mut out, c, true),
                (5, '/') => out.push_str("\\/"),
                (_, '"' | '\\') => out.extend(['\\', c]),
                (_, '\0'..='\x1f') => escape_units(&mut out, c, false),
                _ => out.push(c),
            }
        }
        out + "\""
    }
}

fn escape_units(out: &mut String, c: char, upper: bool) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        if upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") }.unwrap();
    }
}

/// The members as one object.
pub fn render(members: &[(String, String)], style: &Style) -> Vec<u8> {
    let mut out = format!("{}{{{}", style.gap(1), style.gap(2));
    for (i, (key, value)) in members.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let gap = |place| style.gap(4 * i + place);
        write!(out, "{comma}{}{key}{}:{}{value}{}", gap(3), gap(4), gap(5), gap(6)).unwrap();
    }
    write!(out, "}}{}", style.gap(7)).unwrap();
    out.into_bytes()
}

/// A name of an order: 1 to 200 bytes, no control character.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9-]{1,20}",
        3 => "\\PC{1,20}",
        2 => "[\"\\\\/ a😀ộ]{1,12}",
        1 => "[a-z]{190,200}",
    ]
    .prop_filter("length and control characters", |name| {
        name.len() <= 200 && !name.chars().any(char::is_control)
    })
}

fn integer(least: u64) -> impl Strategy<Value = u64> {
    prop_oneof![least..10, least..200_000_000, least..(1 << 53), Just((1 << 53) - 1)]
}

pub fn any_fields() -> impl Strategy<Value = OwnedFields> {
    (
        [name(), name(), name(), name()],
        integer(1),
        proptest::option::of(integer(0)),
        integer(0),
        0..=Timestamp::LATEST.0,
        any::<bool>(),
    )
        .prop_map(|(texts, quantity, unit_price, total, ms, is_suspicious)| OwnedFields {
            texts,
            quantity,
            unit_price,
            total,
            timestamp: Timestamp(ms),
            is_suspicious,
        })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "(?s).{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((".{0,6}", inner), 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Members that no order knows, each with its own key.
pub fn unknown_members() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((".{0,6}", any_json(), any::<bool>()), 0..5).prop_map(|members| {
        let members = members.into_iter().enumerate();
        members
            .map(|(i, (key, value, pretty))| {
                let value = if pretty { format!("{value:#}") } else { value.to_string() };
                (json!(format!("{i}-{key}")).to_string(), value)
            })
            .collect()
    })
}

const VALID: [(&str, &str); 9] = [
    ("orderId", "\"o-1\""),
    ("userId", "\"user-7\""),
    ("product", "\"Laptop\""),
    ("quantity", "1"),
    ("unitPrice", "25000000"),
    ("total", "25000000"),
    ("city", "\"HCM\""),
    ("timestamp", "\"2026-11-22T17:00:00Z\""),
    ("isSuspicious", "true"),
];

/// A valid order, all on one line, with room for more members before the closing brace.
pub fn open_order() -> String {
    let members = VALID.map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}", members.join(","))
}

/// The members of an order, most of the time valid, and sometimes some more.
pub fn any_members() -> impl Strategy<Value = Vec<(String, String)>> {
    let known = VALID.map(|(key, valid)| {
        let value = prop_oneof![20 => Just(valid), 1 => odd_value()];
        proptest::option::weighted(0.97, value.prop_map(move |value| member(key, value)))
    });
    let more = prop_oneof![3 => Just(Vec::new()), 1 => vec(any_member(), 1..3)];
    (known, more).prop_map(|(known, more)| known.into_iter().flatten().chain(more).collect())
}

fn any_member() -> impl Strategy<Value = (String, String)> {
    let key = select(VALID.map(|(key, _)| key).into_iter().chain(["note", ""]).collect::<Vec<_>>());
    (key, odd_value()).prop_map(|(key, value)| member(key, value))
}

fn member(key: &str, value: &str) -> (String, String) {
    (format!("\"{key}\""), value.to_owned())
}

fn odd_value() -> impl Strategy<Value = &'static str> {
    select(vec![
        "null",
        "1",
        "0",
        "-1",
        "-0",
        "1.0",
        "1e3",
        "9007199254740991",
        "9007199254740992",
        "99999999999999999999",
        "\"a\"",
        "\"\"",
        "\"1970-01-01T00:00:00+00:01\"",
        "\"\\u0000\"",
        "[]",
        "{}",
        "true",
        "false",
        "{\"a\":[1,{\"a\":2}]}",
        "{\"a\":1,\"\\u0061\":2}",
    ])
}

/// A scrap of text that JSON is made of, or nearly.
pub fn scrap() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "0", "1", "-", "+", ".", "e", "E", "true", "null",
            "false", "\"a\"", "\"a\":", "\u{c}", "\t", "\\n", "\\u", "d83d", "de00", "\"\\ud83d\\ude00\"", "0123", "\u{feff}", "é",
        ])
        .prop_map(ToOwned::to_owned),
        1 => "-?[0-9.eE+-]{1,6}",
        1 => "\"[\\\\u0-9a-f\"dDeE]{1,8}\"",
    ]
}

/// One kind of damage. Places count modulo the length of the text.
#[derive(Clone, Debug)]
pub enum Mutation {
    FlipBit { at: usize, bit: u8 },
    Replace { at: usize, byte: u8 },
    Insert { at: usize, scrap: Vec<u8> },
    Remove { at: usize, length: usize },
    Repeat { at: usize, length: usize, to: usize },
    CutAfter { at: usize },
}

pub fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>;
    let byte = prop_oneof![any::<u8>(), select(b"\"\\{}[],:0123456789.-+eEtfnu \n\t\x00\x1f\x7f".to_vec())];
    let inserted = prop_oneof![
        scrap().prop_map(String::into_bytes),
        vec(any::<u8>(), 1..3),
        any_member().prop_map(|(key, value)| format!(",{key}:{value}").into_bytes()),
        any_member().prop_map(|(key, value)| format!("{key}:{value},").into_bytes()),
    ];
    prop_oneof![
        (at(), 0_u8..8).prop_map(|(at, bit)| Mutation::FlipBit { at, bit }),
        (at(), byte).prop_map(|(at, byte)| Mutation::Replace { at, byte }),
        (at(), inserted).prop_map(|(at, scrap)| Mutation::Insert { at, scrap }),
        (at(), 1_usize..4).prop_map(|(at, length)| Mutation::Remove { at, length }),
        (at(), 1_usize..40, at()).prop_map(|(at, length, to)| Mutation::Repeat { at, length, to }),
        at().prop_map(|at| Mutation::CutAfter { at }),
    ]
}

impl Mutation {
    pub fn apply(&self, value: &mut Vec<u8>) {
        if value.is_empty() {
            return;
        }
        let length = value.len();
        let range = |at: usize, wanted: usize| at % length..(at % length + wanted).min(length);
        match self {
            Self::FlipBit { at, bit } => value[at % length] ^= 1 << bit,
            Self::Replace { at, byte } => value[at % length] = *byte,
            Self::Insert { at, scrap } => {
                let at = at % (length + 1);
                value.splice(at..at, scrap.iter().copied());
            }
            Self::Remove { at, length } => drop(value.drain(range(*at, *length))),
            Self::Repeat { at, length, to } => {
                let copy = value[range(*at, *length)].to_vec();
                value.splice(range(*to, 0), copy);
            }
            Self::CutAfter { at } => value.truncate(at % length),
        }
    }
}
