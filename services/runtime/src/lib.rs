//! The process shell that all services share: configuration, Kafka client settings, telemetry, health, the
//! admin server, settings and topics. Knows nothing about any service.

pub mod admin;
pub mod config;
pub mod health;
pub mod http;
pub mod kafka;
pub mod metrics;
pub mod process;
pub mod settings;
pub mod shutdown;
pub mod status;
pub mod telemetry;
pub mod tls;
pub mod topics;
pub mod traces;

pub use config::KafkaArgs;
pub use health::{Health, Need};
pub use process::Process;
pub use settings::{Directory, SettingsTail};
pub use shutdown::Shutdown;
pub use status::Status;
