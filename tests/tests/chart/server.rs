//! What a real API server says of what is rendered.

use anyhow::{Context, Result, ensure};
use harness::kubernetes::{self, Space, api_of};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, from_value, json};

use super::helm::{Profile, profiles, script_says};

/// Namespaces that profiles name.
async fn namespaces(client: &Client) -> Result<()> {
    for name in ["shop", "shop-test"] {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let apply = PatchParams::apply("harness").force();
        Api::<Namespace>::all(client.clone()).patch(name, &apply, &Patch::Apply(&namespace)).await?;
    }
    Ok(())
}

async fn apply(client: &Client, object: &Value, params: &PatchParams) -> Result<()> {
    let dynamic: DynamicObject = from_value(object.clone())?;
    let name = dynamic.metadata.name.clone().context("an object without a name")?;
    let namespace = dynamic.metadata.namespace.clone();
    let api = match &namespace {
        Some(namespace) => api_of(client.clone(), namespace, &dynamic)?,
        None => cluster_api_of(client, &dynamic)?,
    };
    let what = format!("{} {name}", object["kind"]);
    api.patch(&name, params, &Patch::Apply(object)).await.map(drop).with_context(|| what)
}

fn cluster_api_of(client: &Client, object: &DynamicObject) -> Result<Api<DynamicObject>> {
    let types = object.types.as_ref().context("an object without apiVersion and kind")?;
    let kind = kube::api::GroupVersionKind::try_from(types)?;
    Ok(Api::all_with(client.clone(), &kube::api::ApiResource::from_gvk(&kind)))
}

/// The server takes every object of every profile, and knows every field of it.
#[test]
fn the_server_takes_every_object_and_knows_every_field() {
    kubernetes::run("chart-valid", async |space| {
        let client = space.client();
        namespaces(&client).await?;
        monitoring(&client).await?;
        let mut seen = 0;
        for profile in profiles() {
            for object in profile.objects(space.namespace()) {
                apply(&client, &object, &strict()).await.with_context(|| profile.name.clone())?;
                seen += 1;
            }
        }
        ensure!(seen > 50, "only {seen} objects were looked at");
        let mut wrong = Profile::named("default").operator();
        wrong["metadata"]["namespace"] = json!(space.namespace());
        wrong["spec"]["replica"] = json!(1);
        let refused = apply(&client, &wrong, &strict()).await.err().context("an unknown field is taken")?;
        ensure!(format!("{refused:#}").contains("replica"), "{refused:#}");
        Ok(())
    });
}

