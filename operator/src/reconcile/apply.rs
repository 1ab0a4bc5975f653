//! The fourth step: makes Kafka and Kubernetes what the pipeline says. Kafka comes first: pods that start without
//! topics would only wait, or have the brokers make topics of their own choosing.

use std::time::{Duration, Instant};

use k8s_openapi::serde_json::{Value, to_value};
use runtime::KafkaArgs;
use serde::Serialize;

use super::Context;
use super::children::{self, Applied, Child, ChildError, Owner};
use super::facts::{Finding, Problem};
use super::fetch::Fetched;
use super::kafka::{self, Outcome, Wish};
use super::lanes::{Lane, Late};
use super::memory::Failures;
use crate::build::Children;
use crate::pipeline::{Entry, MissingEntry, Pipeline};
use crate::watches::Kind;

/// What the metric counts a Secret by that Kafka asks for and that cannot be had.
const SECRET: &str = "Secret";

/// Brokers know of a new topic within moments; nothing else would give cause to look again.
const UNFINISHED: Duration = Duration::from_secs(2);

/// What is remembered of a pipeline's cluster.
#[derive(Default)]
pub(crate) struct KafkaMemory {
    last: Option<Looked>,
    failures: Failures,
}

struct Looked {
    /// What the outcome rests on: with another wish or connection it says nothing.
    about: u64,
    at: Instant,
    outcome: Outcome,
}

/// Brings Kafka to what the pipeline says, unless that was done lately. After a failure it is left alone for a while,
/// longer each time.
pub(crate) async fn apply_kafka(context: &Context, pipeline: &Pipeline, fetched: &Fetched) -> Outcome {
    let connection = match connection(pipeline, fetched) {
        Ok(connection) => connection,
        Err(problem) => {
            context.metrics.record_error(SECRET);
            return Outcome { kafka: Finding::Wrong(problem), error: Some(SECRET), ..Outcome::default() };
        }
    };
    let wish = wish(pipeline);
    let names = pipeline.secret_names();
    let secrets = fetched.secrets.fingerprint(&names.iter().map(String::as_str).collect());
    let about = fingerprint(&format!("{connection:?} {wish:?} {secrets}"));
    let uid = &pipeline.identity.uid;
    let resync = context.timing.resync;
    let remembered = context.memories.with(uid, |memory| memory.kafka.answer(about, resync));
    if let Some(outcome) = remembered {
        return outcome;
    }
    let lane = context.memories.with(uid, |memory| memory.kafka.lane());
    let metrics = context.metrics.clone();
    let done = context.lanes.run(lane, move || kafka::fulfil(&connection, &wish, &metrics)).await;
    let outcome = done.unwrap_or_else(late);
    if let Some(error) = outcome.error {
        context.metrics.record_error(error);
        let (namespace, pipeline) = (&pipeline.identity.namespace, &pipeline.identity.name);
        tracing::warn!(namespace, pipeline, error, why = outcome.why(), "kafka is not as it should be");
    }
    context.memories.with(uid, |memory| memory.kafka.note(about, &outcome));
    outcome
}

/// Brings all children to what the pipeline says. `hold_back`: whether Deployments wait for topics.
pub(crate) async fn apply_children(
    context: &Context,
    pipeline: &Pipeline,
    wanted: &[Child],
    hold_back: bool,
) -> Result<Applied, ChildError> {
    let (owner, uid) = (Owner::from(&pipeline.identity), &pipeline.identity.uid);
    let known = context.memories.with(uid, |memory| memory.children.clone());
    let (writer, watches) = (&context.writer, &context.watches);
    let applied = children::apply(writer, watches, owner, wanted, (hold_back, &known)).await?;
    context.memories.with(uid, |memory| memory.children.clone_from(&applied.known));
    Ok(applied)
}

/// The objects as they are applied.
pub(crate) fn children(built: Children) -> Vec<Child> {
    let Children { service_accounts, network_policies, budgets, deployments, services, ingresses } = built;
    let mut children = Vec::new();
    children.extend(of(Kind::ServiceAccount, &service_accounts));
    children.extend(of(Kind::NetworkPolicy, &network_policies));
    children.extend(of(Kind::PodDisruptionBudget, &budgets));
    children.extend(of(Kind::Deployment, &deployments));
    children.extend(of(Kind::Service, &services));
    children.extend(of(Kind::Ingress, &ingresses));
    children
}

fn of<T: Serialize>(kind: Kind, objects: &[T]) -> impl Iterator<Item = Child> {
    objects.iter().map(move |object| Child::new(kind, to_value(object).unwrap_or(Value::Null)))
}

/// How the operator itself reaches Kafka.
pub(crate) fn connection(pipeline: &Pipeline, fetched: &Fetched) -> Result<KafkaArgs, Problem> {
    readable(&pipeline.kafka.entries(), fetched)?;
    pipeline.kafka.client(&fetched.secrets).map_err(|missing| secret_missing(&missing))
}

