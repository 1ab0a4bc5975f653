//! The one module that calls librdkafka without a safe wrapper: an empty drain is only as fast as librdkafka
//! if messages are taken in batches, which rdkafka has no safe call for.
//!
//! What makes it sound: the queue keeps its consumer alive (`Arc`) and is released before it; each message is
//! destroyed once, in the call that took it; no pointer leaves this module.
#![expect(unsafe_code, reason = "rdkafka has no safe batch consumption")]

use std::ffi::CString;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;

/// Messages taken at a time: as many as the stage takes.
const BATCH: usize = 1_024;

/// A queue into which partitions are forwarded.
pub struct BatchQueue {
    queue: ptr::NonNull<rd::rd_kafka_queue_t>,
    messages: Vec<*mut rd::rd_kafka_message_t>,
    consumer: Arc<BaseConsumer>,
}

impl BatchQueue {
    /// A new queue of `consumer`.
    ///
    /// # Errors
    /// When librdkafka has no memory for it.
    pub fn new(consumer: Arc<BaseConsumer>) -> Result<Self> {
        // SAFETY: the client is valid while `consumer` lives.
        let queue = unsafe { rd::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = ptr::NonNull::new(queue).context("librdkafka gives no queue")?;
        Ok(Self { queue, messages: Vec::with_capacity(BATCH), consumer })
    }

    /// Forwards a partition's messages here; to be called before it is assigned.
    ///
    /// # Errors
    /// When there is no such partition.
    pub fn forward(&self, topic: &str, partition: i32) -> Result<()> {
        let name = CString::new(topic)?;
        // SAFETY: client and name are valid for the call.
        let source = unsafe {
            rd::rd_kafka_queue_get_partition(self.consumer.client().native_ptr(), name.as_ptr(), partition)
        };
        if source.is_null() {
            bail!("no queue for partition {partition} of {topic}");
        }
        // SAFETY: both queues are valid; `source` is ours to release, and is not used after.
        unsafe {
            rd::rd_kafka_queue_forward(source, self.queue.as_ptr());
            rd::rd_kafka_queue_destroy(source);
        }
        Ok(())
    }

    /// Takes what is there, waiting up to `wait` for the first message, and throws it away; how many records
    /// and how many bytes of values it was.
    ///
    /// # Errors
    /// When the client reports one in the place of a record.
    pub fn discard(&mut self, wait: Duration) -> Result<(u64, u64)> {
        self.take_ready();
        if self.messages.is_empty() {
            let millis = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
            // SAFETY: the queue is valid; the message, if there is one, is ours.
            let first = unsafe { rd::rd_kafka_consume_queue(self.queue.as_ptr(), millis) };
            if first.is_null() {
                return Ok((0, 0));
            }
            self.messages.push(first);
            self.take_ready();
        }
        let (mut records, mut bytes, mut failed) = (0, 0, None);
        for message in self.messages.drain(..) {
            // SAFETY: a message librdkafka gave us, read and then destroyed once.
            let (error, len) = unsafe {
                let read = ((*message).err, (*message).len);
                rd::rd_kafka_message_destroy(message);
                read
            };
            if error == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                records += 1;
                bytes += len as u64;
            } else {
                failed = Some(RDKafkaErrorCode::from(error));
            }
        }
        failed.map_or(Ok((records, bytes)), |code| bail!("reading failed: {code}"))
    }

    fn take_ready(&mut self) {
        let room = BATCH - self.messages.len();
        // SAFETY: there is capacity for BATCH pointers, `room` of them unused; librdkafka says how many it wrote.
        unsafe {
            let end = self.messages.as_mut_ptr().add(self.messages.len());
            let taken = rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, end, room);
            self.messages.set_len(self.messages.len() + usize::try_from(taken).unwrap_or(0));
        }
    }
}

impl Drop for BatchQueue {
    fn drop(&mut self) {
        // SAFETY: made by `new`, released once; the consumer is dropped after.
        unsafe { rd::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}
