//! Numbers: their grammar, and the value of those that are integers.

use super::{Cursor, Number, Rejection};

impl Cursor<'_, '_> {
    /// Reads a number; its first byte is a minus sign or a digit.
    pub(super) fn number(&mut self) -> Result<Number, Rejection> {
        let negative = self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let first_digit = self.at;
        let integer = self.digits()?;
        if leading_zero && self.at > first_digit + 1 {
            return Err(Rejection::MalformedNumber);
        }
        if self.fraction_or_exponent()? || (negative && integer == 0) {
            return Ok(Number::Other);
        }
        Ok(if negative { Number::NegativeInteger } else { Number::Integer(integer) })
    }

    /// Reads one or more digits; the value stays at the largest when it is larger.
    fn digits(&mut self) -> Result<u64, Rejection> {
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            value = value.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > start => Ok(value),
            Some(_) => Err(Rejection::MalformedNumber),
            None => Err(Rejection::Incomplete),
        }
    }

    /// Reads what may follow a number's integer part, and says whether anything did.
    fn fraction_or_exponent(&mut self) -> Result<bool, Rejection> {
        let fraction = self.take(b'.');
        if fraction {
            self.digits()?;
        }
        let exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if !self.take(b'-') {
                self.take(b'+');
            }
            self.digits()?;
        }
        Ok(fraction || exponent)
    }
}
