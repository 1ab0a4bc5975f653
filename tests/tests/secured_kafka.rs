//! A Kafka with TLS, passwords and an authorizer: the rights that `docs/guide/kafka-rights.md` lists are enough for every
//! process, and whoever lacks one of them says so by name.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::bad_orders;
use harness::binary::Build;
use harness::case::{self, Case, free_port};
use harness::cluster::READY_LIMIT;
use harness::load::{self, Plan};
use harness::oracle::{self, Thresholds};
use harness::pipeline::{Needs, Pipeline};
use harness::redis_server::Redis;
use harness::secured_kafka::{Names, PASSWORD, Page, Right, SecuredKafka};
use harness::service::{Service, Spec};
use harness::{checks, http, topic, wait};

const LIMIT: Duration = Duration::from_mins(1);
/// Orders that the harness sends, some of them invalid.
const LOADED: i64 = 1_000;
const STAGE: [&str; 3] = ["revenue", "fraud", "trend"];

/// The processes of the page that this file runs; what is said of others is proven elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Process {
    Stage,
    Views,
    Dashboard,
    Simulator,
}

impl Process {
    const ALL: [Self; 4] = [Self::Stage, Self::Views, Self::Dashboard, Self::Simulator];

    const fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Views => "views",
            Self::Dashboard => "dashboard",
            Self::Simulator => "simulator",
        }
    }
}

fn names(pipeline: &Pipeline) -> Names {
    Names {
        pipeline: pipeline.name().to_owned(),
        orders: pipeline.orders(),
        alerts: pipeline.alerts(),
        metrics: pipeline.metrics(),
        dead_letters: pipeline.dead_letters(),
    }
}

/// What the tests of this file stand on.
struct Site<'a> {
    case: &'a Case,
    kafka: SecuredKafka,
    redis: Redis,
}

impl<'a> Site<'a> {
    fn start(case: &'a Case) -> Result<Self> {
        Ok(Self { case, kafka: SecuredKafka::start(case)?, redis: Redis::start(case)? })
    }

    /// A pipeline with its topics, as one sees it who may do everything.
    fn pipeline(&self, name: &str) -> Result<Pipeline> {
        let pipeline = Pipeline::new(self.case, name, self.kafka.plain(), &self.redis, Build::Plain)?;
        pipeline.create_topics(3)?;
        Ok(pipeline)
    }

    /// How a process of the pipeline is started as `user`.
    fn spec(&self, process: Process, pipeline: &Pipeline, user: &str) -> Result<Spec> {
        let pipeline = pipeline.through(&self.kafka.brokers());
        let spec = match process {
            Process::Stage => pipeline.process(&STAGE, "one"),
            Process::Views => pipeline.views(),
            Process::Dashboard => pipeline.dashboard(free_port()?),
            Process::Simulator => {
                let needs = Needs { kafka: true, redis: false };
                pipeline.spec("simulator", &["simulate", "--follow-settings"], needs)
            }
        };
        let authority = self.kafka.authority().display().to_string();
        let spec = spec.env("KAFKA_SASL_USERNAME", user).env("KAFKA_SASL_PASSWORD", PASSWORD);
        Ok(match process {
            // as the image tells where the public authorities are
            Process::Simulator => spec.env("KAFKA_TLS", "true").env("SSL_CERT_FILE", &authority),
            _ => spec.env("KAFKA_TLS_CA", &authority),
        })
    }
}

/// Orders of which some raise alerts and some are invalid.
fn some_orders(seed: u64) -> Result<Plan> {
    let bad = bad_orders::all()?.into();
    Ok(Plan { seed, prefix: format!("o{seed}"), rate: 0, users: 20, orders: LOADED.unsigned_abs(), bad })
}

/// What `docs/guide/security.md` says a pipeline's user of Redis needs, beside its keys.
const REDIS_RULES: [&str; 4] = ["+@all", "-@admin", "-@dangerous", "+info"];

/// Makes a user of Redis who may do that and no more.
fn add_redis_user(redis: &Redis, name: &str, prefix: &str) -> Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/security.md");
    let rules = REDIS_RULES.join(" ");
    ensure!(std::fs::read_to_string(page)?.contains(&rules), "the page does not say {rules}");
    let (password, keys) = (format!(">{PASSWORD}"), format!("~{prefix}*"));
    let mut command = redis::cmd("ACL");
    command.arg(&["SETUSER", name, "on", &password, &keys]).arg(&REDIS_RULES);
    command.exec(&mut redis.connect()?).context("making a user of Redis")
}

