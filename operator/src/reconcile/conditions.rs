//! From what was found to the conditions that say it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::facts::{Acknowledged, Facts, Finding, Problem, Role, TopicsFound};
use crate::api::{ConditionType, Phase};

/// What one condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub status: Truth,
    pub reason: &'static str,
    pub message: String,
}

/// The values of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    True,
    False,
    Unknown,
}

/// Conditions by their type; those that are not there hold nothing worth saying.
pub(crate) type Verdicts = BTreeMap<ConditionType, Verdict>;

impl Facts {
    /// The conditions.
    pub(crate) fn verdicts(&self) -> Verdicts {
        if let Some(why) = &self.deleting {
            return Verdicts::from([
                (ConditionType::Ready, Verdict::no("Deleting", why.clone())),
                (ConditionType::Reconciling, Verdict::yes("Deleting", why.clone())),
            ]);
        }
        let mut verdicts = Verdicts::from([
            (ConditionType::KafkaReachable, self.kafka_reachable()),
            (ConditionType::TopicsReady, self.topics_ready()),
            (ConditionType::ProcessorsReady, self.workloads_ready(Role::Processor)),
            (ConditionType::ViewsReady, self.workloads_ready(Role::Views)),
            (ConditionType::SettingsApplied, self.settings_applied()),
            (ConditionType::DataLoss, self.data_loss()),
            (ConditionType::Paused, self.paused()),
        ]);
        let stuck = self.stuck();
        let obstacle = self.obstacle(&verdicts);
        if let Some(stuck) = &stuck {
            verdicts.insert(ConditionType::Stalled, Verdict::yes(stuck.reason, stuck.message.clone()));
        } else if let Some(obstacle) = &obstacle {
            verdicts
                .insert(ConditionType::Reconciling, Verdict::yes(obstacle.reason, obstacle.message.clone()));
        }
        let ready = match stuck.map(|problem| (problem.reason, problem.message)) {
            Some((reason, message)) => Verdict::no(reason, message),
            None => obstacle.unwrap_or_else(|| self.all_well()),
        };
        verdicts.insert(ConditionType::Ready, ready);
        verdicts
    }

    /// Whether somebody has to do something before it can go on.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck().is_some()
    }

    fn all_well(&self) -> Verdict {
        if self.paused {
            Verdict::yes("Paused", "the processors stand still, as asked".to_owned())
        } else {
            Verdict::yes("AsAsked", "everything runs as asked".to_owned())
        }
    }

    /// What somebody must do something about.
    fn stuck(&self) -> Option<Problem> {
        let lost = (!self.losses.is_empty()).then(|| Problem {
            reason: "DataLoss",
            message: self.losses.join("; "),
            stuck: true,
        });
        let found =
            [self.failure.as_ref(), self.kafka.problem(), self.topics.problem(), self.settings.problem()];
        found.into_iter().flatten().find(|problem| problem.stuck).cloned().or(lost)
    }

    /// The first thing that is missing, with what Ready says about it.
    fn obstacle(&self, verdicts: &Verdicts) -> Option<Verdict> {
        if let Some(failure) = &self.failure {
            return Some(Verdict::no(failure.reason, failure.message.clone()));
        }
        let needed = [
            ConditionType::KafkaReachable,
            ConditionType::TopicsReady,
            ConditionType::ProcessorsReady,
            ConditionType::ViewsReady,
            ConditionType::SettingsApplied,
        ];
        let missing = needed.iter().filter_map(|kind| verdicts.get(kind)).find(|v| v.status != Truth::True);
        let missing = missing.map(|verdict| Verdict { status: Truth::False, ..verdict.clone() });
        missing.or_else(|| Some(self.workloads_ready(Role::Other)).filter(|v| v.status != Truth::True))
    }

    fn kafka_reachable(&self) -> Verdict {
        self.kafka.verdict(|()| Verdict::yes("Reachable", "brokers answer".to_owned()))
    }

    fn topics_ready(&self) -> Verdict {
        self.topics.verdict(|TopicsFound { count, drifting }| {
            let differing = match drifting {
                0 => String::new(),
                drifting => format!("; {drifting} of them differ from the resource, see status.topics"),
            };
            Verdict::yes("AsAsked", format!("all {count} public topics are there{differing}"))
        })
    }

    fn settings_applied(&self) -> Verdict {
        self.settings.verdict(|Acknowledged { generation, by, of }| {
            if by == of {
                Verdict::yes("Applied", format!("every replica runs with generation {generation}"))
            } else {
                let message = format!("{by} of {of} replicas run with generation {generation}");
                Verdict::no("Spreading", message)
            }
        })
    }

    fn workloads_ready(&self, role: Role) -> Verdict {
        let Some(workloads) = &self.workloads else { return Verdict::unknown() };
        let of_role = workloads.iter().filter(|workload| workload.role == role);
        let unready: Vec<_> = of_role.clone().filter(|workload| !workload.is_ready()).collect();
        let Some(first) = unready.first() else {
            return match of_role.map(|workload| workload.desired).sum::<i32>() {
                0 if role == Role::Processor && self.paused => {
                    Verdict::yes("Paused", "no replica runs".to_owned())
                }
                _ => Verdict::yes("Ready", "all replicas are ready".to_owned()),
            };
        };
        let said: Vec<_> = unready.iter().map(|workload| workload.say()).collect();
        Verdict::no(first.reason(), said.join("; "))
    }

    fn data_loss(&self) -> Verdict {
        if self.workloads.is_none() {
            Verdict::unknown()
        } else if self.losses.is_empty() {
            Verdict::no("None", "no stage misses orders or state".to_owned())
        } else {
            Verdict::yes("Lost", self.losses.join("; "))
        }
    }

    fn paused(&self) -> Verdict {
        let left = self.workloads.as_ref().map(|workloads| -> i32 {
            let processors = workloads.iter().filter(|workload| workload.role == Role::Processor);
            processors.map(|workload| workload.ready).sum()
        });
        match (self.paused, left) {
            (false, _) => Verdict::no("Running", "orders are processed".to_owned()),
            (true, None) => Verdict::unknown(),
            (true, Some(0)) => Verdict::yes("Paused", "the processors are drained".to_owned()),
            (true, Some(left)) => Verdict::no("Draining", format!("{left} replicas are still draining")),
        }
    }
}

