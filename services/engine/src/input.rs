//! The consumer side of a stage: group membership, and records in batches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::error::StageError;
use crate::native::{self, Batch, BatchQueue};

/// How long closing a consumer may take while brokers are away; librdkafka itself would block.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the group decided. The stage must answer each with `assign` or `unassign`: librdkafka waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GroupEvent {
    /// These input partitions are ours (all of them: the assignor is eager).
    Assigned(Vec<i32>),
    /// We must give up everything; commit first.
    Revoked,
    /// Somebody else may have our partitions already; a commit would fail.
    Lost,
    /// The group gave our instance's place to another member; this client can never join again.
    Fenced,
    /// An order came by another way than its partition's queue: it was not folded, and must be read again.
    Stray,
    /// The client cannot go on for another reason.
    Failed(String),
}

#[derive(Default)]
pub(crate) struct GroupContext {
    events: Mutex<VecDeque<GroupEvent>>,
}

impl GroupContext {
    fn events(&self) -> std::sync::MutexGuard<'_, VecDeque<GroupEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for GroupContext {}

impl ConsumerContext for GroupContext {
    /// Only notes what happened: the stage's loop restores, then assigns.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        error: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let event = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => GroupEvent::Assigned(
                partitions
                    .elements()
                    .iter()
                    .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
                    .collect(),
            ),
            _ if consumer.assignment_lost() => GroupEvent::Lost,
            _ => GroupEvent::Revoked,
        };
        self.events().push_back(event);
    }
}

/// The stage's consumer.
pub(crate) struct Input {
    topic: String,
    config: ClientConfig,
    queue: BatchQueue<GroupContext>,
    consumer: Arc<BaseConsumer<GroupContext>>,
}

/// The configuration of the stage's consumer on top of `base`.
pub(crate) fn consumer_config(mut base: ClientConfig, group: &str, instance: &str) -> ClientConfig {
    base.set("group.id", group)
        .set("group.instance.id", instance)
        // Eager: cooperative rebalancing moves the generation under cached group metadata.
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1500")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        // Says where a partition ends when transaction markers stand there.
        .set("enable.partition.eof", "true")
        .set("topic.metadata.refresh.interval.ms", "10000");
    fetch_limits(&mut base);
    base
}

/// Fetch settings that bound memory and keep latency low; shared with the readers of a restore.
pub(crate) fn fetch_limits(config: &mut ClientConfig) {
    config
        // It, not the queue limit, sets peak memory: one fetch brings this much per partition.
        .set("fetch.message.max.bytes", "262144")
        // All partitions together: a fetch of many would else be decompressed to a hundred MiB at once.
        .set("fetch.max.bytes", "2097152")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.queue.backoff.ms", "5")
        .set("retry.backoff.ms", "10")
        .set("retry.backoff.max.ms", "200");
}

impl Input {
    /// Makes the consumer and joins the group.
    pub(crate) fn start(config: ClientConfig, topic: &str) -> Result<Self, StageError> {
        let consumer: Arc<BaseConsumer<GroupContext>> =
            Arc::new(config.create_with_context(GroupContext::default()).map_err(StageError::Client)?);
        consumer.subscribe(&[topic]).map_err(StageError::Client)?;
        let queue = BatchQueue::new(Arc::clone(&consumer));
        Ok(Self { topic: topic.to_owned(), config, queue, consumer })
    }

    /// Joins the group anew with a client of its own, after this one was fenced.
    pub(crate) fn rejoin(&mut self) -> Result<(), StageError> {
        let mut fresh = Self::start(self.config.clone(), &self.topic)?;
        fresh.queue.waited = self.waited();
        std::mem::replace(self, fresh).close();
        Ok(())
    }

    /// Serves the client's callbacks, waiting up to `wait`, and returns the next thing the group decided.
    pub(crate) fn group_event(&self, wait: Duration) -> Option<GroupEvent> {
        self.serve(wait);
        self.consumer.context().events().pop_front()
    }

    /// Serves callbacks and says whether the group decided something that waits to be handled.
    pub(crate) fn has_group_event(&self) -> bool {
        self.serve(Duration::ZERO);
        !self.consumer.context().events().is_empty()
    }

    fn serve(&self, wait: Duration) {
        let deadline = Instant::now() + wait;
        loop {
            match self.consumer.poll(deadline.saturating_duration_since(Instant::now())) {
                Some(Err(error)) => self.note_error(&error),
                Some(Ok(_)) => self.consumer.context().events().push_back(GroupEvent::Stray),
                None => return,
            }
            if !self.consumer.context().events().is_empty() {
                return;
            }
        }
    }

