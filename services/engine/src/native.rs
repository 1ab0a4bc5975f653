//! The one module that calls librdkafka without a safe wrapper: batch consumption from a queue of our own,
//! a flush that does not poll in 100 ms steps, and the member id of group metadata.
//!
//! Rules that make it sound: a [`BatchQueue`] keeps its consumer alive (`Arc`), so queue and messages never
//! outlive the client; messages of a [`Batch`] are destroyed exactly once, when the batch is dropped; slices
//! handed out by [`Record`] borrow from the batch.
#![expect(unsafe_code, reason = "rdkafka has no safe batch consumption")]

use std::ffi::CString;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{ptr, slice};

use contract::Timestamp;
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

const OK: rd::rd_kafka_resp_err_t = rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;

/// Messages taken from the queue at a time.
const BATCH: usize = 1024;

/// A queue of our own to which partitions are forwarded: consuming the consumer's own queue in batches
/// would swallow rebalance events.
pub(crate) struct BatchQueue<C: ConsumerContext + 'static> {
    queue: ptr::NonNull<rd::rd_kafka_queue_t>,
    messages: Vec<*mut rd::rd_kafka_message_t>,
    consumer: Arc<BaseConsumer<C>>,
    /// How long `drain` has waited for messages, all together.
    pub waited: Duration,
}

// SAFETY: librdkafka queues may be used from any thread; `messages` is empty between calls of `drain`.
unsafe impl<C: ConsumerContext + 'static> Send for BatchQueue<C> {}

impl<C: ConsumerContext + 'static> BatchQueue<C> {
    /// A new queue of `consumer`.
    pub(crate) fn new(consumer: Arc<BaseConsumer<C>>) -> Self {
        // SAFETY: the client pointer is valid while `consumer` lives.
        let queue = unsafe { rd::rd_kafka_queue_new(consumer.client().native_ptr()) };
        #[expect(clippy::expect_used, reason = "rd_kafka_queue_new aborts rather than return null")]
        let queue = ptr::NonNull::new(queue).expect("rd_kafka_queue_new returned null");
        Self { queue, messages: Vec::with_capacity(BATCH), consumer, waited: Duration::ZERO }
    }

    /// The consumer's own queue: only for a consumer that never joins a group, whose queue has no rebalances.
    pub(crate) fn of_consumer(consumer: Arc<BaseConsumer<C>>) -> Option<Self> {
        // SAFETY: the client pointer is valid while `consumer` lives; the reference returned is ours to release.
        let queue = unsafe { rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        let queue = ptr::NonNull::new(queue)?;
        Some(Self { queue, messages: Vec::with_capacity(BATCH), consumer, waited: Duration::ZERO })
    }

    /// Forwards a partition's fetched messages here. Call it before `assign`, so that none slips past.
    /// False when the topic's name holds a NUL byte.
    pub(crate) fn forward(&self, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else { return false };
        // SAFETY: pointers are valid; the partition's queue is released after forwarding.
        unsafe {
            let client = self.consumer.client().native_ptr();
            let source = rd::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            if source.is_null() {
                return false;
            }
            rd::rd_kafka_queue_forward(source, self.queue.as_ptr());
            rd::rd_kafka_queue_destroy(source);
        }
        true
    }

    /// Takes what is there, waiting up to `wait` for the first message.
    pub(crate) fn drain(&mut self, wait: Duration) -> Batch<'_> {
        self.messages.clear();
        self.take_ready();
        if self.messages.is_empty() && !wait.is_zero() {
            let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX).max(1);
            let started = Instant::now();
            // SAFETY: the queue is valid; the message, if any, is ours to destroy.
            let first = unsafe { rd::rd_kafka_consume_queue(self.queue.as_ptr(), millis) };
            self.waited += started.elapsed();
            if !first.is_null() {
                self.messages.push(first);
                self.take_ready();
            }
        }
        Batch { messages: &mut self.messages, queue: PhantomData }
    }

    fn take_ready(&mut self) {
        let room = self.messages.capacity() - self.messages.len();
        // SAFETY: the spare capacity has room for `room` pointers; librdkafka says how many it wrote.
        unsafe {
            let end = self.messages.as_mut_ptr().add(self.messages.len());
            let taken = rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, end, room);
            self.messages.set_len(self.messages.len() + usize::try_from(taken).unwrap_or(0));
        }
    }
}

