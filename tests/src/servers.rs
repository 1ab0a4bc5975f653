//! The servers that one or more pipelines of a case share.

use std::rc::Rc;

use anyhow::{Context, Result};

use crate::case::Case;
use crate::kafka::Kafka;
use crate::proxy::Proxy;
use crate::redis_server::Redis;

/// A broker, a Redis, and a proxy if asked for.
pub struct Servers {
    /// The broker.
    pub kafka: Kafka,
    /// The Redis.
    pub redis: Redis,
    proxy: Option<Proxy>,
}

impl Servers {
    /// A broker and a Redis.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(case: &Case) -> Result<Rc<Self>> {
        Ok(Rc::new(Self { kafka: Kafka::start(case)?, redis: Redis::start(case)?, proxy: None }))
    }

    /// The same with a proxy between the replicas of stages and the broker, and with further lines for the
    /// broker's `server.properties`.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start_with_proxy(case: &Case, broker: &[&str]) -> Result<Rc<Self>> {
        let (proxy, listener) = Proxy::bind()?;
        let kafka = Kafka::start_behind(case, proxy.port(), broker)?;
        proxy.forward(listener, kafka.proxied_port());
        Ok(Rc::new(Self { kafka, redis: Redis::start(case)?, proxy: Some(proxy) }))
    }

    /// Where replicas of stages find the broker.
    pub fn stage_brokers(&self) -> String {
        self.proxy.as_ref().map_or_else(|| self.kafka.brokers(), Proxy::brokers)
    }

    /// The proxy.
    ///
    /// # Errors
    /// When there is none.
    pub fn proxy(&self) -> Result<&Proxy> {
        self.proxy.as_ref().context("these servers have no proxy")
    }
}
