//! Keys that are expected.

use super::Cursor;

/// A key as it usually stands in JSON: `"key":`, at most 16 bytes. Compared in one step, it costs next to
/// nothing to see whether the key that is expected next really is next.
#[derive(Clone, Copy, Debug)]
pub(in crate::order) struct KeyLiteral {
    bytes: u128,
    mask: u128,
    length: usize,
}

impl KeyLiteral {
    pub(in crate::order) const fn new(key: &str) -> Self {
        let mut bytes = [0; 16];
        let mut mask = [0; 16];
        let length = key.len() + 3;
        let mut at = 0;
        while at < length {
            bytes[at] = match at {
                0 => b'"',
                _ if at <= key.len() => key.as_bytes()[at - 1],
                _ if at == key.len() + 1 => b'"',
                _ => b':',
            };
            mask[at] = 0xff;
            at += 1;
        }
        Self { bytes: u128::from_le_bytes(bytes), mask: u128::from_le_bytes(mask), length }
    }
}

impl Cursor<'_, '_> {
    /// Steps over `key` if it is next and written in the usual way; its value is next then.
    #[inline]
    pub(in crate::order) fn take_key(&mut self, key: KeyLiteral) -> bool {
        let Some(next) = self.rest().first_chunk() else { return false };
        let found = (u128::from_le_bytes(*next) ^ key.bytes) & key.mask == 0;
        if found {
            self.at += key.length;
            self.skip_whitespace();
        }
        found
    }
}