/// What the pods that use Redis wait for. The operator itself does not.
pub(crate) fn redis_problem(pipeline: &Pipeline, fetched: &Fetched) -> Option<Problem> {
    let readable = readable(&pipeline.redis.entries(), fetched);
    readable
        .and_then(|()| pipeline.redis.check(&fetched.secrets).map_err(|missing| secret_missing(&missing)))
        .err()
}

/// Whether the operator may read all of them.
fn readable(entries: &[Entry<'_>], fetched: &Fetched) -> Result<(), Problem> {
    let forbidden = |entry: &&Entry<'_>| fetched.forbidden.iter().any(|name| name == entry.secret);
    let Some(Entry { field, secret, key: _ }) = entries.iter().find(forbidden) else { return Ok(()) };
    let message = format!(
        "the operator must not read Secret {secret} ({field}): let it (the chart's secretNamespaces, or a RoleBinding \
         to its ClusterRole for Secrets in this namespace)"
    );
    Err(Problem { reason: "SecretForbidden", message, stuck: true })
}

fn secret_missing(missing: &MissingEntry) -> Problem {
    Problem { reason: "SecretMissing", message: missing.to_string(), stuck: true }
}

fn wish(pipeline: &Pipeline) -> Wish {
    Wish {
        specs: pipeline.topic_specs.clone(),
        topics: pipeline.topics.clone(),
        settings: pipeline.settings.clone(),
        processors: pipeline.processors.iter().map(|processor| processor.name).collect(),
    }
}

fn late(late: Late) -> Outcome {
    let problem = Problem { reason: "Late", message: late.to_string(), stuck: false };
    Outcome { kafka: Finding::Wrong(problem), error: Some("KafkaLate"), ..Outcome::default() }
}

fn fingerprint(text: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

impl KafkaMemory {
    /// The last outcome, if there is no cause to look again.
    fn answer(&mut self, about: u64, resync: Duration) -> Option<Outcome> {
        let Looked { about: then, at, outcome } = self.last.as_ref()?;
        if *then != about {
            self.failures = Failures::default();
            return None;
        }
        let now = Instant::now();
        let fresh = match outcome.error {
            Some(_) => !self.failures.left(now).is_zero(),
            None => now.saturating_duration_since(*at) < resync && !outcome.is_unfinished(),
        };
        fresh.then(|| outcome.clone())
    }

    fn lane(&self) -> Lane {
        if self.failures.any() { Lane::Suspect } else { Lane::Healthy }
    }

    fn note(&mut self, about: u64, outcome: &Outcome) {
        let at = Instant::now();
        if outcome.error.is_some() {
            self.failures.again(at);
        } else {
            self.failures = Failures::default();
        }
        // told once
        let outcome = Outcome { happenings: Vec::new(), ..outcome.clone() };
        self.last = Some(Looked { about, at, outcome });
    }

    /// How many partitions a topic had when it was seen last.
    pub(crate) fn partitions(&self, topic: &str) -> Option<i32> {
        let shown = self.last.iter().flat_map(|looked| &looked.outcome.shown);
        shown.filter(|found| found.name == topic).map(|found| found.partitions).find(|found| *found > 0)
    }

    /// When Kafka is to be looked at again.
    pub(crate) fn next_look(&self, resync: Duration) -> Duration {
        match &self.last {
            Some(looked) if looked.outcome.error.is_some() => self.failures.left(Instant::now()),
            Some(looked) if looked.outcome.is_unfinished() => UNFINISHED,
            Some(looked) => resync.saturating_sub(looked.at.elapsed()),
            None => resync,
        }
    }
}

impl Outcome {
    /// What is wrong, for the log.
    fn why(&self) -> Option<&str> {
        let problems = [self.kafka.problem(), self.topics.problem(), self.settings.problem()];
        problems.into_iter().flatten().next().map(|problem| problem.message.as_str())
    }

    /// Whether something was made that does not show yet.
    fn is_unfinished(&self) -> bool {
        matches!(&self.topics, Finding::Wrong(problem) if problem.reason == "Creating")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESYNC: Duration = Duration::from_mins(1);

    fn after(topics: Finding<super::super::facts::TopicsFound>) -> KafkaMemory {
        let mut memory = KafkaMemory::default();
        memory.note(7, &Outcome { topics, ..Outcome::default() });
        memory
    }

    #[test]
    fn a_topic_that_does_not_show_yet_is_looked_for_soon() {
        let creating = Problem { reason: "Creating", message: String::new(), stuck: false };
        let mut memory = after(Finding::Wrong(creating));
        assert!(memory.next_look(RESYNC) <= Duration::from_secs(2), "{:?}", memory.next_look(RESYNC));
        assert!(memory.answer(7, RESYNC).is_none());
    }

    #[test]
    fn what_is_fine_is_looked_at_again_after_the_resync() {
        let mut memory = after(Finding::Fine(<_>::default()));
        assert!(memory.next_look(RESYNC) > Duration::from_secs(50), "{:?}", memory.next_look(RESYNC));
        assert!(memory.answer(7, RESYNC).is_some() && memory.answer(8, RESYNC).is_none());
    }
}
