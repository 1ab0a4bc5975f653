//! Switches of test builds (cargo feature `faults`): protections that can be turned off, and points at which
//! the process kills or stops itself. Without the feature every function here is a constant.
//!
//! - `MILLRACE_MUTATION=<name>[,<name>]` turns protections off; the names are those of [`Mutation`].
//! - `MILLRACE_FAILPOINT=<point>:<n>[:stop]` sends SIGKILL (or SIGSTOP) to the process itself when it passes
//!   the point for the n-th time; the points are those of [`Point`].

/// A protection that a test build can turn off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// `offsets-before-flush`: offsets are sent before the state records are acknowledged.
    OffsetsBeforeFlush,
    /// `no-committed-barrier`: a restore does not wait for pending offset commits.
    NoCommittedBarrier,
    /// `refold-not-due`: what a refold changed is not due for the next checkpoint.
    RefoldNotDue,
    /// `shared-checkpoint`: all processors restore from the earliest checkpoint position of any of them.
    SharedCheckpoint,
    /// `no-transaction`: records and offsets are sent without a transaction.
    NoTransaction,
    /// `progress-from-group`: the position is committed to the group ahead of the transaction and read from there.
    ProgressFromGroup,
}

/// A place where a test build can kill or stop itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// `first-poll`: the first batch of orders was folded, nothing is committed yet.
    FirstPoll,
    /// `claim`: within the first transaction after a restore (the claim), before its commit.
    Claim,
    /// `claimed`: right after the claim was committed.
    Claimed,
    /// `records-sent`: within an ordinary transaction, records acknowledged, offsets not sent.
    RecordsSent,
    /// `offsets-sent`: within an ordinary transaction, offsets sent, not committed.
    OffsetsSent,
    /// `committed`: right after an ordinary commit.
    Committed,
    /// `restoring`: a restore has read the state topic and is about to fold again.
    Restoring,
}

#[cfg(not(feature = "faults"))]
mod switches {
    /// Always false: not a test build.
    pub const fn is_off(_: super::Mutation) -> bool {
        false
    }
    /// Does nothing: not a test build.
    pub const fn pass(_: super::Point) {}
}

#[cfg(feature = "faults")]
mod switches {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Mutation, Point};

    static MUTATIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let names = std::env::var("MILLRACE_MUTATION").unwrap_or_default();
        names.split(',').map(str::to_owned).collect()
    });

    struct Failpoint {
        name: String,
        after: u64,
        stop: bool,
        passed: AtomicU64,
    }

    static FAILPOINT: LazyLock<Option<Failpoint>> = LazyLock::new(|| {
        let text = std::env::var("MILLRACE_FAILPOINT").ok()?;
        let mut parts = text.split(':');
        let name = parts.next()?.to_owned();
        let after = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
        let stop = parts.next() == Some("stop");
        Some(Failpoint { name, after, stop, passed: AtomicU64::new(0) })
    });

    /// Whether the protection is turned off.
    pub fn is_off(mutation: Mutation) -> bool {
        MUTATIONS.iter().any(|name| name == mutation.name())
    }

    /// Kills or stops this process if it was asked to do so here.
    pub fn pass(point: Point) {
        let Some(failpoint) = FAILPOINT.as_ref().filter(|f| f.name == point.name()) else { return };
        if failpoint.passed.fetch_add(1, Ordering::Relaxed) + 1 == failpoint.after {
            let (signal, name) =
                if failpoint.stop { (own_process::STOP, "stop") } else { (own_process::KILL, "kill") };
            tracing::warn!(point = point.name(), signal = name, "failpoint reached");
            own_process::send_to_self(signal);
        }
    }

    /// Signals to the own process, through the `kill` program: no unsafe code for a test switch.
    mod own_process {
        pub const KILL: &str = "-KILL";
        pub const STOP: &str = "-STOP";

        pub fn send_to_self(signal: &str) {
            let pid = std::process::id().to_string();
            let sent = std::process::Command::new("kill").args([signal, &pid]).status();
            assert!(sent.is_ok_and(|status| status.success()), "cannot send {signal} to the own process");
            if signal == KILL {
                std::thread::park();
            }
        }
    }
}

pub use switches::{is_off, pass};

#[cfg(feature = "faults")]
impl Mutation {
    const fn name(self) -> &'static str {
        match self {
            Self::OffsetsBeforeFlush => "offsets-before-flush",
            Self::NoCommittedBarrier => "no-committed-barrier",
            Self::RefoldNotDue => "refold-not-due",
            Self::SharedCheckpoint => "shared-checkpoint",
            Self::NoTransaction => "no-transaction",
            Self::ProgressFromGroup => "progress-from-group",
        }
    }
}

#[cfg(feature = "faults")]
impl Point {
    const fn name(self) -> &'static str {
        match self {
            Self::FirstPoll => "first-poll",
            Self::Claim => "claim",
            Self::Claimed => "claimed",
            Self::RecordsSent => "records-sent",
            Self::OffsetsSent => "offsets-sent",
            Self::Committed => "committed",
            Self::Restoring => "restoring",
        }
    }
}
