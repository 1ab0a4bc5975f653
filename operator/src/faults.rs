//! A switch of test builds (cargo feature `faults`): points at which the operator kills itself. Without the
//! feature the function here is empty.
//!
//! Every write to the API server or to Kafka has two points, one before and one after it. With
//! `MILLRACE_OPERATOR_KILL_AT=<n>` the process sends SIGKILL to itself at the n-th point it passes.

#[cfg(not(feature = "faults"))]
mod switch {
    /// Does nothing: not a test build.
    pub const fn pass(_: &str) {}
}

#[cfg(feature = "faults")]
mod switch {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static KILL_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("MILLRACE_OPERATOR_KILL_AT").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);

    /// Kills this process if it was asked to do so here; `what` is written, or was.
    pub fn pass(what: &str) {
        let point = PASSED.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::debug!(point, what, "kill point");
        if *KILL_AT == Some(point) {
            tracing::warn!(point, what, "kill point reached");
            kill_self();
        }
    }

    /// Through the `kill` program: no unsafe code for a test switch.
    fn kill_self() {
        let pid = std::process::id().to_string();
        let sent = std::process::Command::new("kill").args(["-KILL", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot kill the own process");
        std::thread::park();
    }
}

pub(crate) use switch::pass;
