//! Deliberate mistakes for the tests that prove that such mistakes are caught.
//!
//! Without the cargo feature `faults` all of them are constants `false`. With it, the environment variable
//! `MILLRACE_MUTATION` names the one to make.

/// Compare fences by the sum of their positions instead of partition by partition.
pub(crate) fn fence_sum() -> bool {
    is("fence-sum")
}

/// Apply a transaction's records as they come instead of all at once.
pub(crate) fn partial_transactions() -> bool {
    is("partial-transactions")
}

#[cfg(feature = "faults")]
fn is(name: &str) -> bool {
    static MUTATION: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    MUTATION.get_or_init(|| std::env::var("MILLRACE_MUTATION").ok()).as_deref() == Some(name)
}

#[cfg(not(feature = "faults"))]
const fn is(_name: &str) -> bool {
    false
}
