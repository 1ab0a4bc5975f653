//! Strings: borrowed as they stand, or unescaped into the scratch buffer.

use super::{Cursor, Rejection, Span, plain_run};

impl Cursor<'_, '_> {
    /// Reads a string whose opening quote has been read.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Span, Rejection> {
        let start = self.at;
        self.at += plain_run(self.rest());
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(Span::new(start, self.at - 1))
            }
            Some(b'\\') => self.escaped_string(start),
            Some(_) => Err(Rejection::RawControlCharacter),
            None => Err(Rejection::Incomplete),
        }
    }

    /// Reads on at the first escape of a string whose content begins at `start`.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<Span, Rejection> {
        let text = self.text;
        let unescaped_start = text.len() + self.scratch.unescaped.len();
        self.scratch.unescaped.push_str(&text[start..self.at]);
        loop {
            match self.peek() {
                Some(b'\\') => {
                    let character = self.escape()?;
                    self.scratch.unescaped.push(character);
                }
                Some(b'"') => break,
                Some(_) => return Err(Rejection::RawControlCharacter),
                None => return Err(Rejection::Incomplete),
            }
            let plain = &text[self.at..self.at + plain_run(self.rest())];
            self.scratch.unescaped.push_str(plain);
            self.at += plain.len();
        }
        self.at += 1;
        Ok(Span::new(unescaped_start, text.len() + self.scratch.unescaped.len()))
    }

    /// Reads an escape, beginning with its backslash.
    fn escape(&mut self) -> Result<char, Rejection> {
        self.at += 1;
        let kind = self.peek().ok_or(Rejection::Incomplete)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' => Ok(char::from(kind)),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => self.unicode_escape(),
            _ => Err(Rejection::MalformedEscape),
        }
    }

    /// Reads the digits of a `\u` escape and, after the first half of a surrogate pair, the second.
    fn unicode_escape(&mut self) -> Result<char, Rejection> {
        let unit = self.four_hex_digits()?;
        let code_point = match unit {
            0xd800..=0xdbff => {
                let low = self.low_surrogate()?;
                0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)
            }
            _ => unit,
        };
        char::from_u32(code_point).ok_or(Rejection::LoneSurrogate)
    }

    fn low_surrogate(&mut self) -> Result<u32, Rejection> {
        for expected in *b"\\u" {
            self.peek().ok_or(Rejection::Incomplete)?;
            if !self.take(expected) {
                return Err(Rejection::LoneSurrogate);
            }
        }
        match self.four_hex_digits()? {
            low @ 0xdc00..=0xdfff => Ok(low),
            _ => Err(Rejection::LoneSurrogate),
        }
    }

    fn four_hex_digits(&mut self) -> Result<u32, Rejection> {
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or(Rejection::Incomplete)?;
            let digit = char::from(byte).to_digit(16).ok_or(Rejection::MalformedEscape)?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }
}
