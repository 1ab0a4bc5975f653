//! The dashboard: REST routes over what the views wrote to Redis, Socket.IO over what they and the
//! processors sent to Kafka, and the web page that shows both.
//!
//! Every replica stands alone: it reads both topics without a consumer group and keeps nothing.

mod app;
mod cached;
mod config;
mod feed;
mod groups;
mod guard;
mod lag;
mod limits;
mod metrics;
mod origins;
mod page;
mod pipeline;
mod rate;
mod reader;
mod recent;
mod relay;
mod rest;
mod run;
mod server;
mod sockets;
mod stats;
mod traces;

pub use config::{DashboardArgs, DashboardConfig, Store};
pub use guard::Token;
pub use metrics::metrics;
pub use origins::Origin;
pub use reader::{MemoryReader, ReadError, Reader, Reading, RedisReader};
pub use rest::document::openapi;
pub use run::{DashboardError, run};
