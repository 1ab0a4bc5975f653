//! A strict JSON reader (RFC 8259) over text that is known to be UTF-8.
//!
//! It reads each byte once and allocates only when a string holds escapes or an object holds keys that
//! nobody asked for, and then into buffers that are used again for the next value.

use super::Rejection;
use super::parser::DEEPEST_NESTING;
use crate::json::plain_run;

mod key;
mod number;
mod string;

pub(super) use key::KeyLiteral;

/// Where a string's content stands: places in the JSON text, which [`Scratch::unescaped`] continues.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// A JSON value, as far as an order cares.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Value {
    /// None was read.
    #[default]
    Absent,
    Null,
    Boolean(bool),
    /// Digits alone; [`u64::MAX`] when it is larger than that.
    Integer(u64),
    /// A minus sign and digits, not all zero.
    NegativeInteger,
    /// A number with a fraction or an exponent, or `-0`.
    OtherNumber,
    String(Span),
    ObjectOrArray,
}

/// Buffers that outlive one value.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Strings that held escapes, without them.
    unescaped: String,
    /// Keys of the objects being read, to find those that come twice; inner objects above outer ones.
    keys: Vec<Span>,
}

/// The longest text whose places a [`Span`] can hold, unescaped strings included (they are never longer
/// than the text). Kafka's records end before it.
pub(super) const LONGEST_VALUE: usize = u32::MAX as usize / 2;

impl Span {
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "no text is longer than LONGEST_VALUE")]
    fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }
}

impl Scratch {
    /// Forgets the last value, and gives back memory that only an unusually large one needed.
    pub(super) fn clear(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        self.unescaped.clear();
        self.keys.clear();
        self.unescaped.shrink_to(KEPT_BYTES);
        self.keys.shrink_to(KEPT_BYTES / size_of::<Span>());
    }

    /// How much memory the buffers hold, in bytes.
    #[cfg(test)]
    pub(super) fn bytes_held(&self) -> usize {
        self.unescaped.capacity() + self.keys.capacity() * size_of::<Span>()
    }

    /// The content of a string that was read from `text`.
    #[inline]
    pub(super) fn resolve<'s>(&'s self, span: Span, text: &'s str) -> &'s str {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < text.len() {
            &text[start..end]
        } else {
            &self.unescaped[start - text.len()..end - text.len()]
        }
    }
}

/// A place in a JSON text.
pub(super) struct Cursor<'a, 's> {
    text: &'a str,
    at: usize,
    scratch: &'s mut Scratch,
}

impl<'a, 's> Cursor<'a, 's> {
    pub(super) fn new(text: &'a str, scratch: &'s mut Scratch) -> Self {
        Self { text, at: 0, scratch }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Steps over `byte` if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(super) fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Whether nothing but whitespace is left.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_whitespace();
        self.at == self.text.len()
    }

    /// After an opening bracket: whether a first member follows. Steps over `close` if not.
    pub(super) fn has_first_member(&mut self, close: u8) -> Result<bool, Rejection> {
        self.skip_whitespace();
        self.peek().ok_or(Rejection::Incomplete)?;
        Ok(!self.take(close))
    }

    /// After a member: whether another follows. Steps over the comma, or over `close`.
    #[inline]
    pub(super) fn has_next_member(&mut self, close: u8) -> Result<bool, Rejection> {
        self.skip_whitespace();
        let found = self.peek().ok_or(Rejection::Incomplete)?;
        self.at += 1;
        match found {
            b',' => {
                self.skip_whitespace();
                Ok(true)
            }
            _ if found == close => Ok(false),
            _ => Err(Rejection::MalformedJson),
        }
    }

    /// Reads a key and the colon after it; its value is next.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Span, Rejection> {
        self.demand(b'"')?;
        let key = self.string()?;
        self.skip_whitespace();
        self.demand(b':')?;
        self.skip_whitespace();
        Ok(key)
    }

    #[inline]
    fn demand(&mut self, byte: u8) -> Result<(), Rejection> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(Rejection::MalformedJson),
            None => Err(Rejection::Incomplete),
        }
    }

    /// Reads a value inside `depth` objects and arrays.
    ///
    /// Writes it where it is wanted: returned, it would be moved twice, which takes longer than reading it.
    pub(super) fn value(&mut self, depth: usize, into: &mut Value) -> Result<(), Rejection> {
        match self.peek().ok_or(Rejection::Incomplete)? {
            b'"' => {
                self.at += 1;
                *into = Value::String(self.string()?);
                Ok(())
            }
            b'0'..=b'9' | b'-' => self.number(into),
            b't' => self.literal("true", Value::Boolean(true), into),
            b'f' => self.literal("false", Value::Boolean(false), into),
            b'n' => self.literal("null", Value::Null, into),
            b'{' | b'[' if depth == DEEPEST_NESTING => Err(Rejection::NestedTooDeeply),
            b'{' => {
                *into = Value::ObjectOrArray;
                self.object(depth + 1)
            }
            b'[' => {
                *into = Value::ObjectOrArray;
                self.array(depth + 1)
            }
            b'+' | b'.' => Err(Rejection::MalformedNumber),
            _ => Err(Rejection::MalformedJson),
        }
    }

    #[inline]
    fn literal(&mut self, literal: &str, value: Value, into: &mut Value) -> Result<(), Rejection> {
        let rest = self.rest();
        if rest.starts_with(literal.as_bytes()) {
            self.at += literal.len();
            *into = value;
            Ok(())
        } else if literal.as_bytes().starts_with(rest) {
            Err(Rejection::Incomplete)
        } else {
            Err(Rejection::MalformedJson)
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Rejection> {
        self.at += 1;
        let outer_keys = self.scratch.keys.len();
        let mut more = self.has_first_member(b'}')?;
        while more {
            let key = self.key()?;
            self.remember_key(key);
            self.value(depth, &mut Value::Absent)?;
            more = self.has_next_member(b'}')?;
        }
        self.require_distinct_keys(outer_keys)
    }

    fn array(&mut self, depth: usize) -> Result<(), Rejection> {
        self.at += 1;
        let mut more = self.has_first_member(b']')?;
        while more {
            self.value(depth, &mut Value::Absent)?;
            more = self.has_next_member(b']')?;
        }
        Ok(())
    }

    /// Notes a key of the object being read, for [`require_distinct_keys`](Self::require_distinct_keys).
    pub(super) fn remember_key(&mut self, key: Span) {
        self.scratch.keys.push(key);
    }

    /// At the end of an object: refuses a key that came twice, and forgets the object's keys, which are
    /// those after the first `outer_keys`. Sorting keeps hostile objects with very many keys cheap.
    pub(super) fn require_distinct_keys(&mut self, outer_keys: usize) -> Result<(), Rejection> {
        let mut keys = std::mem::take(&mut self.scratch.keys);
        let of_object = &mut keys[outer_keys..];
        of_object.sort_unstable_by(|a, b| self.resolve(*a).cmp(self.resolve(*b)));
        let twice = of_object.windows(2).any(|pair| self.resolve(pair[0]) == self.resolve(pair[1]));
        keys.truncate(outer_keys);
        self.scratch.keys = keys;
        if twice { Err(Rejection::DuplicateKey) } else { Ok(()) }
    }

    /// The content of a string that this cursor read.
    #[inline]
    pub(super) fn resolve(&self, span: Span) -> &str {
        self.scratch.resolve(span, self.text)
    }
}
