//! What a look at a pipeline found, as far as the status speaks of it.

/// Everything that the conditions are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether the processors are to stand still.
    pub paused: bool,
    /// Whether the cluster answers.
    pub kafka: Finding<()>,
    /// Whether the topics are there.
    pub topics: Finding<TopicsFound>,
    /// Whether the newest settings are published, and who runs with them.
    pub settings: Finding<Acknowledged>,
    /// Everything that is to run; `None` while nobody has looked, so that nothing is known of losses either.
    pub workloads: Option<Vec<Workload>>,
    /// What stages said that stopped because orders or state are gone.
    pub losses: Vec<String>,
    /// What kept the operator from doing its work.
    pub failure: Option<Problem>,
    /// What its deletion waits for; then nothing else counts.
    pub deleting: Option<String>,
}

/// What was found out about something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Finding<T> {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It is as it should be.
    Fine(T),
    /// It is not.
    Wrong(Problem),
}

/// Something is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// One word for tools.
    pub reason: &'static str,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Whether it stays so until somebody does something.
    pub stuck: bool,
}

/// Topics that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicsFound {
    /// How many public ones.
    pub count: usize,
    /// How many of them differ from the resource in ways that do not matter or cannot be changed.
    pub drifting: usize,
}

/// Who runs with the newest settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// The newest generation.
    pub generation: u64,
    /// Replicas that run with it.
    pub by: usize,
    /// All replicas.
    pub of: usize,
}

/// A Deployment of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// `revenue`, `views`, …
    pub component: String,
    /// What kind of part it is.
    pub role: Role,
    /// Replicas that it should have.
    pub desired: i32,
    /// Replicas that are ready.
    pub ready: i32,
    /// Whether all replicas are of the newest kind and none of an older kind is left.
    pub settled: bool,
    /// Why it does not come up, if the pods say so.
    pub trouble: Option<String>,
}

/// What a workload is in the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Processor,
    Views,
    /// Dashboard and simulator: they belong to the whole, but have no condition of their own.
    Other,
}

impl Workload {
    /// Whether it is as it should be.
    pub(crate) fn is_ready(&self) -> bool {
        self.settled && self.ready == self.desired && self.trouble.is_none()
    }

    /// Why it is not, in a word.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self { trouble: Some(_), .. } => "PodsFail",
            Self { settled: false, .. } => "Rolling",
            Self { ready, desired, .. } if ready > desired => "Draining",
            Self { .. } => "Starting",
        }
    }

    /// How it is, in a sentence.
    pub(crate) fn say(&self) -> String {
        let Self { component, role: _, desired, ready, settled, trouble } = self;
        match (trouble, settled) {
            (Some(trouble), _) => format!("{component}: {ready} of {desired} replicas are ready: {trouble}"),
            (None, false) => format!("{component} is rolling: {ready} of {desired} replicas are ready"),
            (None, true) => format!("{component}: {ready} of {desired} replicas are ready"),
        }
    }
}

impl<T> Finding<T> {
    /// What is wrong, if something is.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Wrong(problem) => Some(problem),
            Self::Unknown | Self::Fine(_) => None,
        }
    }
}
