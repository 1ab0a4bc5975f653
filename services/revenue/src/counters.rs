//! Counters as state records: a key and a decimal integer.

use std::fmt::{Display, Write};

use contract::StateWriter;

/// Writes counters, reusing its buffers from one to the next.
pub(crate) struct CounterWriter<'a> {
    state: &'a mut dyn StateWriter,
    key: String,
    value: String,
}

impl<'a> CounterWriter<'a> {
    pub(crate) fn new(state: &'a mut dyn StateWriter) -> Self {
        Self { state, key: String::new(), value: String::new() }
    }

    /// Puts the counter `prefix` + `name`.
    pub(crate) fn put(&mut self, prefix: &str, name: impl Display, sum: i128) {
        self.set_key(prefix, name);
        self.value.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.value, "{sum}");
        self.state.put(&self.key, self.value.as_bytes());
    }

    /// Deletes the counter `prefix` + `name`.
    pub(crate) fn delete(&mut self, prefix: &str, name: impl Display) {
        self.set_key(prefix, name);
        self.state.delete(&self.key);
    }

    fn set_key(&mut self, prefix: &str, name: impl Display) {
        self.key.clear();
        self.key.push_str(prefix);
        let _ = write!(self.key, "{name}");
    }
}

/// Reads a counter's value: a decimal integer as `Display` writes one that is not negative.
pub(crate) fn parse(value: &[u8]) -> Option<i128> {
    let canonical = value == b"0" || (value.iter().all(u8::is_ascii_digit) && !value.starts_with(b"0"));
    std::str::from_utf8(value).ok().filter(|_| canonical)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_only_what_is_written() {
        assert_eq!(parse(b"0"), Some(0));
        assert_eq!(parse(b"9007199254740991000"), Some(9_007_199_254_740_991_000));
        assert_eq!(parse(i128::MAX.to_string().as_bytes()), Some(i128::MAX));
        for bad in [
            "",
            "00",
            "01",
            "-1",
            "+1",
            "1 ",
            "1.0",
            "1e3",
            "x",
            "999999999999999999999999999999999999999999",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse(b"1\xff"), None);
    }
}
