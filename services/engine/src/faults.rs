//! Switches of test builds (cargo feature `faults`): protections that can be turned off, and points at which
//! the process kills or stops itself. Without the feature every function here is a constant.
//!
//! - `MILLRACE_MUTATION=<name>[,<name>]` turns protections off; the names are those of [`Mutation`].
//! - `MILLRACE_FAILPOINT=<point>:<n>[:stop][,…]` sends SIGKILL (or SIGSTOP) to the process itself when it
//!   passes the point for the n-th time; the points are those of [`Point`].
//! - `MILLRACE_CHECKPOINTS=<processor>:<ms>[,…]` makes a processor's checkpoints due at other intervals.

use std::time::Duration;

use contract::ProcessorName;

/// A protection that a test build can turn off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// `offsets-before-flush`: offsets are sent before the state records are acknowledged.
    OffsetsBeforeFlush,
    /// `no-committed-barrier`: a restore does not wait for pending offset commits; nor does it compare offsets,
    /// which would wait for them too.
    NoCommittedBarrier,
    /// `settled-once`: what a former owner wrote while its pending offset commits were awaited is not read.
    SettledOnce,
    /// `no-time-out`: what an owner that stands still has begun does not time out within minutes.
    NoTimeOut,
    /// `refold-not-due`: what a refold changed is not due for the next checkpoint.
    RefoldNotDue,
    /// `shared-checkpoint`: all processors restore from the earliest checkpoint position of any of them.
    SharedCheckpoint,
    /// `no-transaction`: records and offsets are sent without a transaction.
    NoTransaction,
    /// `progress-from-group`: the position is committed to the group ahead of the transaction and read from there.
    ProgressFromGroup,
}

/// A place where a test build can kill or stop itself. Those of transactions are passed only where orders are
/// committed, not checkpoints alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// `folded`: a batch of orders was folded, and its alerts wait for the next commit.
    Folded,
    /// `claim`: within the first transaction after a restore (the claim), before its commit.
    Claim,
    /// `claimed`: right after the claim was committed.
    Claimed,
    /// `records-sent`: within a transaction, records under way, offsets not sent.
    RecordsSent,
    /// `offsets-sent`: within a transaction, offsets sent, not committed.
    OffsetsSent,
    /// `committed`: right after a commit.
    Committed,
    /// `restoring`: a restore has read the state topic and is about to fold again.
    Restoring,
}

#[cfg(not(feature = "faults"))]
mod switches {
    use super::{Duration, Mutation, Point, ProcessorName};

    /// Always false: not a test build.
    pub const fn is_off(_: Mutation) -> bool {
        false
    }
    /// Does nothing: not a test build.
    pub const fn pass(_: Point) {}
    /// Always the usual interval: not a test build.
    pub const fn checkpoint_interval(_: ProcessorName, usual: Duration) -> Duration {
        usual
    }
}

#[cfg(feature = "faults")]
mod switches {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Duration, Mutation, Point, ProcessorName};

    static MUTATIONS: LazyLock<Vec<String>> = LazyLock::new(|| listed("MILLRACE_MUTATION"));
    static FAILPOINTS: LazyLock<Vec<Failpoint>> =
        LazyLock::new(|| listed("MILLRACE_FAILPOINT").iter().map(|text| Failpoint::parse(text)).collect());
    static CHECKPOINTS: LazyLock<Vec<String>> = LazyLock::new(|| listed("MILLRACE_CHECKPOINTS"));

    fn listed(variable: &str) -> Vec<String> {
        let list = std::env::var(variable).unwrap_or_default();
        list.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    struct Failpoint {
        name: String,
        after: u64,
        stop: bool,
        passed: AtomicU64,
    }

    impl Failpoint {
        fn parse(text: &str) -> Self {
            let mut parts = text.split(':');
            let name = parts.next().unwrap_or_default().to_owned();
            let after = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
            Self { name, after, stop: parts.next() == Some("stop"), passed: AtomicU64::new(0) }
        }

        fn pass(&self) {
            if self.passed.fetch_add(1, Ordering::Relaxed) + 1 != self.after {
                return;
            }
            let (signal, name) =
                if self.stop { (own_process::STOP, "stop") } else { (own_process::KILL, "kill") };
            tracing::warn!(point = self.name, signal = name, "failpoint reached");
            own_process::send_to_self(signal);
        }
    }

    /// Whether the protection is turned off.
    pub fn is_off(mutation: Mutation) -> bool {
        MUTATIONS.iter().any(|name| name == mutation.name())
    }

    /// Kills or stops this process if it was asked to do so here.
    pub fn pass(point: Point) {
        FAILPOINTS.iter().filter(|f| f.name == point.name()).for_each(Failpoint::pass);
    }

    /// How long a processor's changes may wait for a checkpoint.
    pub fn checkpoint_interval(processor: ProcessorName, usual: Duration) -> Duration {
        let of = |item: &String| {
            let (name, millis) = item.split_once(':')?;
            (name == processor.as_str()).then(|| millis.parse().ok().map(Duration::from_millis))?
        };
        CHECKPOINTS.iter().find_map(of).unwrap_or(usual)
    }

    /// Signals to the own process, through the `kill` program: no unsafe code for a test switch.
    mod own_process {
        pub const KILL: &str = "-KILL";
        pub const STOP: &str = "-STOP";

        pub fn send_to_self(signal: &str) {
            // To this thread: another one could take its time to stop the process, and this one run on.
            let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
            let id = thread.file_name().unwrap_or_default();
            let sent = std::process::Command::new("kill").arg(signal).arg(id).status();
            assert!(sent.is_ok_and(|status| status.success()), "cannot send {signal} to the own process");
            if signal == KILL {
                std::thread::park();
            }
        }
    }
}

pub use switches::{checkpoint_interval, is_off, pass};

#[cfg(feature = "faults")]
impl Mutation {
    const fn name(self) -> &'static str {
        match self {
            Self::OffsetsBeforeFlush => "offsets-before-flush",
            Self::NoCommittedBarrier => "no-committed-barrier",
            Self::SettledOnce => "settled-once",
            Self::NoTimeOut => "no-time-out",
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
            Self::Folded => "folded",
            Self::Claim => "claim",
            Self::Claimed => "claimed",
            Self::RecordsSent => "records-sent",
            Self::OffsetsSent => "offsets-sent",
            Self::Committed => "committed",
            Self::Restoring => "restoring",
        }
    }
}