/// The word for the whole. `before`: what it was.
pub(crate) fn phase(facts: &Facts, verdicts: &Verdicts, before: Option<Phase>) -> Phase {
    let paused = facts.paused;
    let is = |kind| verdicts.get(&kind).is_some_and(|verdict: &Verdict| verdict.status == Truth::True);
    let worked = matches!(before, Some(Phase::Running | Phase::Degraded));
    match () {
        () if facts.deleting.is_some() => Phase::Deleting,
        // nobody has looked: it may run as it did
        () if is(ConditionType::Stalled) && facts.workloads.is_none() && worked => Phase::Degraded,
        () if is(ConditionType::Stalled) && !is(ConditionType::ProcessorsReady) => Phase::Failed,
        () if is(ConditionType::Stalled) => Phase::Degraded,
        () if paused && is(ConditionType::Paused) => Phase::Paused,
        () if paused => Phase::Pausing,
        () if is(ConditionType::Ready) => Phase::Running,
        () if worked => Phase::Degraded,
        () => Phase::Pending,
    }
}

/// The conditions as they stand in the status. A condition that says the same as before keeps its time.
pub(crate) fn stamped(
    verdicts: &Verdicts,
    before: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let stamp = |(kind, verdict): (&ConditionType, &Verdict)| {
        let status = verdict.status.as_str();
        let same = before.iter().find(|c| c.type_ == kind.as_str() && c.status == status);
        Condition {
            type_: kind.as_str().to_owned(),
            status: status.to_owned(),
            reason: verdict.reason.to_owned(),
            message: verdict.message.clone(),
            observed_generation: generation,
            last_transition_time: same.map_or(Time(now), |c| c.last_transition_time.clone()),
        }
    };
    verdicts.iter().map(stamp).collect()
}

impl<T: Copy> Finding<T> {
    fn verdict(&self, fine: impl FnOnce(T) -> Verdict) -> Verdict {
        match self {
            Self::Unknown => Verdict::unknown(),
            Self::Fine(found) => fine(*found),
            Self::Wrong(problem) => Verdict::no(problem.reason, problem.message.clone()),
        }
    }
}

impl Verdict {
    fn yes(reason: &'static str, message: String) -> Self {
        Self { status: Truth::True, reason, message }
    }

    fn no(reason: &'static str, message: String) -> Self {
        Self { status: Truth::False, reason, message }
    }

    fn unknown() -> Self {
        Self { status: Truth::Unknown, reason: "Unknown", message: "not found out yet".to_owned() }
    }
}

impl Truth {
    const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

#[cfg(test)]
mod tests;
