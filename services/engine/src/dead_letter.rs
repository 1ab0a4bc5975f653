//! Invalid orders on their way to the dead-letter topic: raw, with headers that say what they were.

use contract::Rejection;
use rdkafka::message::{Header, OwnedHeaders};

use crate::native::Record;

/// A raw value is cut to this many bytes.
const MAX_VALUE: usize = 512 * 1024;
/// A raw key is cut to this many bytes.
const MAX_KEY: usize = 1024;

/// One invalid order.
pub(crate) struct DeadLetter {
    pub key: Option<Vec<u8>>,
    pub value: Vec<u8>,
    original_size: usize,
    partition: i32,
    offset: i64,
    reason: &'static str,
    detail: String,
}

impl DeadLetter {
    pub(crate) fn new(record: &Record<'_>, rejection: Rejection) -> Self {
        let value = record.value.unwrap_or_default();
        Self {
            key: record.key.map(|key| key[..key.len().min(MAX_KEY)].to_vec()),
            value: value[..value.len().min(MAX_VALUE)].to_vec(),
            original_size: value.len(),
            partition: record.partition,
            offset: record.offset,
            reason: rejection.code(),
            detail: rejection.to_string(),
        }
    }

    /// The value, cut to what the topic takes.
    pub(crate) fn cut(&self, limit: usize) -> &[u8] {
        &self.value[..self.value.len().min(limit)]
    }

    /// `original-topic`, `original-partition`, `original-offset`, `original-size` (bytes), `reason` (the code) and
    /// `detail` (a sentence).
    pub(crate) fn headers(&self, topic: &str) -> OwnedHeaders {
        let header = |headers: OwnedHeaders, key: &str, value: &str| {
            headers.insert(Header { key, value: Some(value) })
        };
        let mut headers = header(OwnedHeaders::new_with_capacity(6), "original-topic", topic);
        headers = header(headers, "original-partition", &self.partition.to_string());
        headers = header(headers, "original-offset", &self.offset.to_string());
        headers = header(headers, "original-size", &self.original_size.to_string());
        headers = header(headers, "reason", self.reason);
        header(headers, "detail", &self.detail)
    }
}
