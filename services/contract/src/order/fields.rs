//! The known fields of an order, between JSON and their types.

use super::cursor::{Number, Scratch, Span, Value};
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

/// The JSON values of the known fields, as far as they came.
#[derive(Debug, Default)]
pub(super) struct JsonFields {
    values: [Option<Value>; 9],
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
    /// Whether the field came already.
    pub(super) fn holds(&self, field: Field) -> bool {
        self.values[field as usize].is_some()
    }

    pub(super) fn set(&mut self, field: Field, value: Value) {
        self.values[field as usize] = Some(value);
    }

    fn get(&self, field: Field) -> Option<Value> {
        self.values[field as usize]
    }

    /// The value of a field that may be absent; null counts as absent.
    fn get_optional(&self, field: Field) -> Option<Value> {
        self.get(field).filter(|value| !matches!(value, Value::Null))
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
        Ok(OrderFields {
            order_id: string(Field::OrderId, R::OrderIdMissing, R::OrderIdNotAString)?,
            user_id: string(Field::UserId, R::UserIdMissing, R::UserIdNotAString)?,
            product: string(Field::Product, R::ProductMissing, R::ProductNotAString)?,
            quantity: integer(
                self.get(Field::Quantity).ok_or(R::QuantityMissing)?,
                R::QuantityNotAnInteger,
                R::QuantityOutOfRange,
            )?,
            unit_price: self
                .get_optional(Field::UnitPrice)
                .map(|value| integer(value, R::UnitPriceNotAnInteger, R::UnitPriceOutOfRange))
                .transpose()?,
            total: integer(
                self.get(Field::Total).ok_or(R::TotalMissing)?,
                R::TotalNotAnInteger,
                R::TotalOutOfRange,
            )?,
            city: string(Field::City, R::CityMissing, R::CityNotAString)?,
            timestamp: timestamp(string(Field::Timestamp, R::TimestampMissing, R::TimestampNotAString)?)?,
            is_suspicious: self.get_optional(Field::IsSuspicious).map_or(Ok(false), boolean)?,
        })
    }
}

fn string(value: Option<Value>, missing: Rejection, wrong: Rejection) -> Result<Span, Rejection> {
    match value {
        Some(Value::String(span)) => Ok(span),
        Some(_) => Err(wrong),
        None => Err(missing),
    }
}

/// An integer; one too large for `u64` stays the largest, which is out of every range.
fn integer(value: Value, wrong: Rejection, out_of_range: Rejection) -> Result<u64, Rejection> {
    match value {
        Value::Number(Number::Integer(integer)) => Ok(integer),
        Value::Number(Number::NegativeInteger) => Err(out_of_range),
        _ => Err(wrong),
    }
}

fn timestamp(text: &str) -> Result<Timestamp, Rejection> {
    Timestamp::parse_any_year(text.as_bytes()).ok_or(Rejection::TimestampNotRfc3339)
}

fn boolean(value: Value) -> Result<bool, Rejection> {
    match value {
        Value::Boolean(boolean) => Ok(boolean),
        _ => Err(Rejection::IsSuspiciousNotABoolean),
    }
}
