//! How the dashboard is reached.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{DASHBOARD_PORT, metadata};
use crate::api;
use crate::pipeline::{Component, Pipeline};

/// What the port is called, in pods and in the Service.
pub(super) const PORT: &str = "http";

/// Inside the cluster.
pub(super) fn service(pipeline: &Pipeline) -> Service {
    let selector = metadata::pods(&pipeline.identity, Some(Component::Dashboard)).match_labels;
    Service {
        metadata: metadata::of(&pipeline.identity, Component::Dashboard),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector,
            ports: Some(vec![ServicePort {
                name: Some(PORT.to_owned()),
                port: DASHBOARD_PORT,
                target_port: Some(IntOrString::String(PORT.to_owned())),
                protocol: Some("TCP".to_owned()),
                ..ServicePort::default()
            }]),
            // Socket.IO's polling spreads a session over several requests, which must meet the same pod
            session_affinity: Some("ClientIP".to_owned()),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// From outside.
pub(super) fn ingress(pipeline: &Pipeline, spec: &api::IngressSpec) -> Ingress {
    let api::IngressSpec { host, tls_secret, class_name } = spec;
    let service = IngressServiceBackend {
        name: pipeline.identity.child(Component::Dashboard),
        port: Some(ServiceBackendPort { name: Some(PORT.to_owned()), number: None }),
    };
    let path = HTTPIngressPath {
        path: Some("/".to_owned()),
        path_type: "Prefix".to_owned(),
        backend: IngressBackend { service: Some(service), resource: None },
    };
    let tls = tls_secret.as_ref().map(|secret| {
        vec![IngressTLS { hosts: Some(vec![host.clone()]), secret_name: Some(secret.clone()) }]
    });
    Ingress {
        metadata: metadata::of(&pipeline.identity, Component::Dashboard),
        spec: Some(IngressSpec {
            ingress_class_name: class_name.clone(),
            rules: Some(vec![IngressRule {
                host: Some(host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            tls,
            default_backend: None,
        }),
        status: None,
    }
}
