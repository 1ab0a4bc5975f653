//! Asks pods how they are: `/status` of each, over HTTP.
//!
//! # Guarantees
//! - A read takes at most [`TIMEOUT`] for every [`AT_ONCE`] pods, whatever they do; one that is slow, silent or talks
//!   nonsense costs its own figures only.
//! - What a pod does not say is missing in the answer, with the reason, and never 0.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use contract::stage_status::StageStatus;
use futures::{FutureExt, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::chain::chain;
use crate::scaling::PodLoad;

/// The port of `/status` in every pod.
pub const PORT: u16 = 9464;
/// A pod answers from memory; what takes longer than this is no answer.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// Pods that are asked at the same time.
pub const AT_ONCE: usize = 16;
/// An answer with a thousand partitions has half of this.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// Says where a pod's `/status` is; `None` while it has no address.
pub type Locate = Arc<dyn Fn(&Pod) -> Option<SocketAddr> + Send + Sync>;

/// Asks pods. Clones share connections.
#[derive(Clone)]
pub struct LoadReader {
    client: reqwest::Client,
    locate: Locate,
}

/// What a pod says, or why it does not.
#[derive(Debug)]
pub struct PodReport {
    /// The pod's name.
    pub pod: String,
    /// What it says.
    pub answer: Result<Answer, LoadError>,
}

/// What a pod says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Its stage; `None` when it runs none, or has not started it yet.
    pub stage: Option<StageStatus>,
    /// The generation of the settings that it runs with.
    pub settings_generation: Option<u64>,
}

/// Why a pod says nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No HTTP client can be made.
    #[error("cannot make an http client")]
    Client(#[source] reqwest::Error),
    /// It is not started yet.
    #[error("it has no address yet")]
    NoAddress,
    /// It cannot be reached, or not in time.
    #[error("asking {address} for /status failed")]
    Request {
        /// Where it was asked.
        address: SocketAddr,
        /// The failure.
        #[source]
        source: reqwest::Error,
    },
    /// It answers with something else.
    #[error("{address}/status answered {code}")]
    Refused {
        /// Where it was asked.
        address: SocketAddr,
        /// The HTTP status.
        code: StatusCode,
    },
    /// It does not come to an end.
    #[error("{address}/status is larger than 1 MiB")]
    TooLarge {
        /// Where it was asked.
        address: SocketAddr,
    },
    /// It is not what a Millrace process says.
    #[error("{address}/status cannot be read")]
    Unreadable {
        /// Where it was asked.
        address: SocketAddr,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl LoadReader {
    /// Asks pods at their own addresses.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new() -> Result<Self, LoadError> {
        Self::at(Arc::new(pod_address))
    }

    /// Asks pods where `locate` says.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(locate: Locate) -> Result<Self, LoadError> {
        runtime::tls::install_provider();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(1)
            .build()
            .map_err(LoadError::Client)?;
        Ok(Self { client, locate })
    }

    /// What each of `pods` says, in their order.
    pub async fn read(&self, pods: &[Pod]) -> Vec<PodReport> {
        // gathered first: a stream over a closure that borrows is not Send for the compiler
        let asked: Vec<_> = pods.iter().map(|pod| self.report(pod).boxed()).collect();
        futures::stream::iter(asked).buffered(AT_ONCE).collect().await
    }

    async fn report(&self, pod: &Pod) -> PodReport {
        let name = pod.metadata.name.clone().unwrap_or_default();
        PodReport { pod: name, answer: self.ask(pod).await }
    }

    async fn ask(&self, pod: &Pod) -> Result<Answer, LoadError> {
        let address = (self.locate)(pod).ok_or(LoadError::NoAddress)?;
        let request = |source| LoadError::Request { address, source };
        let mut response =
            self.client.get(format!("http://{address}/status")).send().await.map_err(request)?;
        if response.status() != StatusCode::OK {
            return Err(LoadError::Refused { address, code: response.status() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(request)? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(LoadError::TooLarge { address });
            }
            body.extend_from_slice(&chunk);
        }
        Answer::read(&body).map_err(|source| LoadError::Unreadable { address, source })
    }
}

impl Answer {
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let Page { sections: Sections { stage, settings } } = serde_json::from_slice(body)?;
        Ok(Self { stage, settings_generation: settings.map(|settings| settings.generation) })
    }
}

impl From<&PodReport> for PodLoad {
    fn from(report: &PodReport) -> Self {
        let stage = match &report.answer {
            Ok(answer) => answer.stage.clone().ok_or_else(|| "its stage has not started".to_owned()),
            Err(error) => Err(chain(error)),
        };
        Self { pod: report.pod.clone(), stage }
    }
}

/// What is read of `/status`; the rest is for people.
#[derive(Deserialize)]
struct Page {
    sections: Sections,
}

#[derive(Deserialize)]
struct Sections {
    stage: Option<StageStatus>,
    settings: Option<SettingsSection>,
}

#[derive(Deserialize)]
struct SettingsSection {
    generation: u64,
}

/// The pod's own address; `None` before it has one and after it has ended.
fn pod_address(pod: &Pod) -> Option<SocketAddr> {
    let status = pod.status.as_ref()?;
    if matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")) {
        return None;
    }
    let address: IpAddr = status.pod_ip.as_ref()?.parse().ok()?;
    Some(SocketAddr::new(address, PORT))
}

#[cfg(test)]
mod tests;
