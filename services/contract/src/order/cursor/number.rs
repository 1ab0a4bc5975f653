//! Numbers: their grammar, and the value of those that are integers.

use super::{Cursor, Rejection, Value};

/// With this many digits, no number is too large for `u64`.
const MOST_DIGITS: usize = 19;

impl Cursor<'_, '_> {
    /// Reads a number; its first byte is a minus sign or a digit.
    #[inline]
    pub(super) fn number(&mut self, into: &mut Value) -> Result<(), Rejection> {
        let negative = self.take(b'-');
        let leading_zero = self.peek() == Some(b'0');
        let first_digit = self.at;
        let integer = self.digits()?;
        if leading_zero && self.at > first_digit + 1 {
            return Err(Rejection::MalformedNumber);
        }
        *into = if self.fraction_or_exponent()? || (negative && integer == 0) {
            Value::OtherNumber
        } else if negative {
            Value::NegativeInteger
        } else {
            Value::Integer(integer)
        };
        Ok(())
    }

    /// Reads one or more digits; more than 19 are taken for the largest value.
    #[inline]
    fn digits(&mut self) -> Result<u64, Rejection> {
        let rest = self.rest();
        let (mut length, mut value) = (0, 0_u64);
        while let Some(byte @ b'0'..=b'9') = rest.get(length) {
            // More digits than fit are sorted out below.
            value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            length += 1;
        }
        self.at += length;
        match length {
            0 if rest.is_empty() => Err(Rejection::Incomplete),
            0 => Err(Rejection::MalformedNumber),
            1..=MOST_DIGITS => Ok(value),
            _ => Ok(u64::MAX),
        }
    }

    /// Reads what may follow a number's integer part, and says whether anything did.
    #[inline]
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