/// Every process with a user of its own, who has the rights of its rows and no others: all figures are right.
#[test]
fn the_documented_rights_are_enough() {
    case::run("rights-enough", |case| {
        let (page, site) = (Page::read()?, Site::start(case)?);
        let pipeline = site.pipeline("prod.shop")?;
        for process in Process::ALL {
            site.kafka.add_user(process.name(), &page.of(process.name(), &names(&pipeline)))?;
        }
        add_redis_user(&site.redis, "shop", &pipeline.key_prefix())?;
        let start = |process: Process| site.spec(process, &pipeline, process.name())?.start();
        let start_with_redis = |process: Process| {
            let spec = site.spec(process, &pipeline, process.name())?;
            spec.env("REDIS_USERNAME", "shop").env("REDIS_PASSWORD", PASSWORD).start()
        };
        load::produce(pipeline.brokers(), &pipeline.orders(), some_orders(1)?)?;
        let mut simulator =
            site.spec(Process::Simulator, &pipeline, "simulator")?.args(["--seed", "5"]).start()?;
        let mut services = [
            start(Process::Stage)?,
            start_with_redis(Process::Views)?,
            start_with_redis(Process::Dashboard)?,
        ];
        for service in &mut services {
            service.wait_ready(READY_LIMIT)?;
        }
        simulator.wait_ready(READY_LIMIT)?;
        wait::until("an order of the simulator", LIMIT, || {
            Ok(topic::ends(pipeline.brokers(), &pipeline.orders())?.iter().sum::<i64>() > LOADED)
        })?;
        simulator.drain()?;
        let expected = oracle::replay(pipeline.brokers(), &pipeline.orders(), Thresholds::default())?;
        let key = format!("{}orders:total", pipeline.key_prefix());
        wait::equal("the orders in Redis", &Some(expected.orders.to_string()), LIMIT, || {
            site.redis.get(&key)
        })?;
        let [stage, views, dashboard] = &mut services;
        dashboard.drain()?;
        stage.drain()?;
        std::thread::sleep(Duration::from_secs(1));
        views.drain()?;
        checks::everything(&pipeline, "revenue-fraud-trend", Some(&site.redis), &expected)
    });
}

/// Each row of the page in turn is taken from its process, which then says what it may not; given it, it goes on.
#[test]
fn whoever_lacks_a_right_names_it() {
    case::run("rights-named", |case| {
        let (page, site) = (Page::read()?, Site::start(case)?);
        let mut unnamed = Vec::new();
        for process in Process::ALL {
            // every case has a pipeline of its own
            let rows = page.of(process.name(), &names(&site.pipeline(process.name())?)).len();
            for row in 0..rows {
                let pipeline = site.pipeline(&format!("{}{row}.shop", process.name()))?;
                let mut rights = page.of(process.name(), &names(&pipeline));
                let right = rights.remove(row);
                match lacking(&site, &pipeline, process, &rights, &right) {
                    Ok(said) => println!("{process:?} without {right}: {said}"),
                    Err(failure) => unnamed.push(format!("{process:?} without {right}: {failure:#}")),
                }
            }
        }
        ensure!(unnamed.is_empty(), "{}", unnamed.join("\n"));
        Ok(())
    });
}

/// Starts a process without `right`; gives what it says of it, and sees it become ready with it.
fn lacking(
    site: &Site<'_>,
    pipeline: &Pipeline,
    process: Process,
    rights: &[Right],
    right: &Right,
) -> Result<String> {
    let user = format!("{}-user", pipeline.name());
    site.kafka.add_user(&user, rights)?;
    if matches!(process, Process::Views | Process::Simulator) {
        // Somebody must have made the internal topics.
        pipeline.process(&STAGE, "one").start()?.wait_ready(READY_LIMIT)?;
    }
    load::produce(pipeline.brokers(), &pipeline.orders(), some_orders(2)?)?;
    let mut service = site.spec(process, pipeline, &user)?.start()?;
    let said =
        wait::some("it to name what it lacks", Duration::from_secs(30), || named(&mut service, right))?;
    site.kafka.allow(&user, right)?;
    service.wait_ready(READY_LIMIT).context("given the right")?;
    Ok(said)
}

/// What a process says of a right it lacks: in one of its needs, or in one line of its log.
fn named(service: &mut Service, right: &Right) -> Result<Option<String>> {
    let needs = http::get(service.admin_port(), "/readyz").map(|answer| answer.body).unwrap_or_default();
    let needs: Vec<serde_json::Value> = serde_json::from_str(&needs).unwrap_or_default();
    let log = service.process().log()?;
    let refusal = |said: &&str| {
        let lower = said.to_lowercase();
        let refused = ["authoriz", "may not", "not allowed"].iter().any(|word| lower.contains(word));
        said.contains(&right.name) && refused
    };
    let whys = needs.iter().filter_map(|need| need["why"].as_str());
    match whys.chain(log.lines()).find(refusal) {
        Some(said) => Ok(Some(said.to_owned())),
        None => bail!("it says {needs:?}\n{}", last_lines(&log)),
    }
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
