//! What runs beside the processors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Resources, schema};

/// The process that merges the processors' results into Redis and the metrics topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ViewsSpec {
    /// How often what changed is written; also the shortest time between two updates of a type. Default: 100ms;
    /// 10ms to 1m.
    #[schemars(extend("x-kubernetes-validations" = schema::duration("interval", "10ms", "1m")))]
    pub interval: Duration,
    /// What the pod gets.
    pub resources: Resources,
}

/// The web page, its REST routes and Socket.IO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct DashboardSpec {
    /// How many replicas serve it. 0: no dashboard. Default: 1; 0 to 20.
    #[schemars(range(min = 0, max = 20))]
    pub replicas: i32,
    /// How it is reached from outside the cluster. Without: not; inside, by the Service `<name>-dashboard`, port 3001.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressSpec>,
    /// What each pod gets.
    pub resources: Resources,
}

/// How the dashboard is reached from outside the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressSpec {
    /// The name under which it is reached, as `live.shop.example`. At most 253 characters.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::host()))]
    pub host: String,
    /// The Secret with the certificate of that name (`tls.crt`, `tls.key`). Without: plain HTTP. At most 253
    /// characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::object_name("tlsSecret")))]
    pub tls_secret: Option<String>,
    /// Which ingress controller serves it. Default: the cluster's own default. At most 253 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = schema::object_name("className")))]
    pub class_name: Option<String>,
}

/// A shop that makes up orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SimulatorSpec {
    /// Whether it runs. Default: false.
    pub enabled: bool,
    /// Orders per second. Default: 1; 1 to 200000.
    #[schemars(range(min = 1, max = 200_000))]
    pub orders_per_second: u32,
    /// How many of 100 orders are suspicious. Default: 5; 0 to 100.
    #[schemars(range(min = 0, max = 100))]
    pub suspicious_percent: u8,
    /// What the pod gets.
    pub resources: Resources,
}

/// Rules about who may talk to the pipeline's pods, and with whom they may talk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Whether there are `NetworkPolicy` objects. They hold only on clusters whose network enforces them. Default: false.
    pub enabled: bool,
}

impl Default for ViewsSpec {
    fn default() -> Self {
        Self { interval: Duration::from_millis(100), resources: Resources::default() }
    }
}

impl Default for DashboardSpec {
    fn default() -> Self {
        Self { replicas: 1, ingress: None, resources: Resources::default() }
    }
}

impl Default for SimulatorSpec {
    fn default() -> Self {
        Self { enabled: false, orders_per_second: 1, suspicious_percent: 5, resources: Resources::default() }
    }
}
