//! A state record of a window: users and their counts, in the very bytes that are persisted.

use contract::order::LONGEST_TEXT;

/// The most bytes a chunk holds.
pub(crate) const CHUNK_BYTES: usize = 1 << OFFSET_BITS;
/// Bits that an offset in a chunk takes.
pub(crate) const OFFSET_BITS: u32 = 14;

const LENGTH_BYTES: usize = 1;
const COUNT_BYTES: usize = 4;
const HEAD_BYTES: usize = LENGTH_BYTES + COUNT_BYTES;
// The length of a user id is written in one byte.
const _: () = assert!(LONGEST_TEXT <= u8::MAX as usize);

/// Entries one after the other: length (1 byte), count (4 bytes, little endian), user id.
#[derive(Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    /// Differs from the state record.
    pub(crate) changed: bool,
    /// There is a state record of it.
    pub(crate) stored: bool,
}

impl Chunk {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), changed: false, stored: false }
    }

    /// Takes back a persisted chunk.
    pub(crate) fn stored(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), changed: false, stored: true }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn has_room_for(&self, user: &[u8]) -> bool {
        self.bytes.len() + HEAD_BYTES + user.len() <= CHUNK_BYTES
    }

    /// Appends a user with count 1; says at which offset.
    pub(crate) fn push(&mut self, user: &[u8]) -> usize {
        let offset = self.bytes.len();
        // Cannot be cut: LONGEST_TEXT fits.
        #[expect(clippy::cast_possible_truncation, reason = "a user id is at most LONGEST_TEXT long")]
        self.bytes.push(user.len() as u8);
        self.bytes.extend_from_slice(&1_u32.to_le_bytes());
        self.bytes.extend_from_slice(user);
        self.changed = true;
        offset
    }

    /// The user of the entry at `offset`.
    #[inline]
    pub(crate) fn user(&self, offset: usize) -> &[u8] {
        let entry = &self.bytes[offset..];
        &entry[HEAD_BYTES..HEAD_BYTES + usize::from(entry[0])]
    }

    /// Adds 1 to the count of the entry at `offset`; says how much it is then.
    #[inline]
    pub(crate) fn increment(&mut self, offset: usize) -> u32 {
        self.changed = true;
        let mut count = [0; COUNT_BYTES];
        let stored = &mut self.bytes[offset + LENGTH_BYTES..offset + HEAD_BYTES];
        count.copy_from_slice(stored);
        let count = u32::from_le_bytes(count).saturating_add(1);
        stored.copy_from_slice(&count.to_le_bytes());
        count
    }

    /// The offsets of the entries of a persisted chunk; `None` when it is not one.
    pub(crate) fn entries(bytes: &[u8]) -> Option<Vec<usize>> {
        let mut offsets = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at_checked(HEAD_BYTES)?;
            let (user, tail) = tail.split_at_checked(usize::from(head[0]))?;
            let valid = !user.is_empty()
                && user.len() <= LONGEST_TEXT
                && std::str::from_utf8(user).is_ok()
                && head[LENGTH_BYTES..] != [0; COUNT_BYTES];
            if !valid {
                return None;
            }
            offsets.push(bytes.len() - rest.len());
            rest = tail;
        }
        (1..=CHUNK_BYTES).contains(&bytes.len()).then_some(offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persisted_chunk_reads_back() {
        let mut chunk = Chunk::default();
        let first = chunk.push(b"user-1");
        let second = chunk.push("Đà Nẵng".as_bytes());
        assert_eq!(chunk.increment(second), 2);

        assert_eq!(Chunk::entries(chunk.bytes()), Some(vec![first, second]));
        let mut back = Chunk::stored(chunk.bytes());
        assert_eq!((back.user(first), back.user(second)), (&b"user-1"[..], "Đà Nẵng".as_bytes()));
        assert_eq!((back.increment(first), back.increment(second)), (2, 3));
    }

    #[test]
    fn counts_do_not_wrap() {
        let mut chunk = Chunk::stored(b"\x01\xff\xff\xff\xffu");
        assert_eq!(chunk.increment(0), u32::MAX);
    }

    #[test]
    fn garbage_is_refused() {
        let too_long = [&[201, 1, 0, 0, 0][..], &[b'a'; 201]].concat();
        let too_many = [1, 1, 0, 0, 0, b'a'].repeat(CHUNK_BYTES / 6 + 1);
        let bad: [&[u8]; 9] = [
            b"",
            b"\x01",
            b"\x01\x01\x00\x00\x00",     // the user is missing
            b"\x02\x01\x00\x00\x00a",    // cut within the user
            b"\x00\x01\x00\x00\x00",     // an empty user
            b"\x01\x00\x00\x00\x00a",    // counted 0 times
            b"\x01\x01\x00\x00\x00\xff", // not UTF-8
            &too_long,
            &too_many,
        ];
        for bytes in bad {
            assert_eq!(Chunk::entries(bytes), None, "{bytes:?}");
        }
    }
}
