//! The parser of orders.

use super::cursor::{Cursor, LONGEST_VALUE, Scratch, Value};
use super::fields::{JsonFields, Key};
use super::{Order, Rejection};
use crate::Timestamp;

/// How deep objects and arrays of unknown fields may be nested; the order itself is the first level.
pub const DEEPEST_NESTING: usize = 64;
/// How many fields an order may have, unknown ones included.
pub const MOST_FIELDS: usize = 64;

/// Parses orders; owns the buffers that unescaping needs, so that parsing allocates nothing per order.
#[derive(Debug, Default)]
pub struct OrderParser {
    scratch: Scratch,
}

impl OrderParser {
    /// Parses the value of one record of the orders topic. `record_time` is the record's Kafka timestamp.
    /// Pass an empty slice for a record whose value is null.
    ///
    /// What is an order is said in the [module's documentation](super). Keys that come twice are refused
    /// after unescaping, inside unknown objects too.
    ///
    /// # Errors
    /// When the value is not a valid order.
    pub fn parse<'a>(&'a mut self, value: &'a [u8], record_time: Timestamp) -> Result<Order<'a>, Rejection> {
        let text = text_of(value)?;
        self.scratch.clear();
        let mut fields = JsonFields::default();
        read_object(Cursor::new(text, &mut self.scratch), &mut fields)?;
        Order::checked(fields.typed(text, &self.scratch)?, record_time)
    }
}

fn text_of(value: &[u8]) -> Result<&str, Rejection> {
    if value.is_empty() {
        return Err(Rejection::EmptyValue);
    }
    if value.len() > LONGEST_VALUE {
        return Err(Rejection::MalformedJson);
    }
    let text = std::str::from_utf8(value).map_err(|_| Rejection::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(Rejection::ByteOrderMark);
    }
    Ok(text)
}

/// Reads one object and nothing else.
fn read_object(mut cursor: Cursor<'_, '_>, fields: &mut JsonFields) -> Result<(), Rejection> {
    cursor.skip_whitespace();
    if !cursor.take(b'{') {
        return Err(Rejection::NotAnObject);
    }
    let mut count = 0;
    let mut more = cursor.has_first_member(b'}')?;
    while more {
        count += 1;
        if count > MOST_FIELDS {
            return Err(Rejection::TooManyFields);
        }
        read_field(&mut cursor, fields)?;
        more = cursor.has_next_member(b'}')?;
    }
    cursor.require_distinct_keys(0)?;
    if cursor.is_at_end() { Ok(()) } else { Err(Rejection::TrailingData) }
}

#[inline]
fn read_field(cursor: &mut Cursor<'_, '_>, fields: &mut JsonFields) -> Result<(), Rejection> {
    match fields.read_key(cursor)? {
        Key::Known(field) => match fields.value_of(field) {
            value @ Value::Absent => cursor.value(1, value),
            _ => Err(Rejection::DuplicateKey),
        },
        Key::Unknown(key) => {
            cursor.remember_key(key);
            cursor.value(1, &mut Value::Absent)
        }
    }
}

#[cfg(test)]
mod tests;
