//! Waiting for something to become true, with a limit and a reason.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `probe` gives a value. An error of `probe` counts as "not yet" and is told at the end.
///
/// # Errors
/// When `limit` has passed.
pub fn some<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        let answer = probe();
        if let Ok(Some(value)) = answer {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            let last = answer.err().map(|e| format!(": {e:#}")).unwrap_or_default();
            bail!("waited {limit:?} in vain for {what}{last}");
        }
        thread::sleep(PAUSE);
    }
}

/// Waits until `probe` is true.
///
/// # Errors
/// When `limit` has passed.
pub fn until(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<bool>) -> Result<()> {
    some(what, limit, || Ok(probe()?.then_some(())))
}

/// Waits until `probe` gives `expected`; the error shows what it gave last.
///
/// # Errors
/// When `limit` has passed.
pub fn equal<T: PartialEq + Debug>(
    what: &str,
    expected: &T,
    limit: Duration,
    mut probe: impl FnMut() -> Result<T>,
) -> Result<()> {
    some(what, limit, || {
        let got = probe()?;
        if got == *expected {
            return Ok(Some(()));
        }
        bail!("it is {got:?}, not {expected:?}")
    })
}
