//! What a process has used, as Linux accounts for it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Unit of CPU times in `/proc`: `USER_HZ`, which Linux fixes at 100 for user space.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time of a process, all its threads, user and system, since its start.
///
/// # Errors
/// When there is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid} is gone"))?;
    let ticks = cpu_ticks(&stat).with_context(|| format!("reading /proc/{pid}/stat"))?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// CPU time of the calling thread since its start, as the scheduler accounts for it (to the nanosecond).
///
/// # Errors
/// When the kernel does not tell.
pub fn thread_cpu() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").context("reading the thread's schedstat")?;
    let nanoseconds = stat.split_ascii_whitespace().next().and_then(|on_cpu| on_cpu.parse().ok());
    nanoseconds.map(Duration::from_nanos).context("reading the thread's schedstat")
}

/// The most physical memory a process has held since its start, in bytes.
///
/// # Errors
/// When there is no such process.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("process {pid} is gone"))?;
    kibibytes(&status, "VmHWM:").map(|kib| kib * 1_024).with_context(|| format!("reading /proc/{pid}/status"))
}

/// The 14th and 15th field of `/proc/PID/stat`; the 2nd is the name in parentheses and may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The value of a line such as `VmHWM:   1234 kB`.
pub fn kibibytes(text: &str, label: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_are_read_past_any_name() {
        let stat = "12 (a) (b c) S 1 12 12 0 -1 4194304 9 0 0 0 250 31 7 8 20 0 1 0 4242 0 0";
        assert_eq!(cpu_ticks(stat), Some(281));
        assert_eq!(cpu_ticks("12 (a) S 1"), None);
    }

    #[test]
    fn kibibytes_are_found_by_label() {
        assert_eq!(kibibytes("VmPeak:\t 9 kB\nVmHWM:\t   1234 kB\n", "VmHWM:"), Some(1_234));
        assert_eq!(kibibytes("VmPeak:\t 9 kB\n", "VmHWM:"), None);
    }
}
