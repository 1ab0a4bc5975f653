//! Why a record is no order.

use std::fmt;

/// Declares [`Rejection`] from one list, so that codes, sentences and documentation cannot drift apart.
macro_rules! rejections {
    ($($variant:ident $code:literal $sentence:expr;)+) => {
        /// Why a record is no order: one reason per record, each with a stable [code](Rejection::code).
        ///
        /// First comes what is wrong with the JSON, in the order of its bytes (an unknown key that comes
        /// twice is noticed at the end of its object); then fields that are missing or cannot be read as
        /// their type, negative numbers too; then fields whose value is not valid. Among fields the order is
        /// that of this list, so the reason does not depend on the order of keys.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rejection {
            $(#[doc = concat!("`", $code, "`: ", $sentence, ".")] $variant,)+
        }

        impl Rejection {
            /// All reasons there are.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable reason code: label of metrics, header of dead letters.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
        }
    };
}

rejections! {
    EmptyValue "empty_value" "the record has no value (null or empty: a tombstone)";
    NotUtf8 "not_utf8" "the value is not UTF-8";
    ByteOrderMark "byte_order_mark" "the value begins with a byte order mark, which JSON does not allow";
    NotAnObject "not_an_object" "the value is not a JSON object";
    Incomplete "incomplete" "the value ends in the middle of the JSON object";
    MalformedJson "malformed_json" "the value is not well-formed JSON (RFC 8259)";
    MalformedNumber "malformed_number" "a number is not written as JSON demands (no leading zero, plus sign or bare point)";
    RawControlCharacter "raw_control_character" "a string holds a control character that is not escaped";
    MalformedEscape "malformed_escape" "a string holds an escape that JSON does not know";
    LoneSurrogate "lone_surrogate" "a string holds half of a surrogate pair";
    NestedTooDeeply "nested_too_deeply" "objects and arrays are nested more than 64 deep";
    TooManyFields "too_many_fields" "the object has more than 64 fields";
    DuplicateKey "duplicate_key" "an object holds the same key twice";
    TrailingData "trailing_data" "something follows the JSON object";
    OrderIdMissing "order_id_missing" "orderId is missing";
    OrderIdNotAString "order_id_not_a_string" "orderId is not a string";
    OrderIdEmpty "order_id_empty" "orderId is empty";
    OrderIdTooLong "order_id_too_long" "orderId is longer than 200 bytes";
    OrderIdControlCharacter "order_id_control_character" "orderId holds a control character";
    UserIdMissing "user_id_missing" "userId is missing";
    UserIdNotAString "user_id_not_a_string" "userId is not a string";
    UserIdEmpty "user_id_empty" "userId is empty";
    UserIdTooLong "user_id_too_long" "userId is longer than 200 bytes";
    UserIdControlCharacter "user_id_control_character" "userId holds a control character";
    ProductMissing "product_missing" "product is missing";
    ProductNotAString "product_not_a_string" "product is not a string";
    ProductEmpty "product_empty" "product is empty";
    ProductTooLong "product_too_long" "product is longer than 200 bytes";
    ProductControlCharacter "product_control_character" "product holds a control character";
    QuantityMissing "quantity_missing" "quantity is missing";
    QuantityNotAnInteger "quantity_not_an_integer" "quantity is not an integer written in digits alone";
    QuantityOutOfRange "quantity_out_of_range" "quantity is not between 1 and 9007199254740991";
    UnitPriceNotAnInteger "unit_price_not_an_integer" "unitPrice is not an integer written in digits alone";
    UnitPriceOutOfRange "unit_price_out_of_range" "unitPrice is not between 0 and 9007199254740991";
    TotalMissing "total_missing" "total is missing";
    TotalNotAnInteger "total_not_an_integer" "total is not an integer written in digits alone";
    TotalOutOfRange "total_out_of_range" "total is not between 0 and 9007199254740991";
    CityMissing "city_missing" "city is missing";
    CityNotAString "city_not_a_string" "city is not a string";
    CityEmpty "city_empty" "city is empty";
    CityTooLong "city_too_long" "city is longer than 200 bytes";
    CityControlCharacter "city_control_character" "city holds a control character";
    TimestampMissing "timestamp_missing" "timestamp is missing";
    TimestampNotAString "timestamp_not_a_string" "timestamp is not a string";
    TimestampNotRfc3339 "timestamp_not_rfc3339" "timestamp is not an RFC 3339 date-time with offset";
    TimestampOutOfRange "timestamp_out_of_range" "timestamp is not between the years 1970 and 9999 in UTC";
    TimestampInTheFuture "timestamp_in_the_future" "timestamp is more than 5 minutes after the time of its record";
    IsSuspiciousNotABoolean "is_suspicious_not_a_boolean" "isSuspicious is not a boolean";
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl std::error::Error for Rejection {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Rejection;

    #[test]
    fn codes_are_unique_snake_case() {
        let codes: BTreeSet<_> = Rejection::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Rejection::ALL.len());
        for code in codes {
            assert!(code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{code}");
        }
    }

    #[test]
    fn sentences_are_unique_and_name_the_field() {
        let sentences: BTreeSet<_> = Rejection::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(sentences.len(), Rejection::ALL.len());
        assert_eq!(Rejection::IsSuspiciousNotABoolean.to_string(), "isSuspicious is not a boolean");
    }
}
