//! `millrace-operator run`: puts the parts together.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use kube::runtime::controller::{self, Error as ControllerError};
use kube::{Client, Config};
use runtime::admin::{self, Admin};
use runtime::http::{self, ListenError};
use runtime::{Need, Process, Shutdown};

use crate::chain::chain;
use crate::config::RunArgs;
use crate::events::Events;
use crate::leader::{Candidate, LeaseError};
use crate::load::{LoadError, LoadReader};
use crate::metrics::Metrics;
use crate::pipeline::{OperatorDefaults, Traces};
use crate::reconcile::write::Writer;
use crate::reconcile::{Context, Lanes, Memories, Timing, again, reconcile};
use crate::watches::{Triggers, Watches};

/// Changes that come within this time are looked at once.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// How long looks that are under way may take after the operator was told to stop. What ends unfinished is finished by
/// the next leader.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The port of the admin server.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// No way to the API server is configured.
    #[error("cannot find out where the API server is (in a pod, or by KUBECONFIG)")]
    Configuration(#[source] kube::config::InferConfigError),
    /// The way that is configured cannot be used.
    #[error("cannot make a client of the API server")]
    Client(#[source] kube::Error),
    /// Metrics cannot be registered: this ran twice with one registry.
    #[error("cannot register metrics")]
    Metrics(#[from] prometheus::Error),
    /// Pods cannot be asked.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Another replica leads, or may.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// Runs until told to stop.
///
/// # Errors
/// When the configuration is wrong, or the Lease is lost: then the process must end.
pub async fn run(args: RunArgs, process: Process) -> Result<(), RunError> {
    let listener = http::listen(args.admin.admin_listen, "--admin-listen / ADMIN_LISTEN").await?;
    let metrics = Metrics::register(&process.registry)?;
    let config = Config::infer().await.map_err(RunError::Configuration)?;
    let client = Client::try_from(config).map_err(RunError::Client)?;
    let need = process.health.need("kubernetes");
    // one that stands by is ready too: it takes over within seconds
    let admin = tokio::spawn(admin::serve(listener, Admin::from(&process), process.shutdown.clone()));
    reach(&client, &need, &process.shutdown).await;
    let outcome = lead(&args, client, metrics, &process).await;
    process.shutdown.cancel();
    if let Err(error) = admin.await {
        tracing::warn!(%error, "the admin server ended badly");
    }
    outcome
}

/// Works while this replica holds the Lease.
async fn lead(args: &RunArgs, client: Client, metrics: Metrics, process: &Process) -> Result<(), RunError> {
    let shutdown = &process.shutdown;
    let candidate = Candidate::new(client.clone(), &args.namespace, args.identity());
    let Some(held) = candidate.acquire(shutdown).await else { return Ok(()) };
    metrics.record_leadership(true);
    // the Lease is given back only when nothing is under way any more
    let worked = Shutdown::new();
    let (context, triggers) = context(args, client, metrics.clone(), shutdown)?;
    let need = process.health.need("pipelines");
    let known = Arc::clone(&context);
    tokio::spawn(async move {
        known.watches.ready().await;
        need.met();
    });
    let work = async {
        work(context, triggers, shutdown).await;
        worked.cancel();
        std::future::pending::<()>().await;
    };
    let kept = tokio::select! {
        kept = held.keep(&worked) => kept,
        () = work => Ok(()),
    };
    metrics.record_leadership(false);
    kept.map_err(RunError::from)
}

/// Waits until the API server answers.
async fn reach(client: &Client, need: &Need, shutdown: &Shutdown) {
    while let Err(error) = client.apiserver_version().await {
        need.missing(format!("the API server does not answer: {}", chain(&error)));
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    need.met();
}

fn context(
    args: &RunArgs,
    client: Client,
    metrics: Metrics,
    shutdown: &Shutdown,
) -> Result<(Arc<Context>, Triggers), LoadError> {
    let (watches, triggers) = Watches::start(&client, args.watched(), metrics.clone());
    let context = Context {
        defaults: OperatorDefaults {
            image: args.image.clone(),
            namespace: args.namespace.clone(),
            traces: Traces::from_env(),
        },
        timing: Timing { resync: args.resync, deletion_deadline: args.deletion_deadline },
        watches,
        writer: Writer::new(client.clone(), metrics.clone()),
        events: Events::new(client.clone(), args.identity()),
        load: LoadReader::new()?,
        metrics,
        lanes: Lanes::default(),
        memories: Memories::default(),
        shutdown: shutdown.clone(),
        client,
    };
    Ok((Arc::new(context), triggers))
}

/// Looks at pipelines as they change, until told to stop and what is under way has ended.
async fn work(context: Arc<Context>, triggers: Triggers, shutdown: &Shutdown) {
    let stop = shutdown.clone();
    let waiting = context.metrics.clone();
    let triggers = triggers
        .inspect_ok(move |request| {
            let object = &request.obj_ref;
            waiting.record_queued(object.namespace.as_deref().unwrap_or_default(), &object.name);
        })
        .take_until(async move { stop.cancelled().await });
    let pipelines = context.watches.pipelines.clone();
    let looks = controller::applier(
        |object, context| Box::pin(reconcile(object, context)),
        again,
        Arc::clone(&context),
        pipelines,
        triggers,
        controller::Config::default().debounce(DEBOUNCE),
    );
    let late = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    looks
        .take_until(Box::pin(late))
        .for_each(|look| {
            match look {
                Err(ControllerError::QueueError(error)) => {
                    tracing::warn!(error = %chain(&error), "cannot follow the API server");
                }
                Err(error @ ControllerError::RunnerError(_)) => tracing::warn!(%error, "cannot look"),
                // gone meanwhile
                Err(ControllerError::ObjectNotFound(gone)) => {
                    context.metrics.record_taken(gone.namespace.as_deref().unwrap_or_default(), &gone.name);
                }
                // fine, or told where it was handled
                Ok(_) | Err(ControllerError::ReconcilerFailed(..)) => {}
            }
            context.tidy();
            std::future::ready(())
        })
        .await;
}
