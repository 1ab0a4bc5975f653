//! Writing an order as a JavaScript client does.

use super::Order;
use crate::json::{write_string, write_u64};

impl Order<'_> {
    /// Appends the order as `JSON.stringify` writes the object
    /// `{orderId, userId, product, quantity, unitPrice, total, city, timestamp, isSuspicious}`:
    /// no whitespace, only the escapes JSON demands, the timestamp in UTC with milliseconds. An absent
    /// unit price leaves its key out, as `undefined` does.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let Self { order_id, user_id, product, quantity, unit_price, total, city, timestamp, is_suspicious } =
            *self;
        write_text_field(out, b"{\"orderId\":", order_id);
        write_text_field(out, b",\"userId\":", user_id);
        write_text_field(out, b",\"product\":", product);
        write_number_field(out, b",\"quantity\":", quantity);
        if let Some(unit_price) = unit_price {
            write_number_field(out, b",\"unitPrice\":", unit_price);
        }
        write_number_field(out, b",\"total\":", total);
        write_text_field(out, b",\"city\":", city);
        out.extend_from_slice(b",\"timestamp\":\"");
        timestamp.write_rfc3339(out);
        out.extend_from_slice(if is_suspicious {
            b"\",\"isSuspicious\":true}"
        } else {
            b"\",\"isSuspicious\":false}"
        });
    }
}

fn write_text_field(out: &mut Vec<u8>, key: &[u8], text: &str) {
    out.extend_from_slice(key);
    write_string(out, text);
}

fn write_number_field(out: &mut Vec<u8>, key: &[u8], number: u64) {
    out.extend_from_slice(key);
    write_u64(out, number);
}
