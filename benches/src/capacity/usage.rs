//! What the system accounts to this process, and its clock that all processes share.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// Processor time so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// All of it, microseconds.
    pub cpu_us: u64,
    /// Outside of the kernel.
    pub user_us: u64,
    /// Voluntary context switches.
    pub waits: u64,
}

fn usage(who: UsageWho) -> Usage {
    let usage = getrusage(who).expect("the system's accounting");
    let us = |time: nix::sys::time::TimeVal| (time.tv_sec() * 1_000_000 + time.tv_usec()) as u64;
    let user_us = us(usage.user_time());
    Usage {
        cpu_us: user_us + us(usage.system_time()),
        user_us,
        waits: usage.voluntary_context_switches() as u64,
    }
}

/// Of this process.
#[must_use]
pub fn process() -> Usage {
    usage(UsageWho::RUSAGE_SELF)
}

/// Of the calling thread.
#[must_use]
pub fn thread() -> Usage {
    usage(UsageWho::RUSAGE_THREAD)
}

/// Resident memory of this process, bytes.
#[must_use]
pub fn rss_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok())
        .expect("/proc/self/statm");
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4_096);
    pages * page as u64
}

/// Descriptors that this process holds.
#[must_use]
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Pins this thread, and those that it will start, to one processor, where the machine has it.
pub fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    if set.set(cpu).is_ok() && sched_setaffinity(Pid::from_raw(0), &set).is_err() {
        eprintln!("processor {cpu} is not to be had: not pinned");
    }
}

/// The monotonic clock, nanoseconds: the same in all processes.
#[must_use]
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("the monotonic clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// System calls of this process for each second of `time`, as `perf` counts them; `None` where it cannot. Blocks.
#[must_use]
pub fn system_calls_per_s(time: std::time::Duration) -> Option<f64> {
    let seconds = time.as_secs_f64();
    let output = std::process::Command::new("perf")
        .args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", &std::process::id().to_string()])
        .args(["--", "sleep", &seconds.to_string()])
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    // "12345,,raw_syscalls:sys_enter,..."
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("sys_enter"))?;
    Some(line.split(',').next()?.parse::<f64>().ok()? / seconds)
}

/// Raises the limit of descriptors as far as it goes.
pub fn many_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Where it cannot be raised, a run that needs it fails by name.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}
