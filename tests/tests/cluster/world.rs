//! The cluster, the servers beside it, and questions that every part of the test asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::case::Case;
use harness::kafka::Kafka;
use harness::kubernetes::node::{self, Cluster, HOST};
use harness::redis_server::Redis;
use harness::wait;
use serde_json::Value;

/// How long a rollout may take on a busy machine.
pub const ROLLOUT: Duration = Duration::from_mins(3);
/// Where the operator is.
pub const OPERATOR: &str = "millrace";
/// The tags of the two releases that the images stand for.
pub const RELEASES: [&str; 2] = ["0.1.0", "0.2.0"];

/// What the test runs on.
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The broker, beside it.
    pub kafka: Kafka,
    /// The Redis, beside it.
    pub redis: Redis,
    started: Instant,
}

impl World {
    /// Starts everything, and builds the images.
    pub fn start(case: &Case) -> Result<Self> {
        let started = Instant::now();
        let images = node::images(case, &RELEASES)?;
        println!("{:>6.1?} images built", started.elapsed());
        let cluster = Cluster::start(case, &images)?;
        let (kafka, redis) = (Kafka::start_for(case, HOST)?, Redis::start(case)?);
        for port in [kafka.proxied_port(), redis.port()] {
            cluster.publish(port)?;
        }
        let world = Self { cluster, kafka, redis, started };
        world.say("cluster, Kafka and Redis are up");
        Ok(world)
    }

    /// The image of the services in a release.
    pub fn image(release: &str) -> String {
        format!("millrace.test/millrace:{release}")
    }

    /// Tells how far the test is.
    pub fn say(&self, what: &str) {
        println!("{:>6.1?} {what}", self.started.elapsed());
    }

    /// A namespace that admits nothing but restricted pods, in which Kafka and Redis go by their names.
    pub fn namespace(&self, name: &str) -> Result<()> {
        self.cluster.kubectl(&["create", "namespace", name])?;
        let enforce = "pod-security.kubernetes.io/enforce=restricted";
        self.cluster.kubectl(&["label", "namespace", name, enforce])?;
        let servers = [("kafka", 9092, self.kafka.proxied_port()), ("redis", 6379, self.redis.port())];
        for (server, port, target) in servers {
            let service = format!(
                r#"
apiVersion: v1
kind: Service
metadata: {{name: {server}}}
spec:
  ports: [{{port: {port}, targetPort: {target}}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {server}, labels: {{kubernetes.io/service-name: {server}}}}}
addressType: IPv4
ports: [{{port: {target}}}]
endpoints: [{{addresses: ["{HOST}"]}}]
"#
            );
            self.apply(name, &service)?;
        }
        Ok(())
    }

    /// `kubectl apply` of a text.
    pub fn apply(&self, namespace: &str, yaml: &str) -> Result<()> {
        self.cluster.kubectl_with(&["--namespace", namespace, "apply", "--filename", "-"], yaml).map(drop)
    }

    /// Changes fields of the pipeline `shop`, by a merge patch.
    pub fn change(&self, namespace: &str, patch: &Value) -> Result<()> {
        let patch = patch.to_string();
        let args = [
            "--namespace",
            namespace,
            "patch",
            "analyticspipeline",
            "shop",
            "--type=merge",
            "--patch",
            &patch,
        ];
        self.cluster.kubectl(&args).map(drop)
    }

    /// The pipeline `shop`.
    pub fn pipeline(&self, namespace: &str) -> Result<Value> {
        self.cluster.get(&["--namespace", namespace, "analyticspipeline", "shop"])
    }

    /// Waits until the pipeline `shop` says it is ready, of its newest generation.
    pub fn wait_ready(&self, namespace: &str) -> Result<()> {
        wait::until("the pipeline to be ready", ROLLOUT, || {
            let pipeline = self.pipeline(namespace)?;
            let conditions = pipeline["status"]["conditions"].as_array().context("no conditions yet")?;
            let ready =
                conditions.iter().find(|condition| condition["type"] == "Ready").context("no Ready yet")?;
            let newest = pipeline["status"]["observedGeneration"] == pipeline["metadata"]["generation"];
            ensure!(newest && ready["status"] == "True", "{ready}");
            Ok(true)
        })
    }

    /// The pods of a namespace that carry a label, by name.
    pub fn pods(&self, namespace: &str, label: &str) -> Result<BTreeMap<String, Value>> {
        let list = self.cluster.get(&["--namespace", namespace, "pods", "--selector", label])?;
        let pods = list["items"].as_array().context("a list without items")?;
        let named = |pod: &Value| Some((pod["metadata"]["name"].as_str()?.to_owned(), pod.clone()));
        Ok(pods.iter().filter_map(named).collect())
    }

    /// What there is and what the operator said, for whoever has to find out why a step failed.
    pub fn in_words(&self) -> String {
        let operator = ["--namespace", OPERATOR, "logs", "--selector=app.kubernetes.io/component=operator"];
        let questions = [
            vec!["get", "pods,deployments,analyticspipelines", "--all-namespaces", "--output=wide"],
            vec!["get", "events", "--all-namespaces", "--sort-by=.lastTimestamp"],
            [&operator[..], &["--tail=40"]].concat(),
            [&operator[..], &["--tail=40", "--previous"]].concat(),
        ];
        let answer =
            |args: &Vec<&str>| self.cluster.kubectl(args).unwrap_or_else(|failure| failure.to_string());
        questions.iter().map(answer).collect::<Vec<_>>().join("\n\n")
    }

    /// Asks the dashboard's Service, at its own address, for a path.
    pub fn ask(&self, namespace: &str, path: &str) -> Result<Value> {
        let service = self.cluster.get(&["--namespace", namespace, "service", "shop-dashboard"])?;
        let (address, port) = (&service["spec"]["clusterIP"], &service["spec"]["ports"][0]["port"]);
        let url =
            format!("http://{}:{port}{path}", address.as_str().context("a Service without an address")?);
        let answer =
            self.cluster.run(&["curl", "--silent", "--show-error", "--fail", "--max-time", "5", &url])?;
        serde_json::from_str(&answer).with_context(|| format!("{url} answered {answer}"))
    }

    /// How many orders the dashboard counts.
    pub fn orders(&self, namespace: &str) -> Result<u64> {
        self.ask(namespace, "/api/stats")?["totalOrders"].as_u64().context("no totalOrders")
    }

    /// Waits until the dashboard counts more orders than it does now.
    pub fn wait_for_more_orders(&self, namespace: &str) -> Result<()> {
        let before = self.orders(namespace).unwrap_or(0);
        wait::until("more orders to be counted", ROLLOUT, || Ok(self.orders(namespace)? > before))
    }
}

/// A path of the checkout.
pub fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
