//! Whether this process works and what it waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::IntGaugeVec;
use serde::Serialize;

use crate::metrics::{Label, Maker};

/// What the process needs, and which of it is missing. Clones share the same state.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    needs: Vec<NeedState>,
    failure: Option<String>,
    lasting: Option<&'static str>,
}

#[derive(Debug)]
struct NeedState {
    name: String,
    /// Why it is missing, if it is.
    why: Option<String>,
    was_met: bool,
}

/// One thing that must be there for the process to be ready. It starts as missing, with the reason "starting".
#[derive(Debug)]
pub struct Need {
    health: Health,
    index: usize,
}

/// A need that is not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What is needed.
    pub need: String,
    /// Why it is missing, and what to do.
    pub why: String,
}

impl Health {
    /// Adds a need. Several may have the same name, when several parts of one process need the same.
    pub fn need(&self, name: impl Into<String>) -> Need {
        let mut state = self.lock();
        state.needs.push(NeedState { name: name.into(), why: Some("starting".to_owned()), was_met: false });
        Need { health: self.clone(), index: state.needs.len() - 1 }
    }

    /// All needs that are not met; ready when empty. A process that has not said yet what it needs is starting.
    pub fn missing(&self) -> Vec<Missing> {
        let missing = |need: &NeedState| {
            let NeedState { name, why, was_met: _ } = need;
            why.as_ref().map(|why| Missing { need: name.clone(), why: why.clone() })
        };
        let state = self.lock();
        if state.needs.is_empty() {
            return vec![Missing { need: "process".to_owned(), why: "starting".to_owned() }];
        }
        state.needs.iter().filter_map(missing).collect()
    }

    /// Marks the process as dead: a worker ended that cannot be started again. The first reason stays.
    pub fn fail(&self, why: impl Into<String>) {
        self.lock().failure.get_or_insert(why.into());
    }

    /// Says that starting again will not help, and the kind of the failure.
    pub fn fail_for_good(&self, kind: &'static str) {
        self.lock().lasting = Some(kind);
    }

    /// Why the process is dead, if it is.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Need {
    /// It is there.
    pub fn met(&self) {
        let mut state = self.health.lock();
        let NeedState { name, why, was_met } = &mut state.needs[self.index];
        *was_met = true;
        if why.take().is_some() {
            tracing::info!(need = name, "ready");
        }
    }

    /// It is not there, and why; say which option names it and what to do. A new reason is logged, the
    /// same one again is not: as a warning when it was there before, else as a step of the start.
    pub fn missing(&self, why: impl Into<String>) {
        let new = why.into();
        let mut state = self.health.lock();
        let NeedState { name, why, was_met } = &mut state.needs[self.index];
        if why.as_ref() == Some(&new) {
            return;
        }
        if *was_met {
            tracing::warn!(need = name, why = new, "not ready any more");
        } else {
            tracing::info!(need = name, why = new, "not ready yet");
        }
        *why = Some(new);
    }

    /// Whether it is there now.
    pub fn is_met(&self) -> bool {
        self.health.lock().needs[self.index].why.is_none()
    }
}

/// Failures that starting again does not help against.
pub const LASTING: [&str; 2] = ["DataLoss", "State"];

pub(crate) fn register(make: &Maker, health: &Health) -> prometheus::Result<()> {
    let need = Label::described("need", "what the process needs: `kafka`, `store`, `topic orders`, …");
    let error = Label::known("error", LASTING);
    let health = health.clone();
    make.shown(
        "need_met",
        "1 while something that the process needs is there; it is ready when all are 1",
        &[need],
        {
            let health = health.clone();
            move |gauge| health.lock().show_needs(gauge)
        },
    )?;
    make.shown(
        "process_failed",
        "1 when the process ended by a failure that starting it again does not help against",
        &[error],
        move |gauge| health.lock().show_failure(gauge),
    )
}

impl State {
    /// Needs of one name are met when all of them are.
    fn show_needs(&self, gauge: &IntGaugeVec) {
        gauge.reset();
        for NeedState { name, .. } in &self.needs {
            let met = self.needs.iter().filter(|need| need.name == *name).all(|need| need.why.is_none());
            gauge.with_label_values(&[name]).set(i64::from(met));
        }
    }

    fn show_failure(&self, gauge: &IntGaugeVec) {
        for kind in LASTING {
            gauge.with_label_values(&[kind]).set(i64::from(self.lasting == Some(kind)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_is_missing_until_it_is_met() {
        let health = Health::default();
        assert_eq!(health.missing(), [Missing { need: "process".to_owned(), why: "starting".to_owned() }]);
        let kafka = health.need("kafka");
        let redis = health.need("redis");
        redis.met();
        assert_eq!(health.missing(), [Missing { need: "kafka".to_owned(), why: "starting".to_owned() }]);

        kafka.missing("cannot reach localhost:9092");
        assert_eq!(health.missing()[0].why, "cannot reach localhost:9092");

        kafka.met();
        assert!(kafka.is_met());
        assert_eq!(health.missing(), []);
    }

    #[test]
    fn the_first_failure_stays() {
        let health = Health::default();
        assert_eq!(health.failure(), None);
        health.fail("stage ended");
        health.fail("views ended");
        assert_eq!(health.failure().as_deref(), Some("stage ended"));
    }
}
