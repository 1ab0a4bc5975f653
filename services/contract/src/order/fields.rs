//! The known fields of an order, between JSON and their types.

use super::cursor::{Cursor, KeyLiteral, Scratch, Span, Value};
use super::{OrderFields, Rejection};
use crate::Timestamp;

/// A field that an order knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    OrderId,
    UserId,
    Product,
    Quantity,
    UnitPrice,
    Total,
    City,
    Timestamp,
    IsSuspicious,
}

/// The known fields in the order in which most clients write them, with their keys.
const USUAL_ORDER: [(Field, KeyLiteral); 9] = [
    (Field::OrderId, KeyLiteral::new("orderId")),
    (Field::UserId, KeyLiteral::new("userId")),
    (Field::Product, KeyLiteral::new("product")),
    (Field::Quantity, KeyLiteral::new("quantity")),
    (Field::UnitPrice, KeyLiteral::new("unitPrice")),
    (Field::Total, KeyLiteral::new("total")),
    (Field::City, KeyLiteral::new("city")),
    (Field::Timestamp, KeyLiteral::new("timestamp")),
    (Field::IsSuspicious, KeyLiteral::new("isSuspicious")),
];

/// The key of a member of the order.
pub(super) enum Key {
    Known(Field),
    Unknown(Span),
}

/// The JSON values of the known fields, as far as they came.
#[derive(Debug, Default)]
pub(super) struct JsonFields {
    values: [Value; 9],
    /// The place in [`USUAL_ORDER`] of the field that comes next if they come in that order.
    next: usize,
}

impl Field {
    /// The field with this key in JSON.
    #[inline]
    pub(super) fn named(key: &str) -> Option<Self> {
        match key.as_bytes() {
            b"orderId" => Some(Self::OrderId),
            b"userId" => Some(Self::UserId),
            b"product" => Some(Self::Product),
            b"quantity" => Some(Self::Quantity),
            b"unitPrice" => Some(Self::UnitPrice),
            b"total" => Some(Self::Total),
            b"city" => Some(Self::City),
            b"timestamp" => Some(Self::Timestamp),
            b"isSuspicious" => Some(Self::IsSuspicious),
            _ => None,
        }
    }
}

impl JsonFields {
    /// Reads a key; its value is next.
    #[inline]
    pub(super) fn read_key(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<Key, Rejection> {
        let field = match USUAL_ORDER.get(self.next) {
            Some((field, key)) if cursor.take_key(*key) => *field,
            _ => {
                let key = cursor.key()?;
                let Some(field) = Field::named(cursor.resolve(key)) else { return Ok(Key::Unknown(key)) };
                field
            }
        };
        self.next = field as usize + 1;
        Ok(Key::Known(field))
    }

    /// Where the value of the field is kept.
    #[inline]
    pub(super) fn value_of(&mut self, field: Field) -> &mut Value {
        &mut self.values[field as usize]
    }

    fn get(&self, field: Field) -> Value {
        self.values[field as usize]
    }

    /// Gives each field its type. Strings stand in `text` or in `scratch`.
    pub(super) fn typed<'a>(
        &self,
        text: &'a str,
        scratch: &'a Scratch,
    ) -> Result<OrderFields<'a>, Rejection> {
        use Rejection as R;
        let string = |field, missing, wrong| {
            string(self.get(field), missing, wrong).map(|span| scratch.resolve(span, text))
        };
        let integer =
            |field, missing, wrong, out_of_range| integer(self.get(field), [missing, wrong, out_of_range]);
        Ok(OrderFields {
            order_id: string(Field::OrderId, R::OrderIdMissing, R::OrderIdNotAString)?,
            user_id: string(Field::UserId, R::UserIdMissing, R::UserIdNotAString)?,
            product: string(Field::Product, R::ProductMissing, R::ProductNotAString)?,
            quantity: integer(
                Field::Quantity,
                R::QuantityMissing,
                R::QuantityNotAnInteger,
                R::QuantityOutOfRange,
            )?,
            unit_price: self.unit_price()?,
            total: integer(Field::Total, R::TotalMissing, R::TotalNotAnInteger, R::TotalOutOfRange)?,
            city: string(Field::City, R::CityMissing, R::CityNotAString)?,
            timestamp: timestamp(string(Field::Timestamp, R::TimestampMissing, R::TimestampNotAString)?)?,
            is_suspicious: self.is_suspicious()?,
        })
    }

    fn unit_price(&self) -> Result<Option<u64>, Rejection> {
        match self.get(Field::UnitPrice) {
            Value::Absent | Value::Null => Ok(None),
            Value::Integer(price) => Ok(Some(price)),
            Value::NegativeInteger => Err(Rejection::UnitPriceOutOfRange),
            _ => Err(Rejection::UnitPriceNotAnInteger),
        }
    }

    fn is_suspicious(&self) -> Result<bool, Rejection> {
        match self.get(Field::IsSuspicious) {
            Value::Absent | Value::Null => Ok(false),
            Value::Boolean(is_suspicious) => Ok(is_suspicious),
            _ => Err(Rejection::IsSuspiciousNotABoolean),
        }
    }
}

fn string(value: Value, missing: Rejection, wrong: Rejection) -> Result<Span, Rejection> {
    match value {
        Value::String(span) => Ok(span),
        Value::Absent => Err(missing),
        _ => Err(wrong),
    }
}

/// An integer; one too large for `u64` stays the largest, which is out of every range.
fn integer(value: Value, [missing, wrong, out_of_range]: [Rejection; 3]) -> Result<u64, Rejection> {
    match value {
        Value::Integer(integer) => Ok(integer),
        Value::NegativeInteger => Err(out_of_range),
        Value::Absent => Err(missing),
        _ => Err(wrong),
    }
}

fn timestamp(text: &str) -> Result<Timestamp, Rejection> {
    Timestamp::parse_any_year(text.as_bytes()).ok_or(Rejection::TimestampNotRfc3339)
}