impl<C: ConsumerContext + 'static> Drop for BatchQueue<C> {
    fn drop(&mut self) {
        // SAFETY: a reference of ours, released once; the consumer is still alive.
        unsafe { rd::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// Messages on loan from librdkafka; given back on drop.
pub(crate) struct Batch<'q> {
    messages: &'q mut Vec<*mut rd::rd_kafka_message_t>,
    queue: PhantomData<&'q ()>,
}

impl Batch<'_> {
    /// The messages and errors, in the order they came.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Result<Record<'_>, QueueError>> {
        // SAFETY: each pointer is a message that stays valid until this batch is dropped.
        self.messages.iter().map(|message| unsafe { read(*message) })
    }

    /// How many messages and errors.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether as many came as fit: more is probably waiting.
    pub(crate) fn is_full(&self) -> bool {
        self.messages.len() >= BATCH
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: ours, destroyed once.
            unsafe { rd::rd_kafka_message_destroy(message) }
        }
    }
}

/// One record of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Record<'b> {
    pub partition: i32,
    pub offset: i64,
    /// The record's Kafka timestamp; -1 ms when it has none.
    pub timestamp: Timestamp,
    pub key: Option<&'b [u8]>,
    pub value: Option<&'b [u8]>,
    message: *const rd::rd_kafka_message_t,
    batch: PhantomData<&'b ()>,
}

impl<'b> Record<'b> {
    /// The value of the last header with this name. Only the first look at a record's headers takes them apart.
    pub(crate) fn header(&self, name: &str) -> Option<&'b [u8]> {
        let name = CString::new(name).ok()?;
        let (mut headers, mut value, mut size) = (ptr::null_mut(), ptr::null(), 0);
        // SAFETY: the message owns headers and value, and both live as long as it; all pointers are valid.
        unsafe {
            if rd::rd_kafka_message_headers(self.message, &raw mut headers) != OK
                || rd::rd_kafka_header_get_last(headers, name.as_ptr(), &raw mut value, &raw mut size) != OK
            {
                return None;
            }
            bytes(value.cast(), size)
        }
    }
}

/// An error that came in the place of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueError {
    pub partition: i32,
    /// For the end of a partition: the next offset there.
    pub offset: i64,
    pub code: RDKafkaErrorCode,
}

/// # Safety
/// `message` is valid for `'b`.
unsafe fn read<'b>(message: *const rd::rd_kafka_message_t) -> Result<Record<'b>, QueueError> {
    // SAFETY: by contract of the caller.
    let fields = unsafe { &*message };
    if fields.err != OK {
        let (partition, offset) = (fields.partition, fields.offset);
        return Err(QueueError { partition, offset, code: fields.err.into() });
    }
    // SAFETY: payload and key are valid for their lengths as long as the message is.
    let (key, value, timestamp) = unsafe {
        (
            bytes(fields.key.cast(), fields.key_len),
            bytes(fields.payload.cast(), fields.len),
            rd::rd_kafka_message_timestamp(message, ptr::null_mut()),
        )
    };
    Ok(Record {
        partition: fields.partition,
        offset: fields.offset,
        timestamp: Timestamp(timestamp),
        key,
        value,
        message,
        batch: PhantomData,
    })
}

/// # Safety
/// `data` is null or valid for `len` bytes for `'b`.
unsafe fn bytes<'b>(data: *const u8, len: usize) -> Option<&'b [u8]> {
    // SAFETY: by contract of the caller.
    (!data.is_null()).then(|| unsafe { slice::from_raw_parts(data, len) })
}

/// Waits until every message of `producer` is acknowledged or failed; true when nothing is left.
///
/// rdkafka's own `flush` polls in steps of 100 ms and never returns before a step ends.
pub(crate) fn flush<C: ProducerContext>(producer: &BaseProducer<C>, timeout: Duration) -> bool {
    let millis = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client pointer is valid while `producer` is borrowed.
    let result = unsafe { rd::rd_kafka_flush(producer.client().native_ptr(), millis) };
    result == OK
}

/// The end of a partition as the last fetch saw it, without asking the broker; `None` before the first fetch.
pub(crate) fn known_end<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: all pointers are valid for the call.
    let result = unsafe {
        let client = consumer.client().native_ptr();
        rd::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &raw mut low, &raw mut high)
    };
    (result == OK && high >= 0).then_some(high)
}

/// Whether the consumer is a member of its group now: metadata without a member id is accepted unfenced
/// by the broker and must never be used.
pub(crate) fn is_member<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> bool {
    // SAFETY: the metadata is ours to destroy; its member id is a C string that lives as long.
    unsafe {
        let metadata = rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if metadata.is_null() {
            return false;
        }
        let id = rd::rd_kafka_consumer_group_metadata_member_id(metadata);
        let member = !id.is_null() && *id != 0;
        rd::rd_kafka_consumer_group_metadata_destroy(metadata);
        member
    }
}
