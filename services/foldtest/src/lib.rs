//! Property tests of processors and views: streams of orders, and what happens to a processor on its way
//! through one, without Kafka.
//!
//! - [`orders`] and [`script`] make streams: minute boundaries, late orders, jumps of time, changed settings.
//! - [`run`] folds a stream as the engine does, with commits, checkpoints and crashes where a plan says so.
//! - [`Merger`] sums the checkpoints of partitions and feeds a view as the views process does; a [`Screen`]
//!   holds what the view has shown.
//!
//! Only tests depend on this crate, so it panics where a processor breaks the port's contract.

mod engine;
mod merger;
mod order;
mod stream;

pub use engine::{Action, Checkpoint, Crash, Run, actions, run};
pub use merger::{Merger, Screen, interleaving, show_at_once};
pub use order::TestOrder;
pub use stream::{Event, Shop, Times, orders, orders_of, script, split, watermarks};
