//! The harness of the black-box tests: real servers, real processes, load, an oracle of its own, and the
//! checks that compare the two.

pub mod bad_orders;
pub mod binary;
pub mod case;
pub mod checks;
pub mod cluster;
pub mod collector;
pub mod faults;
pub mod http;
pub mod kafka;
pub mod kubernetes;
pub mod load;
pub mod oracle;
pub mod pipeline;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod redis_server;
pub mod secured_kafka;
pub mod servers;
pub mod service;
pub mod shop;
pub mod state_topic;
pub mod topic;
pub mod wait;
