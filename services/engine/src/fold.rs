//! From a batch of records to folded state and waiting outputs. Pure but for the borrowed batch.

use contract::{OrderParser, Outputs};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::dead_letter::DeadLetter;
use crate::error::Interrupt;
use crate::metrics::Metrics;
use crate::native::{Batch, QueueError, Record};
use crate::partition::Partition;
use crate::traces::Traces;

/// Alerts and dead letters that wait at most, …
const MAX_WAITING: usize = 20_000;
/// … and the bytes of dead letters that wait at most.
const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// What waits for the next commit, and the parser.
pub(crate) struct Fold {
    pub outputs: Outputs,
    pub dead_letters: Vec<DeadLetter>,
    dead_letter_bytes: usize,
    parser: OrderParser,
    /// `None` while traces are off.
    pub traces: Option<Traces>,
    /// Whether this is the pipeline's stage that writes dead letters.
    writes_dead_letters: bool,
}

/// The partitions of a stage, by number.
#[derive(Default)]
pub(crate) struct Partitions(Vec<Option<Partition>>);

impl Partitions {
    pub(crate) fn put(&mut self, partition: Partition) {
        let Ok(index) = usize::try_from(partition.id) else { return };
        if self.0.len() <= index {
            self.0.resize_with(index + 1, || None);
        }
        self.0[index] = Some(partition);
    }

    pub(crate) fn get_mut(&mut self, id: i32) -> Option<&mut Partition> {
        self.0.get_mut(usize::try_from(id).ok()?)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Partition> {
        self.0.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.0.iter_mut().flatten()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Fold {
    pub(crate) fn new(writes_dead_letters: bool, traces: Option<Traces>) -> Self {
        Self {
            outputs: Outputs::default(),
            dead_letters: Vec::new(),
            dead_letter_bytes: 0,
            parser: OrderParser::default(),
            traces,
            writes_dead_letters,
        }
    }

    /// Forgets what waits: it is given up with the state it belongs to.
    pub(crate) fn clear(&mut self) {
        self.outputs.clear();
        self.dead_letters.clear();
        self.dead_letter_bytes = 0;
        if let Some(traces) = &mut self.traces {
            traces.give_up();
        }
    }

    /// What waited was committed.
    pub(crate) fn committed(&mut self) {
        let alerts = self.outputs.alerts().len();
        if let Some(traces) = &mut self.traces {
            traces.committed(alerts);
        }
        self.clear();
    }

    /// Whether so much waits that a commit is due at once: memory stays bounded whatever the interval.
    pub(crate) fn is_full(&self) -> bool {
        let waiting = self.outputs.alerts().len() + self.dead_letters.len();
        waiting >= MAX_WAITING || self.dead_letter_bytes >= MAX_WAITING_BYTES
    }

    /// Folds a batch.
    pub(crate) fn batch(
        &mut self,
        batch: &Batch<'_>,
        partitions: &mut Partitions,
        metrics: &Metrics,
    ) -> Result<(), Interrupt> {
        let mut orders = 0;
        let mut previous: Option<Record<'_>> = None;
        for item in batch.iter() {
            let record = match item {
                Ok(record) => record,
                Err(error) => {
                    judge(error, partitions)?;
                    continue;
                }
            };
            // Records come in runs of one partition: only the last of a run is hashed.
            if let Some(last) = previous.take_if(|last| last.partition != record.partition) {
                note_last(partitions, &last);
            }
            match partitions.get_mut(record.partition) {
                Some(partition) if record.offset >= partition.position => {
                    orders += u64::from(self.record(&record, partition, metrics));
                    previous = Some(record);
                }
                // Not ours any more, or read already.
                _ => metrics.record_stale(),
            }
        }
        if let Some(last) = previous {
            note_last(partitions, &last);
        }
        metrics.record_batch(batch.len(), orders);
        Ok(())
    }

    /// Folds one record; false if it is no order.
    fn record(&mut self, record: &Record<'_>, partition: &mut Partition, metrics: &Metrics) -> bool {
        partition.position = record.offset + 1;
        match self.parser.parse(record.value.unwrap_or_default(), record.timestamp) {
            Ok(order) => {
                let before = self.outputs.alerts().len();
                partition.fold(&order, record.timestamp, &mut self.outputs);
                let alerts = before..self.outputs.alerts().len();
                if let Some(traces) = self.traces.as_mut().filter(|_| !alerts.is_empty()) {
                    traces.raised(record, alerts);
                }
                true
            }
            Err(rejection) => {
                partition.invalid += 1;
                metrics.record_invalid(rejection.code());
                if self.writes_dead_letters {
                    let letter = DeadLetter::new(record, rejection);
                    self.dead_letter_bytes += letter.value.len();
                    self.dead_letters.push(letter);
                }
                false
            }
        }
    }
}

fn note_last(partitions: &mut Partitions, record: &Record<'_>) {
    if let Some(partition) = partitions.get_mut(record.partition) {
        partition.note_last(record);
    }
}

/// Most errors of the queue pass by themselves; a position outside the log does not. The end of a partition
/// moves the position past transaction markers, which are no records: retention may then take them too.
fn judge(error: QueueError, partitions: &mut Partitions) -> Result<(), Interrupt> {
    match error.code {
        RDKafkaErrorCode::PartitionEOF => {
            if let Some(partition) = partitions.get_mut(error.partition) {
                partition.position = partition.position.max(error.offset);
                partition.heard = true;
            }
            Ok(())
        }
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => Err(Interrupt::Doubt {
            doing: "reading orders at the position",
            source: KafkaError::MessageConsumption(error.code),
        }),
        RDKafkaErrorCode::TopicAuthorizationFailed => Err(Interrupt::Doubt {
            doing: "reading the orders topic (this user needs Read on it)",
            source: KafkaError::MessageConsumption(error.code),
        }),
        RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition
        | RDKafkaErrorCode::UnknownTopicOrPartition => Err(Interrupt::Doubt {
            doing: "finding a partition of the orders topic",
            source: KafkaError::MessageConsumption(error.code),
        }),
        code => {
            tracing::debug!(?code, partition = error.partition, "input waits");
            Ok(())
        }
    }
}
