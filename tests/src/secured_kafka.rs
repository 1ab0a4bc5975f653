//! A real Kafka that encrypts, asks for a password and lets users do only what they were allowed.

mod certificate;
mod page;
mod rights;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::case::{Case, free_port};
use crate::kafka::{Kafka, Listener};
use rights::Desk;

pub use page::{Names, Page};
pub use rights::{Operation, Pattern, Resource, Right};

/// What every user's password is.
pub const PASSWORD: &str = "correct horse battery staple";

/// A broker with two listeners: a plain one whose nameless user may do everything, for the harness, and one with TLS and
/// SCRAM, whose users may do nothing until they are allowed to.
pub struct SecuredKafka {
    kafka: Kafka,
    port: u16,
    authority: PathBuf,
}

impl SecuredKafka {
    /// Starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(case: &Case) -> Result<Self> {
        let files = certificate::write(case.dir()).context("making certificates")?;
        let port = free_port()?;
        let settings = [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
            // Who comes without encryption: the harness and the broker itself.
            "super.users=User:ANONYMOUS".to_owned(),
            "sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned(),
            "listener.name.second.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;"
                .to_owned(),
            "ssl.keystore.type=PEM".to_owned(),
            format!("ssl.keystore.location={}", files.broker.display()),
        ];
        let settings: Vec<_> = settings.iter().map(String::as_str).collect();
        let advertised = format!("127.0.0.1:{port}");
        let second = Listener { protocol: "SASL_SSL", port, advertised };
        Ok(Self { kafka: Kafka::start_twofold(case, &second, &settings)?, port, authority: files.authority })
    }

    /// The broker as the harness reaches it: without encryption, with all rights.
    pub fn plain(&self) -> &Kafka {
        &self.kafka
    }

    /// Where users find it.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The PEM file of the authority that vouches for it.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// Makes a user with [`PASSWORD`] and exactly these rights. Returns when the broker judges by them.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn add_user(&self, name: &str, rights: &[Right]) -> Result<()> {
        let desk = Desk::at(self.plain().port());
        desk.add_user(name, PASSWORD).with_context(|| format!("making user {name}"))?;
        desk.allow(name, rights).with_context(|| format!("giving rights to {name}"))
    }

    /// Gives a user one more right. Returns when the broker judges by it.
    ///
    /// # Errors
    /// When the broker refuses.
    pub fn allow(&self, name: &str, right: &Right) -> Result<()> {
        let desk = Desk::at(self.plain().port());
        desk.allow(name, std::slice::from_ref(right)).with_context(|| format!("giving a right to {name}"))
    }
}
