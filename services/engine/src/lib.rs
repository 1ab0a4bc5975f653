//! The exactly-once stage: runs processors over an input topic and makes their results visible exactly once.
//!
//! # How it works
//! One thread owns a consumer, a transactional producer and all state. It folds batches of orders and, every
//! commit interval, writes outputs, changed state, progress and input offsets in **one Kafka transaction**.
//! After any failed or doubtful call it throws producer and state away and restores from Kafka; start-up is
//! that same restore.
//!
//! # Guarantees
//! - To readers with `isolation.level=read_committed`, every order that the input topic holds (and that retention
//!   does not take before it was read) counts exactly once in state and alerts: through crashes, rebalances,
//!   frozen processes that wake up late, broker restarts and commits whose outcome is unknown.
//! - An invalid order goes to the dead-letter topic exactly once and stops nothing.
//! - Orders of one partition are folded in offset order. There is no order between partitions.
//! - Input that is not there any more, or not the same any more, and state of which records were lost, stop the stage
//!   with [`StageError::DataLoss`]. Nothing is skipped or counted again silently.
//! - A stage that was drained has a checkpoint at its position: nothing is folded again at its next start.
//!
//! # Assumptions
//! - The brokers keep what they acknowledged (replication and `min.insync.replicas` are the operator's choice).
//! - Each replica has an instance name of its own. Of two processes with one name the older ends, safely; one
//!   that was frozen and replaced meanwhile takes its place back once before it ends.
//! - Nobody else writes to the stage's state topic or uses transactional ids that begin with its group's name.
//! - `transaction.max.timeout.ms` of the brokers is at least 10 s (the default is 15 min).
//!
//! # Caveats
//! - One record is one order: an order that was produced twice counts twice.
//! - Readers at `read_uncommitted` see outputs of transactions that are then aborted.
//! - A replica that dies for good holds its partitions for the session timeout of 6 s; one that comes back under
//!   the same instance name goes on within about a second.
//! - The pipeline's first stage to start writes the dead letters; others only count invalid orders.

mod changelog;
mod claims;
mod cleanup;
mod commit;
mod config;
mod dead_letter;
mod error;
pub mod faults;
mod fold;
mod format;
mod group;
mod input;
mod loss;
mod metrics;
mod native;
mod partition;
mod prepare;
mod producer;
mod reader;
mod refold;
mod report;
mod restore;
mod settle;
mod stage;
pub mod state;
mod traces;

pub use config::{StageArgs, StageConfig, StartAt};
pub use error::StageError;
pub use metrics::metrics;
pub use prepare::run;
