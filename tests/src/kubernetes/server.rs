//! The API server of a test program.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::case::{MARK, clear_when_we_end};
use crate::kafka::{run_script, script};

/// The one of this program, once a test has asked for it.
static SHARED: Mutex<Option<&'static ApiServer>> = Mutex::new(None);

/// A running API server. It ends with the program that started it, however that ends.
pub struct ApiServer {
    data: PathBuf,
}

impl ApiServer {
    /// The server that all tests of this program share, started by the first to ask.
    ///
    /// # Errors
    /// When it does not start.
    pub fn shared() -> Result<&'static Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = *shared {
            return Ok(server);
        }
        let server: &'static Self = Box::leak(Box::new(Self::start()?));
        *shared = Some(server);
        Ok(server)
    }

    fn start() -> Result<Self> {
        let data = std::env::temp_dir().join(format!("millrace-apiserver-{}", std::process::id()));
        std::fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
        clear_when_we_end(&data)?;
        let mut command = std::process::Command::new(script("kubernetes/apiserver"));
        command.args(["up", "--port", "0", "--data"]).arg(&data).env(MARK, &data);
        run_script(command).context("starting a Kubernetes API server")?;
        Ok(Self { data })
    }

    /// An administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.data.join("kubeconfig")
    }

    /// Where it keeps its logs.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A client with all rights, for the runtime it is made in.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn client(&self) -> Result<Client> {
        client(&self.kubeconfig()).await
    }
}

/// A client for the cluster and user of a kubeconfig.
///
/// # Errors
/// When the file cannot be read.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).context("reading the kubeconfig")?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .context("understanding the kubeconfig")?;
    Client::try_from(config).context("making a Kubernetes client")
}
