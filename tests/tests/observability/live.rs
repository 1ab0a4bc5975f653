//! A real run, scraped by a real Prometheus.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::bad_orders;
use harness::binary::{self, Build};
use harness::case::{self, Case, free_port};
use harness::cluster::READY_LIMIT;
use harness::kafka::Kafka;
use harness::load::{Load, Plan};
use harness::pipeline::{Needs, Pipeline};
use harness::prometheus::{Prometheus, Target};
use harness::redis_server::Redis;
use harness::service::{Service, Spec};
use harness::{http, wait};

use super::{checkout, dashboards, promtool, reference};

/// Long enough for a rate over `$__rate_interval`.
const RUN: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_mins(1);
const CITIES: [&str; 5] = ["HCM", "Hà Nội", "Đà Nẵng", "Cần Thơ", "Hải Phòng"];
/// What only an operator with a Kubernetes API server has: its tests are on one.
const ON_KUBERNETES: [&str; 1] = ["millrace_operator_pipeline_condition"];

/// Everything that runs.
struct World {
    simulator: Service,
    views: Service,
    others: Vec<Service>,
    operator: Service,
    page: u16,
    load: Load,
}

impl World {
    fn start(case: &Case, pipeline: &Pipeline) -> Result<Self> {
        let page = free_port()?;
        let mut others = vec![
            pipeline.process(&["revenue", "trend"], "totals-1").start()?,
            pipeline.process(&["fraud"], "fraud-1").start()?,
            pipeline.dashboard(page).start()?,
        ];
        let mut views = pipeline.views().start()?;
        for service in others.iter_mut().chain([&mut views]) {
            service.wait_ready(READY_LIMIT)?;
        }
        let simulate = ["simulate", "--rate", "200", "--suspicious-percent", "20", "--users", "50"];
        let simulator = pipeline.spec("simulator", &simulate, Needs { kafka: true, redis: false }).start()?;
        let bad = Arc::new(bad_orders::all()?);
        let plan = Plan { seed: 5, prefix: "load".to_owned(), rate: 400, users: 50, orders: 1_000, bad };
        let load = Load::start(pipeline.brokers(), &pipeline.orders(), plan)?;
        Ok(Self { simulator, views, others, operator: operator(case)?, page, load })
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        self.others.iter().chain([&self.simulator, &self.views])
    }

    fn targets(&self, more: u16) -> Vec<Target> {
        let pipeline = self.services().map(Service::admin_port).chain([more]);
        let targets = pipeline.map(|port| Target { port, in_pipeline: true });
        targets.chain([Target { port: self.operator.admin_port(), in_pipeline: false }]).collect()
    }
}

/// An operator whose API server is away: it shows its metrics all the same.
fn operator(case: &Case) -> Result<Service> {
    let kubeconfig = case.path("kubeconfig");
    std::fs::write(
        &kubeconfig,
        "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], \
         clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {}}]}",
    )?;
    let spec = Spec {
        name: "operator".to_owned(),
        program: binary::operator()?,
        args: ["run", "--image", "millrace:dev"].map(str::to_owned).to_vec(),
        env: [("KUBECONFIG".to_owned(), kubeconfig.display().to_string())].into(),
        log: case.path("operator.log"),
        mark: case.dir().to_owned(),
    };
    spec.start()
}

#[test]
fn a_real_run_fills_every_panel_and_raises_no_alert() {
    case::run("observability", |case| {
        let (kafka, redis) = (Kafka::start(case)?, Redis::start(case)?);
        let pipeline = Pipeline::new(case, "shop", &kafka, &redis, Build::Plain)?;
        let applied = pipeline.run(&["topics", "apply", "--partitions", "4"])?;
        ensure!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
        let mut world = World::start(case, &pipeline)?;
        // it joins once it is scraped: the rebalance and the restore are then seen to happen
        let second = pipeline.process(&["revenue", "trend"], "totals-2");
        let joining = Joining { port: free_port()?, spec: second };
        let prometheus = Prometheus::start(
            case,
            &world.targets(joining.port),
            &checkout("deploy/helm/millrace/files/alerts.yaml"),
        )?;
        let there = world.services().count() + 1;
        wait::until("everything to be scraped", LIMIT, || {
            Ok(prometheus.query(&format!("count(up == 1) == {there}"))?.len() == 1)
        })?;
        world.others.push(joining.start()?);
        look_at_the_page(world.page)?;
        every_panel_has_data(&prometheus)?;
        no_alert_fires(&prometheus)?;
        for service in world.services().chain([&world.operator]) {
            metrics_are_as_described(case, service)?;
        }
        world.simulator.drain()?;
        world.load.finish()?;
        figures_are_those_of_redis(&world.views, &pipeline, &redis)
    });
}