/// What is wrong in an object for the Prometheus operator: its kind, where, what stands there then, and what the server
/// says.
const WRONG: [(&str, &str, &str, &str); 5] = [
    (
        "PodMonitor",
        "/spec/podMetricsEndpoints/0",
        r#"{"prot": "admin"}"#,
        ".spec.podMetricsEndpoints[0].prot: field not declared",
    ),
    (
        "PodMonitor",
        "/spec/podMetricsEndpoints/0/interval",
        r#""often""#,
        "spec.podMetricsEndpoints[0].interval",
    ),
    (
        "ServiceMonitor",
        "/spec/endpoints/0",
        r#"{"honourLabels": true}"#,
        ".spec.endpoints[0].honourLabels: field not declared",
    ),
    (
        "PrometheusRule",
        "/spec/groups/0/rules/0",
        r#"{"expr": "up", "fro": "5m"}"#,
        "rules[0].fro: field not declared",
    ),
    ("PrometheusRule", "/spec/groups/0/rules/0/for", r#""five minutes""#, "rules[0].for"),
];

/// The Prometheus operator's own definitions are the judge of what is written for it.
#[test]
fn what_is_wrong_for_the_prometheus_operator_is_refused() {
    kubernetes::run("chart-monitoring", async |space| {
        let client = space.client();
        monitoring(&client).await?;
        for (kind, place, value, said) in WRONG {
            let mut object = Profile::named("full").one(kind);
            object["metadata"]["namespace"] = json!(space.namespace());
            apply(&client, &object, &strict()).await?;
            *object.pointer_mut(place).with_context(|| place.to_owned())? = serde_json::from_str(value)?;
            let refused = apply(&client, &object, &strict())
                .await
                .err()
                .with_context(|| format!("{value} is taken"))?;
            ensure!(format!("{refused:#}").contains(said), "{refused:#}");
        }
        Ok(())
    });
}

/// Looks, and changes nothing; a field that the server does not know is an error.
fn strict() -> PatchParams {
    PatchParams { dry_run: true, ..PatchParams::apply("harness").force().validation_strict() }
}

/// Teaches the server the kinds that the Prometheus operator defines.
async fn monitoring(client: &Client) -> Result<()> {
    let folder = script_says("dev/kubernetes/monitoring")?;
    for kind in ["podmonitors", "servicemonitors", "prometheusrules"] {
        let yaml = std::fs::read_to_string(folder.join(format!("{kind}.yaml")))?;
        kubernetes::install_crd(client, &yaml).await?;
    }
    Ok(())
}

/// Every pod may run where Pod Security admits only restricted ones; the server itself is the judge.
#[test]
fn every_pod_is_restricted() {
    kubernetes::run("chart-pods", async |space| {
        let label = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
        let namespaces = Api::<Namespace>::all(space.client());
        namespaces.patch(space.namespace(), &PatchParams::default(), &Patch::Merge(&label)).await?;
        let mut seen = 0;
        for profile in profiles() {
            let objects = profile.objects(space.namespace());
            for object in objects.iter().filter(|object| object["spec"]["template"]["spec"].is_object()) {
                admit(space, pod_of(object)).await.with_context(|| profile.name.clone())?;
                seen += 1;
            }
        }
        ensure!(seen >= profiles().len() + 5, "only {seen} pods were looked at");
        let mut privileged = Profile::named("default").operator()["spec"]["template"].take();
        privileged["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let refused = admit(space, privileged).await.err().context("an unrestricted pod is admitted")?;
        ensure!(format!("{refused:#}").contains("violates PodSecurity"), "{refused:#}");
        Ok(())
    });
}

/// The pod that a controller would make, but for volumes of its own.
fn pod_of(object: &Value) -> Value {
    let mut pod = object["spec"]["template"].clone();
    for claim in object["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let volume = json!({"name": claim["metadata"]["name"], "emptyDir": {}});
        pod["spec"]["volumes"].as_array_mut().expect("volumes").push(volume);
    }
    pod
}

async fn admit(space: &Space<'_>, template: Value) -> Result<()> {
    let mut pod = template;
    pod["metadata"]["name"] = json!("judged");
    // no controller has made the account of the release
    pod["spec"].as_object_mut().context("a pod without a spec")?.remove("serviceAccountName");
    let pod: Pod = from_value(pod)?;
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    space.api::<Pod>().create(&dry, &pod).await?;
    Ok(())
}

/// Whether the operator of the release in `home` may do something.
struct Question<'a> {
    home: &'a str,
    group: &'a str,
    resource: &'a str,
    verb: &'a str,
    namespace: &'a str,
}

impl Question<'_> {
    async fn ask(&self, client: &Client) -> Result<bool> {
        let attributes = ResourceAttributes {
            group: Some(self.group.to_owned()),
            resource: Some(self.resource.to_owned()),
            verb: Some(self.verb.to_owned()),
            namespace: Some(self.namespace.to_owned()),
            ..ResourceAttributes::default()
        };
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{}:millrace-operator", self.home)),
                resource_attributes: Some(attributes),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviewed = Api::all(client.clone()).create(&PostParams::default(), &review).await?;
        Ok(reviewed.status.is_some_and(|status| status.allowed))
    }
}

/// The server's own verdict on the rights, in both modes.
#[test]
fn the_operator_may_do_what_it_needs_where_it_was_allowed() {
    kubernetes::run("chart-rights", async |space| {
        let (client, home) = (space.client(), space.namespace());
        namespaces(&client).await?;
        // with other names, so that the two sets do not add up
        for (profile, everywhere) in [("full", true), ("namespaced", false)] {
            let rights: Vec<_> = Profile::named(profile)
                .objects(home)
                .into_iter()
                .filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1")
                .collect();
            for object in &rights {
                apply(&client, object, &PatchParams::apply("harness").force()).await?;
            }
            for (group, resource, verb, namespace, expected) in [
                ("apps", "deployments", "patch", "shop", true),
                ("apps", "deployments", "patch", "default", everywhere),
                ("millrace.dev", "analyticspipelines", "watch", "default", everywhere),
                ("millrace.dev", "analyticspipelines", "delete", "shop", false),
                ("", "secrets", "get", "shop", true),
                ("", "secrets", "list", "shop", false),
                ("", "secrets", "watch", "shop", false),
                ("", "secrets", "get", "default", false),
                ("", "secrets", "get", home, false),
                ("", "pods", "create", "shop", false),
                ("", "pods/exec", "create", "shop", false),
                ("", "configmaps", "get", "shop", false),
                ("coordination.k8s.io", "leases", "create", home, true),
                ("coordination.k8s.io", "leases", "create", "shop", false),
                ("rbac.authorization.k8s.io", "roles", "create", "shop", false),
            ] {
                let question = Question { home, group, resource, verb, namespace };
                let allowed = question.ask(&client).await?;
                ensure!(allowed == expected, "{profile}: {verb} {resource} in {namespace}: {allowed}");
            }
            for object in &rights {
                delete(&client, object).await?;
            }
        }
        Ok(())
    });
}

async fn delete(client: &Client, object: &Value) -> Result<()> {
    let dynamic: DynamicObject = from_value(object.clone())?;
    let name = dynamic.metadata.name.clone().context("an object without a name")?;
    let api = match &dynamic.metadata.namespace {
        Some(namespace) => api_of(client.clone(), namespace, &dynamic)?,
        None => cluster_api_of(client, &dynamic)?,
    };
    api.delete(&name, &kube::api::DeleteParams::default()).await?;
    Ok(())
}
