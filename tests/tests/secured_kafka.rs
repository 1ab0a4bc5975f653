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
use harness::pipeline::Pipeline;
use harness::redis_server::Redis;
use harness::secured_kafka::{Operation, PASSWORD, Pattern, Resource, Right, SecuredKafka};
use harness::service::{Service, Spec};
use harness::{checks, http, wait};

const LIMIT: Duration = Duration::from_mins(1);
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

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|process| process.name() == name)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Stage => "stage",
            Self::Views => "views",
            Self::Dashboard => "dashboard",
            Self::Simulator => "simulator",
        }
    }
}

/// The table of the page.
struct Page(Vec<(Process, Right)>);

impl Page {
    fn read() -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide/kafka-rights.md");
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let rows = text.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| {
            line.trim_end_matches(['|', ' ']).split(" | ").map(|cell| cell.trim_matches('`')).collect()
        });
        let rows: Vec<Vec<&str>> = rows.collect();
        let ours = rows.iter().filter_map(|row| Some((Process::named(row.first()?)?, row)));
        Ok(Self(ours.map(|(process, row)| Ok((process, right(row)?))).collect::<Result<_>>()?))
    }

    /// The rights of a process in a pipeline.
    fn of(&self, process: Process, pipeline: &Pipeline) -> Vec<Right> {
        let own = self.0.iter().filter(|(owner, _)| *owner == process);
        own.map(|(_, right)| applied(right, pipeline)).collect()
    }
}

fn right(row: &[&str]) -> Result<Right> {
    let [_, on, name, pattern, may, _because] = row else { bail!("a row of other columns: {row:?}") };
    Ok(Right {
        resource: match *on {
            "topic" => Resource::Topic,
            "group" => Resource::Group,
            "transactional id" => Resource::TransactionalId,
            other => bail!("there is no resource {other}"),
        },
        name: (*name).to_owned(),
        pattern: match *pattern {
            "literal" => Pattern::Literal,
            "prefixed" => Pattern::Prefixed,
            other => bail!("there is no pattern {other}"),
        },
        operation: match *may {
            "Read" => Operation::Read,
            "Write" => Operation::Write,
            "Create" => Operation::Create,
            "Alter" => Operation::Alter,
            other => bail!("this test knows no right to {other}"),
        },
    })
}

/// The right under the names that a pipeline's topics have.
fn applied(right: &Right, pipeline: &Pipeline) -> Right {
    let name = match right.name.as_str() {
        "orders" => pipeline.orders(),
        "alerts" => pipeline.alerts(),
        "metrics" => pipeline.metrics(),
        "orders.dead-letter" => pipeline.dead_letters(),
        other => other.replace("PIPELINE", pipeline.name()),
    };
    Right { name, ..right.clone() }
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
            Process::Simulator => pipeline.spec(
                "simulator",
                &["simulate"],
                harness::pipeline::Needs { kafka: true, redis: false },
            ),
        };
        let authority = self.kafka.authority().display().to_string();
        Ok(spec
            .env("KAFKA_TLS_CA", &authority)
            .env("KAFKA_SASL_USERNAME", user)
            .env("KAFKA_SASL_PASSWORD", PASSWORD))
    }
}

/// Orders of which some raise alerts and some are invalid.
fn some_orders(seed: u64) -> Result<Plan> {
    let bad = bad_orders::all()?.into();
    Ok(Plan { seed, prefix: format!("o{seed}"), rate: 0, users: 20, orders: 1_000, bad })
}

/// Every process with a user of its own, who has the rights of its rows and no others: all figures are right.
#[test]
fn the_documented_rights_are_enough() {
    case::run("rights-enough", |case| {
        let (page, site) = (Page::read()?, Site::start(case)?);
        let pipeline = site.pipeline("prod.shop")?;
        for process in Process::ALL {
            site.kafka.add_user(process.name(), &page.of(process, &pipeline))?;
        }
        let start = |process: Process| site.spec(process, &pipeline, process.name())?.start();
        load::produce(pipeline.brokers(), &pipeline.orders(), some_orders(1)?)?;
        let mut simulator = site
            .spec(Process::Simulator, &pipeline, "simulator")?
            .args(["--rate", "100", "--suspicious-percent", "20", "--seed", "5"])
            .start()?;
        let mut services = [start(Process::Stage)?, start(Process::Views)?, start(Process::Dashboard)?];
        for service in &mut services {
            service.wait_ready(READY_LIMIT)?;
        }
        simulator.wait_ready(READY_LIMIT)?;
        std::thread::sleep(Duration::from_secs(2));
        simulator.drain()?;
        let expected = oracle::replay(pipeline.brokers(), &pipeline.orders(), Thresholds::default())?;
        ensure!(expected.orders > 1_000, "the simulator made no orders");
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
        for (number, (process, right)) in page.0.iter().enumerate() {
            let pipeline = site.pipeline(&format!("n{number}.shop"))?;
            let right = applied(right, &pipeline);
            match lacking(&site, &page, &pipeline, *process, &right) {
                Ok(said) => println!("{process:?} without {right}: {said}"),
                Err(failure) => unnamed.push(format!("{process:?} without {right}: {failure:#}")),
            }
        }
        ensure!(unnamed.is_empty(), "{}", unnamed.join("\n"));
        Ok(())
    });
}

/// Starts a process without `right`; gives what it says of it, and sees it become ready with it.
fn lacking(
    site: &Site<'_>,
    page: &Page,
    pipeline: &Pipeline,
    process: Process,
    right: &Right,
) -> Result<String> {
    let mut rights = page.of(process, pipeline);
    rights.retain(|other| other != right);
    let user = format!("{}-user", pipeline.name());
    site.kafka.add_user(&user, &rights)?;
    if process == Process::Views {
        // There must be a stage whose results they show.
        pipeline.process(&STAGE, "one").start()?.wait_ready(READY_LIMIT)?;
    }
    load::produce(pipeline.brokers(), &pipeline.orders(), some_orders(2)?)?;
    let mut service = site.spec(process, pipeline, &user)?.start()?;
    let said =
        wait::some("it to name what it lacks", Duration::from_secs(30), || named(&mut service, right))?;
    site.kafka.allow(&user, right)?;
    if service.process().is_running()? {
        service.wait_ready(READY_LIMIT).context("given the right")?;
    }
    Ok(said)
}

/// What a process says of a right it lacks, in `/readyz` or in its log.
fn named(service: &mut Service, right: &Right) -> Result<Option<String>> {
    let needs = http::get(service.admin_port(), "/readyz").map(|answer| answer.body).unwrap_or_default();
    let log = service.process().log()?;
    let refusal = |line: &str| {
        let line = line.to_lowercase();
        line.contains(&right.name) && ["authoriz", "may not"].iter().any(|word| line.contains(word))
    };
    let said = needs.lines().chain(log.lines()).find(|line| refusal(line)).map(str::to_owned);
    said.map_or_else(|| bail!("it says {needs}\n{}", last_lines(&log)), |said| Ok(Some(said)))
}

fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
