//! Users and rights, told to a broker in its own protocol: librdkafka could, its Rust binding cannot.

use std::fmt;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::alter_user_scram_credentials_request::ScramCredentialUpsertion;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, ApiKey, CreateAclsRequest,
    CreateAclsResponse, DescribeAclsRequest, DescribeAclsResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use ring::pbkdf2;

use crate::wait;

/// How long the broker may take over anything.
const LIMIT: Duration = Duration::from_secs(10);
/// What Kafka calls SCRAM-SHA-512.
const SCRAM_SHA_512: i8 = 2;
/// The fewest that Kafka takes.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("is not zero");
/// What Kafka calls an allowance.
const ALLOW: i8 = 3;
/// What Kafka calls "any" in a filter.
const ANY: i8 = 1;

/// That somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// On what kind of thing.
    pub resource: Resource,
    /// Its name, or how its name begins.
    pub name: String,
    /// Which of both.
    pub pattern: Pattern,
    /// What may be done.
    pub operation: Operation,
}

/// What rights are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A topic.
    Topic = 2,
    /// A consumer group.
    Group = 3,
    /// A producer's transactional id.
    TransactionalId = 5,
}

/// How a right's name is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// The one of this name.
    Literal = 3,
    /// All whose names begin so.
    Prefixed = 4,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Read records; be a member of a group.
    Read = 3,
    /// Write records; use a transactional id.
    Write = 4,
    /// Create.
    Create = 5,
    /// Delete.
    Delete = 6,
    /// Add partitions.
    Alter = 7,
    /// See that it exists.
    Describe = 8,
    /// See its configuration.
    DescribeConfigs = 10,
    /// Change its configuration.
    AlterConfigs = 11,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, name, pattern, operation } = self;
        let star = if *pattern == Pattern::Prefixed { "*" } else { "" };
        write!(f, "{operation:?} of {resource:?} {name}{star}")
    }
}

/// A broker's listener at which one may do everything.
pub(super) struct Desk {
    port: u16,
}

impl Desk {
    pub(super) fn at(port: u16) -> Self {
        Self { port }
    }

    pub(super) fn add_user(&self, name: &str, password: &str) -> Result<()> {
        let salt: [u8; 16] = rand::random();
        let mut salted = [0; 64];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, ITERATIONS, &salt, password.as_bytes(), &mut salted);
        let credential = ScramCredentialUpsertion::default()
            .with_name(text(name))
            .with_mechanism(SCRAM_SHA_512)
            .with_iterations(i32::try_from(ITERATIONS.get())?)
            .with_salt(Bytes::copy_from_slice(&salt))
            .with_salted_password(Bytes::copy_from_slice(&salted));
        let request = AlterUserScramCredentialsRequest::default().with_upsertions(vec![credential]);
        let answer: AlterUserScramCredentialsResponse =
            self.ask(ApiKey::AlterUserScramCredentials, 0, &request)?;
        for result in answer.results {
            granted(result.error_code, result.error_message.as_ref())?;
        }
        Ok(())
    }

    /// Returns when the broker judges by the rights.
    pub(super) fn allow(&self, user: &str, rights: &[Right]) -> Result<()> {
        let wanted = self.rights_of(user)? + rights.len();
        let creations = rights.iter().map(|right| {
            AclCreation::default()
                .with_resource_type(right.resource as i8)
                .with_resource_name(text(&right.name))
                .with_resource_pattern_type(right.pattern as i8)
                .with_principal(text(&principal(user)))
                .with_host(text("*"))
                .with_operation(right.operation as i8)
                .with_permission_type(ALLOW)
        });
        let request = CreateAclsRequest::default().with_creations(creations.collect());
        let answer: CreateAclsResponse = self.ask(ApiKey::CreateAcls, 3, &request)?;
        for result in answer.results {
            granted(result.error_code, result.error_message.as_ref())?;
        }
        wait::equal(&format!("the rights of {user}"), &wanted, LIMIT, || self.rights_of(user))
    }

    /// How many rights the broker knows of a user.
    fn rights_of(&self, user: &str) -> Result<usize> {
        let request = DescribeAclsRequest::default()
            .with_resource_type_filter(ANY)
            .with_resource_name_filter(None)
            .with_pattern_type_filter(ANY)
            .with_principal_filter(Some(text(&principal(user))))
            .with_host_filter(None)
            .with_operation(ANY)
            .with_permission_type(ANY);
        let answer: DescribeAclsResponse = self.ask(ApiKey::DescribeAcls, 3, &request)?;
        granted(answer.error_code, answer.error_message.as_ref())?;
        Ok(answer.resources.iter().map(|resource| resource.acls.len()).sum())
    }

    /// One question and its answer, over a connection of their own.
    fn ask<Q, A>(&self, key: ApiKey, version: i16, question: &Q) -> Result<A>
    where
        Q: Encodable + HeaderVersion,
        A: Decodable + HeaderVersion,
    {
        let header =
            RequestHeader::default().with_request_api_key(key as i16).with_request_api_version(version);
        let mut message = BytesMut::new();
        header.encode(&mut message, Q::header_version(version))?;
        question.encode(&mut message, version)?;
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).context("connecting")?;
        socket.set_read_timeout(Some(LIMIT))?;
        socket.write_all(&u32::try_from(message.len())?.to_be_bytes())?;
        socket.write_all(&message).with_context(|| format!("sending {key:?}"))?;
        let mut size = [0; 4];
        socket.read_exact(&mut size).with_context(|| format!("waiting for the answer to {key:?}"))?;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size))?];
        socket.read_exact(&mut answer).with_context(|| format!("reading the answer to {key:?}"))?;
        let mut answer = Bytes::from(answer);
        ResponseHeader::decode(&mut answer, A::header_version(version))?;
        let decoded = A::decode(&mut answer, version)?;
        ensure!(!answer.has_remaining(), "{} bytes too many in the answer to {key:?}", answer.remaining());
        Ok(decoded)
    }
}

fn principal(user: &str) -> String {
    format!("User:{user}")
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn granted(code: i16, message: Option<&StrBytes>) -> Result<()> {
    if code == 0 {
        return Ok(());
    }
    bail!("the broker refused with code {code}: {}", message.map_or("", |m| m.as_str()))
}
