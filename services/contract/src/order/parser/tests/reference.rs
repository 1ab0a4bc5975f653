//! The same rules once more, slowly, on top of a JSON library: what the parser is compared with.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::generate::OwnedFields;
use crate::Timestamp;
use crate::order::{Order, OrderFields};

const LARGEST: u64 = 9_007_199_254_740_991;

/// The library cannot say: it refuses numbers beyond any double, which JSON allows.
#[derive(Debug, PartialEq, Eq)]
pub struct Undecided;

/// The order, if it is one.
pub fn parse(value: &[u8], record_time: Timestamp) -> Result<Option<OwnedFields>, Undecided> {
    match strict_json(value) {
        Ok(Value::Object(members)) => Ok(order(&members, record_time)),
        Err(error) if error.to_string().contains("number out of range") => Err(Undecided),
        Ok(_) | Err(_) => Ok(None),
    }
}

fn order(members: &Map<String, Value>, record_time: Timestamp) -> Option<OwnedFields> {
    let optional = |key: &str| members.get(key).filter(|value| !value.is_null());
    let fields = OrderFields {
        order_id: text(members.get("orderId")?)?,
        user_id: text(members.get("userId")?)?,
        product: text(members.get("product")?)?,
        quantity: integer(members.get("quantity")?).filter(|quantity| *quantity >= 1)?,
        unit_price: match optional("unitPrice") {
            Some(price) => Some(integer(price)?),
            None => None,
        },
        total: integer(members.get("total")?)?,
        city: text(members.get("city")?)?,
        timestamp: Timestamp::parse_rfc3339(members.get("timestamp")?.as_str()?.as_bytes())
            .filter(|t| t.0 <= record_time.0 + 300_000)?,
        is_suspicious: optional("isSuspicious").map_or(Some(false), Value::as_bool)?,
    };
    let limits_hold = members.len() <= 64;
    // The fields are known to be valid; this only gives them the type of an order.
    limits_hold.then(|| Order::checked(fields, record_time).unwrap().into())
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|s| (1..=200).contains(&s.len()) && !s.chars().any(char::is_control))
}

fn integer(value: &Value) -> Option<u64> {
    value.as_u64().filter(|number| *number <= LARGEST)
}

fn strict_json(value: &[u8]) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(value);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value inside `depth` objects and arrays; refuses duplicate keys and more than 64 levels.
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<usize, E> {
        if self.depth < 64 { Ok(self.depth + 1) } else { Err(E::custom("nested too deeply")) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(Strict { depth })? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict { depth })?;
            if members.insert(key, value).is_some() {
                return Err(de::Error::custom("duplicate key"));
            }
        }
        Ok(Value::Object(members))
    }
}
