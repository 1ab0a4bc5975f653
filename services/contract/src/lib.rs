//! What the parts of Millrace agree on: messages, topics, keys, settings, and the two ports
//! ([`Processor`] and [`View`]) through which pure domain crates plug into the engine and the views.
//!
//! This crate is pure: no I/O, no clock, no threads.

pub mod alert;
mod json;
pub mod keys;
pub mod order;
pub mod processor;
pub mod settings;
pub mod stage_status;
pub mod state;
pub mod time;
pub mod topics;
pub mod update;
pub mod view;

pub use alert::{Alert, Rule, Severity};
pub use order::{Order, OrderFields, OrderParser, Rejection};
pub use processor::{Fact, Outputs, Processor, ProcessorKind, ProcessorName, StateError, StateWriter};
pub use settings::Settings;
pub use time::{Hour, Minute, Timestamp};
pub use topics::Topics;
pub use update::Update;
pub use view::{Publication, View};
