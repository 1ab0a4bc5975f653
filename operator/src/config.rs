//! Options of `millrace-operator run`.

use std::time::Duration;

use runtime::config::{AdminArgs, LogArgs, duration};

use crate::pipeline::ImageName;

/// Follow the pipelines and make them run
#[derive(clap::Args, Clone, Debug)]
pub struct RunArgs {
    /// The image of the services, as repository:tag, unless a pipeline names another.
    #[arg(long, env = "MILLRACE_IMAGE", value_name = "IMAGE")]
    pub image: ImageName,

    /// The namespace whose pipelines are looked after. Empty: all of them.
    #[arg(long, env = "WATCH_NAMESPACE", value_name = "NAMESPACE", default_value = "")]
    pub watch_namespace: String,

    /// The operator's own namespace: there is the Lease by which replicas agree who works.
    #[arg(long, env = "POD_NAMESPACE", value_name = "NAMESPACE", default_value = "default")]
    pub namespace: String,

    /// The name of this replica, which no other has. Without: host name and process id.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,

    /// How often topics and settings in Kafka are compared with a pipeline when nothing gives cause to.
    #[arg(long, env = "RESYNC", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub resync: Duration,

    /// How long deleting a pipeline may wait for pods, Kafka and Redis before it lets go.
    #[arg(long, env = "DELETION_DEADLINE", value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub deletion_deadline: Duration,

    /// Where the operator answers about itself.
    #[command(flatten)]
    pub admin: AdminArgs,

    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

impl RunArgs {
    /// The namespace to follow; `None` for all.
    pub fn watched(&self) -> Option<&str> {
        Some(self.watch_namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }

    /// The name of this replica.
    pub fn identity(&self) -> String {
        self.identity.clone().unwrap_or_else(|| {
            let host = hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            format!("{host}-{}", std::process::id())
        })
    }
}