    fn note_error(&self, error: &KafkaError) {
        let event = match self.consumer.client().fatal_error() {
            Some((RDKafkaErrorCode::FencedInstanceId, _)) => GroupEvent::Fenced,
            Some((_, reason)) => GroupEvent::Failed(reason),
            None if error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                let group = self.config.get("group.id").unwrap_or_default();
                return tracing::error!(
                    "not allowed to be a member of consumer group {group}: grant this user Read on group {group}"
                );
            }
            None if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
                return tracing::warn!(topic = self.topic, "the orders topic does not exist (any more)");
            }
            None => return tracing::debug!(%error, "consumer event"),
        };
        self.consumer.context().events().push_back(event);
    }

    /// The group's metadata, if we are a member. Taken once per assignment: the assignor is eager, so the
    /// generation stays what it is until the next revocation.
    pub(crate) fn membership(&self) -> Option<ConsumerGroupMetadata> {
        native::is_member(&self.consumer).then(|| self.consumer.group_metadata()).flatten()
    }

    /// Starts reading each partition at its position.
    pub(crate) fn assign(&mut self, positions: &[(i32, i64)]) -> Result<(), KafkaError> {
        // A queue of its own for each assignment: what an earlier one still held is gone with it.
        let waited = self.waited();
        self.queue = BatchQueue::new(Arc::clone(&self.consumer));
        self.queue.waited = waited;
        for (partition, _) in positions {
            self.queue.forward(&self.topic, *partition);
        }
        self.consumer.assign(&self.offsets(positions)?)
    }

    /// Stops reading.
    pub(crate) fn unassign(&self) {
        if let Err(error) = self.consumer.unassign() {
            tracing::warn!(%error, "cannot unassign");
        }
    }

    /// Waits until no offset commit of these partitions is pending in the group (the fence of KIP-447); false
    /// when it did not answer within `wait`.
    pub(crate) fn no_commit_pending(&self, partitions: &[i32], wait: Duration) -> Result<bool, KafkaError> {
        let positions: Vec<_> = partitions.iter().map(|partition| (*partition, 0)).collect();
        match self.consumer.committed_offsets(self.offsets(&positions)?, wait) {
            Ok(answer) => Ok(answer.elements().iter().all(|element| element.error().is_ok())),
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::OperationTimedOut) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// The offsets that the group has committed; for comparison only.
    pub(crate) fn committed(
        &self,
        partitions: &[i32],
        wait: Duration,
    ) -> Result<Vec<(i32, i64)>, KafkaError> {
        let positions: Vec<_> = partitions.iter().map(|partition| (*partition, 0)).collect();
        let committed = self.consumer.committed_offsets(self.offsets(&positions)?, wait)?;
        Ok(committed
            .elements()
            .iter()
            .filter_map(|e| e.offset().to_raw().filter(|o| *o >= 0).map(|offset| (e.partition(), offset)))
            .collect())
    }

    /// The list form that librdkafka wants.
    pub(crate) fn offsets(&self, positions: &[(i32, i64)]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (partition, offset) in positions {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset))?;
        }
        Ok(list)
    }

    /// Where the partition ends, as the last fetch saw it.
    pub(crate) fn known_end(&self, partition: i32) -> Option<i64> {
        native::known_end(&self.consumer, &self.topic, partition)
    }

    /// Takes the records that are there, waiting up to `wait` for the first.
    pub(crate) fn drain(&mut self, wait: Duration) -> Batch<'_> {
        self.queue.drain(wait)
    }

    /// How long calls of `drain` have waited for records, all together.
    pub(crate) fn waited(&self) -> Duration {
        self.queue.waited
    }

    /// The consumer, for queries of watermarks and for commits outside of a transaction in test builds.
    pub(crate) fn consumer(&self) -> &BaseConsumer<GroupContext> {
        &self.consumer
    }

    /// Leaves the group, so that the others have our partitions at once. A static member sends no `LeaveGroup`
    /// by itself: `unsubscribe`, with the assignment gone before the close, makes it.
    pub(crate) fn leave(self) {
        self.consumer.unsubscribe();
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(GroupEvent::Revoked | GroupEvent::Lost) = self.group_event(Duration::from_millis(50))
            {
                self.unassign();
            }
            if self.consumer.assignment().is_ok_and(|a| a.count() == 0) {
                break;
            }
        }
        self.close();
    }

    /// Closes the consumer without leaving the group, within a bounded time.
    pub(crate) fn close(self) {
        drop_within(CLOSE_TIMEOUT, "consumer", self);
    }
}

/// Drops `client` in a thread of its own: destroying a client blocks while brokers are away.
pub(crate) fn drop_within<T: Send + 'static>(limit: Duration, what: &'static str, client: T) {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(client);
        let _ = done.send(());
    });
    if wait.recv_timeout(limit).is_err() {
        tracing::warn!(client = what, "closing a client takes too long; left behind");
    }
}
