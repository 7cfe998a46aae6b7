//! What a piece of work cost the machine.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// Returns the processor time that the calling thread has used.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let secs = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(secs, nanos)
}

/// Returns the memory that a process holds (`VmRSS`), in bytes.
///
/// # Errors
/// When the process is gone or the system does not say.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    memory(process, "VmRSS:")
}

/// Returns the most memory that a process ever held (`VmHWM`), in bytes.
///
/// # Errors
/// As for [`resident_bytes`].
pub(crate) fn most_resident_bytes(process: u32) -> Result<u64> {
    memory(process, "VmHWM:")
}

fn memory(process: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse(&status, name).with_context(|| format!("no {name} in {path}"))
}

fn parse(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the size of a database and the files beside it, in bytes; missing ones count as empty.
pub(crate) fn database_bytes(path: &Path) -> u64 {
    ["", "-wal", "-shm"]
        .iter()
        .filter_map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(name).ok()
        })
        .map(|metadata| metadata.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_time() {
        let before = thread_cpu();
        let sum = (0..2_000_000u64).fold(0u64, |sum, value| sum.wrapping_mul(31).wrapping_add(value));
        assert_ne!(std::hint::black_box(sum), 0);
        assert!(thread_cpu() > before);
    }

    #[test]
    fn memory_is_read_from_the_status() {
        assert_eq!(parse("Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t1\n", "VmRSS:"), Some(12_345 * 1024));
        assert_eq!(parse("Name:\tx\n", "VmRSS:"), None);
        let now = resident_bytes(std::process::id()).expect("this process");
        assert!(now > 0);
        assert!(most_resident_bytes(std::process::id()).expect("this process") > 0);
    }
}
