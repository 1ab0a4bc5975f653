//! A dashboard that runs in the test's process.

use std::time::Duration;

use anyhow::{Context, Result};
use contract::Topics;
use dashboard::{DashboardArgs, DashboardConfig, DashboardError, Store, run};
use runtime::config::KafkaArgs;
use runtime::{Process, Shutdown};
use tokio::task::JoinHandle;

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A running dashboard.
pub struct Dashboard {
    /// Where it answers, without a slash at the end.
    pub url: String,
    /// What it reports to.
    pub process: Process,
    running: JoinHandle<Result<(), DashboardError>>,
}

impl Dashboard {
    /// Starts one on a free port. It follows topics `metrics` and `alerts`.
    pub async fn start(brokers: &str, store: Store) -> Result<Self> {
        // for the client of the tests
        runtime::tls::install_provider();
        let process = Process::new(Shutdown::new());
        let config = config("127.0.0.1:0", brokers, store);
        let running = tokio::spawn(run(config, process.clone()));
        let listens =
            || async { process.status.to_json()["dashboard"]["listen"].as_str().map(str::to_owned) };
        let address = until("the dashboard listens", listens).await?;
        Ok(Self { url: format!("http://{address}"), process, running })
    }

    /// Waits until it has what it needs.
    pub async fn ready(&self) -> Result<()> {
        until("the dashboard is ready", || async { self.process.health.missing().is_empty().then_some(()) })
            .await
    }

    /// The status and body of an answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let response = reqwest::get(format!("{}{path}", self.url)).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Waits until a route answers as expected.
    pub async fn answers(&self, path: &str, expected: (u16, &str)) -> Result<()> {
        let (status, body) = expected;
        let asked = || async { self.get(path).await.ok().filter(|got| *got == (status, body.to_owned())) };
        until(path, asked).await.map(drop).with_context(|| format!("{expected:?} was expected"))
    }

    /// Tells it to stop and waits until it has.
    pub async fn stop(self) -> Result<()> {
        self.process.shutdown.cancel();
        Ok(tokio::time::timeout(LIMIT, self.running).await.context("stopping takes too long")???)
    }
}

/// What a dashboard is told here.
pub fn config(listen: &str, brokers: &str, store: Store) -> DashboardConfig {
    let args = DashboardArgs::at(listen.parse().expect("an address"));
    DashboardConfig { args, kafka: KafkaArgs::to(brokers), topics: Topics::named("shop"), store }
}

/// Waits until `ask` has an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> Result<T> {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LIMIT, answered).await.with_context(|| format!("waited in vain until {what}"))
}
