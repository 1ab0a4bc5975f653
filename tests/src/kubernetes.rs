//! A real Kubernetes API: one server for a whole test program, a namespace for each test.
//!
//! No node runs behind it, and no controller of Deployments: what would become of workloads is told by the test, through
//! [`stand_in`]. Everything else is real: admission, garbage collection, namespaces, roles, autoscalers.

pub mod node;
mod objects;
mod server;
pub mod stand_in;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::{DeleteParams, DynamicObject, ObjectMeta, PostParams};
use kube::{Api, Client, Resource};

use crate::case::{self, Case};
use crate::process::tail;
use crate::service::Spec;

pub use objects::{CRD_LIMIT, api_of, install_crd, objects};
pub use server::ApiServer;

/// How often [`until`] looks.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a busy machine may take to give a new namespace its service account.
const ACCOUNT_LIMIT: Duration = Duration::from_mins(1);

/// A namespace of a test's own on the test program's API server.
pub struct Space<'a> {
    case: &'a Case,
    server: &'static ApiServer,
    client: Client,
    namespace: String,
}

/// Runs one test in a fresh directory and a fresh namespace. The namespace is deleted when the test ends.
///
/// # Panics
/// When `body` fails: that is how a test fails.
pub fn run(name: &str, body: impl AsyncFnOnce(&Space<'_>) -> Result<()>) {
    case::run(name, |case| run_in(case, name, body));
}

/// Runs one test like [`run`], but beside the others: for one that does nothing but wait for a long time.
///
/// # Panics
/// When `body` fails: that is how a test fails.
pub fn run_beside(name: &str, body: impl AsyncFnOnce(&Space<'_>) -> Result<()>) {
    case::run_beside(name, |case| run_in(case, name, body));
}

fn run_in(case: &Case, name: &str, body: impl AsyncFnOnce(&Space<'_>) -> Result<()>) -> Result<()> {
    let server = ApiServer::shared()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let space = Space::create(case, server, name).await?;
        let outcome = body(&space).await;
        space.delete().await?;
        outcome
    })
}

impl<'a> Space<'a> {
    async fn create(case: &'a Case, server: &'static ApiServer, name: &str) -> Result<Self> {
        let client = server.client().await?;
        let wanted = Namespace {
            metadata: ObjectMeta { generate_name: Some(format!("{name}-")), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let created = Api::all(client.clone())
            .create(&PostParams::default(), &wanted)
            .await
            .context("creating the test's namespace")?;
        let namespace = created.metadata.name.context("a namespace without a name")?;
        let space = Self { case, server, client, namespace };
        // Until then no pod can be created.
        let accounts = space.api::<ServiceAccount>();
        until("the namespace's service account", ACCOUNT_LIMIT, async || {
            Ok(accounts.get_opt("default").await?.is_some())
        })
        .await?;
        Ok(space)
    }

    /// Does not wait until it is gone: what finalizers hold back is no matter of other tests.
    async fn delete(&self) -> Result<()> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let gone =
            |failure: &kube::Error| matches!(failure, kube::Error::Api(status) if status.is_not_found());
        match namespaces.delete(&self.namespace, &DeleteParams::default()).await {
            Err(failure) if !gone(&failure) => Err(failure).context("deleting the test's namespace"),
            _ => Ok(()),
        }
    }

    /// The test's directory, for servers and logs.
    pub fn case(&self) -> &'a Case {
        self.case
    }

    /// A client with all rights.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The API server.
    pub fn server(&self) -> &'static ApiServer {
        self.server
    }

    /// The objects of one kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The objects of the kind that `object` says it is, in the namespace.
    ///
    /// # Errors
    /// When it does not say.
    pub fn api_of(&self, object: &DynamicObject) -> Result<Api<DynamicObject>> {
        api_of(self.client.clone(), &self.namespace, object)
    }

    /// Creates every object of a YAML text in the namespace.
    ///
    /// # Errors
    /// When the text is not YAML, or the server refuses an object: with the server's own message.
    pub async fn create_yaml(&self, yaml: &str) -> Result<Vec<DynamicObject>> {
        let mut created = Vec::new();
        for object in objects(yaml)? {
            created.push(self.api_of(&object)?.create(&PostParams::default(), &object).await?);
        }
        Ok(created)
    }

    /// An operator as a process: `program run`, minding this namespace alone. Start it with [`Spec::start`]; further
    /// options and environment can be added before.
    pub fn operator(&self, program: &Path) -> Spec {
        let env = [
            ("KUBECONFIG", self.server.kubeconfig().display().to_string()),
            ("WATCH_NAMESPACE", self.namespace.clone()),
            ("POD_NAMESPACE", self.namespace.clone()),
            ("MILLRACE_IMAGE", "millrace.test/millrace:1".to_owned()),
            ("RUST_LOG", "info".to_owned()),
        ];
        Spec {
            name: "operator".to_owned(),
            program: program.to_owned(),
            args: vec!["run".to_owned()],
            env: env.map(|(name, value)| (name.to_owned(), value)).into(),
            log: self.case.path("operator.log"),
            mark: self.case.dir().to_owned(),
        }
    }

    /// The end of the operator's log, for error messages.
    pub fn operator_log(&self) -> String {
        tail(&self.case.path("operator.log"))
    }
}

/// Waits until `probe` is true; an error of `probe` counts as "not yet" and is told at the end.
///
/// # Errors
/// When `limit` has passed.
pub async fn until(what: &str, limit: Duration, mut probe: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let answer = probe().await;
        if matches!(answer, Ok(true)) {
            return Ok(());
        }
        let last = answer.err().map(|failure| format!(": {failure:#}")).unwrap_or_default();
        ensure!(tokio::time::Instant::now() < deadline, "waited {limit:?} in vain for {what}{last}");
        tokio::time::sleep(PAUSE).await;
    }
}
