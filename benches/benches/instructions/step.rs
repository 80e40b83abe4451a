//! Steps a process through a piece of its work, an instruction at a time.

use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::process::{Command, Stdio};

/// The argument that makes this program the one that is stepped.
pub(crate) const ROLE: &str = "--stepped";

/// A piece that steps past this hangs or is no piece: it would take a minute.
const STEPS_MAX: u64 = 20_000_000;

/// In the stepped process: runs `piece` between two stops that its parent waits for.
pub(crate) fn between_stops(piece: impl FnOnce()) {
    ptrace::traceme().expect("the parent traces");
    raise(Signal::SIGSTOP).expect("a stop");
    piece();
    raise(Signal::SIGSTOP).expect("a stop");
}

/// Counts the instructions of a piece, stops included.
pub(crate) fn count(name: &str) -> u64 {
    let program = std::env::current_exe().expect("this program's path");
    let mut child = Command::new(program).args([ROLE, name]).stdin(Stdio::null()).spawn().expect("a process");
    let pid = Pid::from_raw(child.id() as i32);
    assert_eq!(stop(pid), Some(Signal::SIGSTOP), "{name}: the first stop");
    let mut steps = 0;
    loop {
        ptrace::step(pid, None).expect("a step");
        steps += 1;
        match stop(pid) {
            Some(Signal::SIGTRAP) => assert!(steps < STEPS_MAX, "{name} does not end"),
            Some(Signal::SIGSTOP) => break,
            // A signal of the process's own goes on to it with the next step; none is meant to come.
            other => panic!("{name} stopped by {other:?}"),
        }
    }
    ptrace::detach(pid, None).expect("the process goes on");
    let status = child.wait().expect("its end");
    assert!(status.success(), "{name}: {status}");
    steps
}

fn stop(pid: Pid) -> Option<Signal> {
    match waitpid(pid, Some(WaitPidFlag::__WALL)).expect("the stepped process") {
        WaitStatus::Stopped(_, signal) => Some(signal),
        _ => None,
    }
}
