//! What makes the fields of an order valid: the one place.

use super::{Order, OrderFields, Rejection};
use crate::Timestamp;

/// The longest `orderId`, `userId`, `product` or `city`, in bytes of UTF-8.
pub const LONGEST_TEXT: usize = 200;
/// The largest money or quantity: 2^53 - 1, the last integer that JavaScript counts to without a gap.
pub const LARGEST_INTEGER: u64 = (1 << 53) - 1;
/// How far an order's timestamp may be ahead of its record's, in milliseconds: clocks differ.
pub const MOST_AHEAD_MS: i64 = 5 * 60_000;

impl<'a> Order<'a> {
    /// Checks the fields. `record_time` is the Kafka timestamp of the record that holds the order.
    ///
    /// # Errors
    /// When a field's value is not valid; see the table of [this module](super).
    pub fn checked(fields: OrderFields<'a>, record_time: Timestamp) -> Result<Self, Rejection> {
        use Rejection as R;
        let OrderFields {
            order_id,
            user_id,
            product,
            quantity,
            unit_price,
            total,
            city,
            timestamp,
            is_suspicious,
        } = fields;
        text(order_id, [R::OrderIdEmpty, R::OrderIdTooLong, R::OrderIdControlCharacter])?;
        text(user_id, [R::UserIdEmpty, R::UserIdTooLong, R::UserIdControlCharacter])?;
        text(product, [R::ProductEmpty, R::ProductTooLong, R::ProductControlCharacter])?;
        require((1..=LARGEST_INTEGER).contains(&quantity), R::QuantityOutOfRange)?;
        require(unit_price.is_none_or(|price| price <= LARGEST_INTEGER), R::UnitPriceOutOfRange)?;
        require(total <= LARGEST_INTEGER, R::TotalOutOfRange)?;
        text(city, [R::CityEmpty, R::CityTooLong, R::CityControlCharacter])?;
        require(timestamp.is_in_range(), R::TimestampOutOfRange)?;
        require(timestamp.0 <= record_time.0.saturating_add(MOST_AHEAD_MS), R::TimestampInTheFuture)?;
        Ok(Self { order_id, user_id, product, quantity, unit_price, total, city, timestamp, is_suspicious })
    }
}

fn require(holds: bool, otherwise: Rejection) -> Result<(), Rejection> {
    if holds { Ok(()) } else { Err(otherwise) }
}

#[inline]
fn text(text: &str, [empty, too_long, control_character]: [Rejection; 3]) -> Result<(), Rejection> {
    require(!text.is_empty(), empty)?;
    require(text.len() <= LONGEST_TEXT, too_long)?;
    require(!holds_control_character(text), control_character)
}

/// Whether the text holds a character of Unicode's category Cc (U+0000 to U+001F, U+007F to U+009F).
fn holds_control_character(text: &str) -> bool {
    let bytes = text.as_bytes();
    let suspect = match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().chain([last]).any(|word| holds_suspect(*word)),
        None => bytes.iter().any(|byte| matches!(byte, 0..=0x1f | 0x7f | 0xc2)),
    };
    suspect && text.chars().any(char::is_control)
}

/// Whether eight bytes of UTF-8 may be part of a control character: U+0080 to U+009F begin with 0xC2. May
/// be wrong in saying yes.
fn holds_suspect(bytes: [u8; 8]) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    let word = u64::from_le_bytes(bytes);
    // The high bit of a byte is set if the byte is less than `limit` (and neither has its high bit set).
    let less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let suspect = less(word, 0x20) | less(word ^ (ONES * 0x7f), 1) | less(word ^ (ONES * 0xc2), 1);
    suspect & (ONES * 0x80) != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::holds_control_character;
    use crate::{Order, Timestamp, order::OrderFields, order::Rejection};

    const NOW: Timestamp = Timestamp(1_795_366_800_000);

    fn valid() -> OrderFields<'static> {
        OrderFields {
            order_id: "o",
            user_id: "u",
            product: "p",
            quantity: 1,
            unit_price: None,
            total: 0,
            city: "c",
            timestamp: NOW,
            is_suspicious: false,
        }
    }

    fn rejection(change: impl FnOnce(&mut OrderFields<'static>)) -> Option<Rejection> {
        let mut fields = valid();
        change(&mut fields);
        Order::checked(fields, NOW).err()
    }

    #[test]
    fn limits_are_where_they_are_documented() {
        use Rejection as R;
        let long: &'static str = "x".repeat(201).leak();
        assert_eq!(rejection(|_| ()), None);
        assert_eq!(rejection(|f| f.order_id = &long[..200]), None);
        assert_eq!(rejection(|f| f.order_id = long), Some(R::OrderIdTooLong));
        assert_eq!(rejection(|f| f.city = ""), Some(R::CityEmpty));
        assert_eq!(rejection(|f| f.quantity = 0), Some(R::QuantityOutOfRange));
        assert_eq!(rejection(|f| f.quantity = 9_007_199_254_740_991), None);
        assert_eq!(rejection(|f| f.quantity = 9_007_199_254_740_992), Some(R::QuantityOutOfRange));
        assert_eq!(rejection(|f| f.unit_price = Some(9_007_199_254_740_991)), None);
        assert_eq!(rejection(|f| f.unit_price = Some(u64::MAX)), Some(R::UnitPriceOutOfRange));
        assert_eq!(rejection(|f| f.total = 9_007_199_254_740_991), None);
        assert_eq!(rejection(|f| f.total = 9_007_199_254_740_992), Some(R::TotalOutOfRange));
        assert_eq!(rejection(|f| f.timestamp = Timestamp(-1)), Some(R::TimestampOutOfRange));
        assert_eq!(rejection(|f| f.timestamp.0 += 300_000), None);
        assert_eq!(rejection(|f| f.timestamp.0 += 300_001), Some(R::TimestampInTheFuture));
    }

    #[test]
    fn a_record_time_at_the_end_of_time_does_not_overflow() {
        assert!(Order::checked(valid(), Timestamp(i64::MAX)).is_ok());
        assert_eq!(Order::checked(valid(), Timestamp(i64::MIN)), Err(Rejection::TimestampInTheFuture));
    }

    proptest! {
        #[test]
        fn control_characters_are_those_of_unicode(
            before in ".{0,12}", c in prop_oneof![any::<char>(), any::<u8>().prop_map(char::from)], after in ".{0,12}",
        ) {
            let text = format!("{before}{c}{after}");
            prop_assert_eq!(holds_control_character(&text), text.chars().any(char::is_control));
        }
    }
}
