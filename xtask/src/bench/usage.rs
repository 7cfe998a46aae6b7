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
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_resident(&status).with_context(|| format!("no VmRSS in {path}"))
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
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
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t   12345 kB\nThreads:\t1\n"), Some(12_345 * 1024));
        assert_eq!(parse_resident("Name:\tx\n"), None);
        assert!(resident_bytes(std::process::id()).expect("this process") > 0);
    }
}
