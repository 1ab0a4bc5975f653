//! A stage with one processor and one partition, in memory.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Fact, Outputs, Processor, ProcessorKind, Settings, StateWriter, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Event, TestOrder};

/// The largest value a processor may put.
const LARGEST_VALUE: usize = 500 * 1024;

/// What happens after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the batch goes on.
    GoOn,
    /// Outputs and progress are committed.
    Commit,
    /// The same, with a checkpoint.
    Checkpoint,
    /// What was not committed is lost, and the state restored.
    Crash(Crash),
}

/// In which order the state records are loaded after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// By key.
    Forwards,
    /// By key, last one first.
    Backwards,
}

/// What one checkpoint wrote: absolute values and tombstones.
pub type Checkpoint = BTreeMap<String, Option<Vec<u8>>>;

/// What became visible of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The alerts' JSON, in order.
    pub alerts: Vec<String>,
    /// How often each fact was counted.
    pub facts: [u64; Fact::ALL.len()],
    /// The state records after the last checkpoint.
    pub state: BTreeMap<String, Vec<u8>>,
}

/// Plans with `length` actions; those after the end of a stream do not matter.
pub fn actions(length: usize) -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        70 => Just(Action::GoOn),
        15 => Just(Action::Commit),
        8 => Just(Action::Checkpoint),
        4 => Just(Action::Crash(Crash::Forwards)),
        3 => Just(Action::Crash(Crash::Backwards)),
    ];
    vec(action, length)
}

/// Folds `events`; after event `i` comes `plan[i]`, once, and nothing special where the plan has ended. At
/// the end comes a last checkpoint. Also says what each checkpoint wrote.
///
/// # Panics
/// When the processor breaks the contract of its port.
pub fn run(kind: &dyn ProcessorKind, events: &[Event], plan: &[Action]) -> (Run, Vec<Checkpoint>) {
    let mut stage = Stage::new(kind, events);
    let mut plan = plan.to_vec();
    while let Some(event) = events.get(stage.position) {
        let action =
            plan.get_mut(stage.position).map_or(Action::GoOn, |a| std::mem::replace(a, Action::GoOn));
        stage.handle(event);
        match action {
            Action::GoOn => {}
            Action::Commit => stage.commit(),
            Action::Checkpoint => stage.checkpoint(),
            Action::Crash(crash) => stage.restore(crash),
        }
    }
    stage.checkpoint();
    let again = stage.write_checkpoint();
    assert_eq!(again, Checkpoint::new(), "a checkpoint after a checkpoint has nothing to write");
    (stage.run, stage.checkpoints)
}

struct Stage<'a> {
    kind: &'a dyn ProcessorKind,
    events: &'a [Event],
    processor: Box<dyn Processor>,
    out: Outputs,
    position: usize,
    watermark: Timestamp,
    /// Everything that a crash leaves.
    run: Run,
    committed_position: usize,
    checkpoint_position: usize,
    checkpoint_watermark: Timestamp,
    settings: Settings,
    checkpoints: Vec<Checkpoint>,
}

impl<'a> Stage<'a> {
    fn new(kind: &'a dyn ProcessorKind, events: &'a [Event]) -> Self {
        let settings = Settings::default();
        Self {
            kind,
            events,
            processor: kind.start(&settings),
            out: Outputs::default(),
            position: 0,
            watermark: Timestamp(i64::MIN),
            run: Run::default(),
            committed_position: 0,
            checkpoint_position: 0,
            checkpoint_watermark: Timestamp(i64::MIN),
            settings,
            checkpoints: Vec::new(),
        }
    }

    fn handle(&mut self, event: &Event) {
        match event {
            Event::Order(order) => {
                self.fold(order);
                self.position += 1;
            }
            Event::Settings(settings) => {
                // The barrier: state is never folded again with other settings.
                self.position += 1;
                self.checkpoint();
                self.settings = settings.clone();
                self.processor.configure(settings);
            }
        }
    }

    fn fold(&mut self, order: &TestOrder) {
        self.watermark = self.watermark.max(order.time.min(order.record_time));
        self.processor.fold(&order.order(), self.watermark, &mut self.out);
    }

    fn commit(&mut self) {
        let alerts = self.out.alerts().map(|alert| String::from_utf8(alert.value.to_vec()).expect("JSON"));
        self.run.alerts.extend(alerts);
        for fact in Fact::ALL {
            self.run.facts[fact as usize] += self.out.facts(fact);
        }
        self.out.clear();
        self.committed_position = self.position;
    }

    fn checkpoint(&mut self) {
        self.commit();
        let written = self.write_checkpoint();
        for (key, value) in &written {
            match value {
                Some(value) => self.run.state.insert(key.clone(), value.clone()),
                None => self.run.state.remove(key),
            };
        }
        self.checkpoints.push(written);
        self.checkpoint_position = self.position;
        self.checkpoint_watermark = self.watermark;
    }

    fn write_checkpoint(&mut self) -> Checkpoint {
        let mut written = Written::default();
        self.processor.checkpoint(&mut written);
        written.0
    }

    fn restore(&mut self, crash: Crash) {
        self.processor = self.kind.start(&self.settings);
        self.load(crash);
        self.watermark = self.checkpoint_watermark;
        let events = self.events;
        for event in &events[self.checkpoint_position..self.committed_position] {
            let Event::Order(order) = event else { unreachable!("settings change with a checkpoint") };
            self.fold(order);
        }
        self.out.clear();
        self.position = self.committed_position;
    }

    fn load(&mut self, crash: Crash) {
        let mut records: Vec<_> = self.run.state.iter().collect();
        if crash == Crash::Backwards {
            records.reverse();
        }
        for (key, value) in records {
            self.processor
                .load(self.kind.format_version(), key, value)
                .expect("what was written can be loaded");
        }
    }
}

/// One checkpoint as it is written.
#[derive(Default)]
struct Written(Checkpoint);

impl Written {
    fn insert(&mut self, key: &str, value: Option<Vec<u8>>) {
        let before = self.0.insert(key.to_owned(), value);
        assert_eq!(before, None, "{key} stands in one checkpoint twice");
    }
}

impl StateWriter for Written {
    fn put(&mut self, key: &str, value: &[u8]) {
        assert!(value.len() <= LARGEST_VALUE, "{key} has {} bytes", value.len());
        self.insert(key, Some(value.to_vec()));
    }

    fn delete(&mut self, key: &str) {
        self.insert(key, None);
    }
}

impl Run {
    /// The alerts as a set, for runs that raise them in different orders. No alert is raised twice.
    ///
    /// # Panics
    /// When one is.
    pub fn alert_set(&self) -> BTreeSet<String> {
        let set: BTreeSet<_> = self.alerts.iter().cloned().collect();
        assert_eq!(set.len(), self.alerts.len(), "an alert was raised twice");
        set
    }
}