/// A replica that starts on a port that is scraped before.
struct Joining {
    port: u16,
    spec: Spec,
}

impl Joining {
    fn start(self) -> Result<Service> {
        let mut service = self.spec.start_on(self.port)?;
        service.wait_ready(READY_LIMIT)?;
        Ok(service)
    }
}

/// For as long as the run takes, now and then.
fn look_at_the_page(port: u16) -> Result<()> {
    for _ in 0..RUN.as_secs() {
        let answer = http::get(port, "/api/stats")?;
        ensure!(answer.status == 200, "{}", answer.body);
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Every query of every panel gives at least one number, and every metric that it names was scraped.
fn every_panel_has_data(prometheus: &Prometheus) -> Result<()> {
    let seen: BTreeSet<_> = prometheus.names()?.into_iter().collect();
    let mut empty = Vec::new();
    for dashboards::Query { panel, expression } in dashboards::queries() {
        let never = reference::asked(&expression).into_iter();
        let never: Vec<_> =
            never.filter(|name| !seen.contains(name) && !ON_KUBERNETES.contains(&name.as_str())).collect();
        ensure!(never.is_empty(), "{panel}: nothing shows {never:?}");
        let samples = prometheus.query(&expression).with_context(|| format!("{panel}: {expression}"))?;
        if !samples.iter().any(|(_, value)| value.is_finite()) {
            empty.push(format!("{panel}: {expression}: {samples:?}"));
        }
    }
    ensure!(empty.is_empty(), "without data:\n{}", empty.join("\n"));
    Ok(())
}

fn no_alert_fires(prometheus: &Prometheus) -> Result<()> {
    let alerts = prometheus.alerts()?;
    ensure!(alerts.len() >= 7, "only {} alerts are loaded", alerts.len());
    for alert in alerts {
        ensure!(alert["health"] == "ok", "{alert}");
        ensure!(alert["state"] != "firing", "{alert}");
    }
    Ok(())
}

/// What a process shows is in the reference, with its type, and promtool has nothing to say about it.
fn metrics_are_as_described(case: &Case, service: &Service) -> Result<()> {
    let page = http::get(service.admin_port(), "/metrics")?.body;
    let known = reference::metrics();
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: Vec<_> = types.collect();
    ensure!(types.len() >= 4, "{} shows only {types:?}", service.name());
    for (name, kind) in types {
        ensure!(
            known.get(name).is_some_and(|known| known == kind),
            "{}: {name}, a {kind}, is not in docs/reference/metrics.md: run `make generate`",
            service.name()
        );
    }
    let path = case.path("page");
    std::fs::write(&path, page)?;
    let (fine, said) = promtool(&["check", "metrics"], Some(&path))?;
    ensure!(fine && said.is_empty(), "{}: {said}", service.name());
    Ok(())
}

/// Once all is quiet, Prometheus and Redis say the same.
fn figures_are_those_of_redis(views: &Service, pipeline: &Pipeline, redis: &Redis) -> Result<()> {
    let stored = |key: &str| -> Result<f64> {
        let value = redis.get(&format!("{}{key}", pipeline.key_prefix()))?;
        value.with_context(|| format!("no {key}"))?.parse().context("a number")
    };
    let shown = |name: &str, labels: &[&str]| -> Result<f64> {
        views.metrics()?.sum(name, labels).with_context(|| format!("no {name}"))
    };
    let mut last = None;
    wait::until("the figures to stand still", LIMIT, || {
        std::thread::sleep(Duration::from_secs(2));
        let now = stored("orders:total")?;
        Ok(last.replace(now) == Some(now))
    })?;
    let mut pairs = vec![
        (stored("revenue:total")?, shown("millrace_shop_revenue_vnd", &[])?),
        (stored("orders:total")?, shown("millrace_shop_orders", &[])?),
    ];
    for city in CITIES {
        let label = format!("city=\"{city}\"");
        pairs.push((
            stored(&format!("revenue:city:{city}"))?,
            shown("millrace_shop_city_revenue_vnd", &[&label])?,
        ));
    }
    let all = redis.strings()?;
    for (family, name) in [
        ("revenue:hourly:", "millrace_shop_hour_revenue_vnd"),
        ("orders:hourly:", "millrace_shop_hour_orders"),
    ] {
        let newest =
            all.iter().rfind(|(key, _)| key.starts_with(&format!("{}{family}", pipeline.key_prefix())));
        pairs.push((newest.context("an hour")?.1.parse()?, shown(name, &[])?));
    }
    ensure!(pairs.iter().all(|(stored, shown)| *stored > 0.0 && (stored - shown).abs() < 0.5), "{pairs:?}");
    Ok(())
}
