//! Steps a process through a piece of its work, an instruction at a time.

use crate::code::Code;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::process::{Command, Stdio};

/// The argument that makes this program the one that is stepped.
pub(crate) const ROLE: &str = "--stepped";

/// A piece that steps past this hangs or is no piece: it would take minutes.
const STEPS_MAX: u64 = 40_000_000;

/// Where `rip` lies among the registers that ptrace reads (`user_regs_struct` of x86-64, 16 registers of 8 bytes before it).
const RIP_OFFSET: usize = 16 * 8;

/// What a piece took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// Instructions of the program itself, without digests, checksums and the C library: the same on every processor.
    pub(crate) own: u64,
    /// Ways from there into what is left out: digests, checksums, copies, allocations.
    pub(crate) calls: u64,
    /// All instructions. What is left out chooses its code by the processor.
    pub(crate) all: u64,
}

impl Count {
    /// Without what stopping and starting takes, and for one of `times`.
    pub(crate) fn each(self, nothing: Self, times: u64) -> Self {
        let of = |all: u64, nothing: u64| all.saturating_sub(nothing) / times;
        Self {
            own: of(self.own, nothing.own),
            calls: of(self.calls, nothing.calls),
            all: of(self.all, nothing.all),
        }
    }
}

/// In the stepped process: runs `piece` between two stops that its parent waits for.
pub(crate) fn between_stops(piece: impl FnOnce()) {
    ptrace::traceme().expect("the parent traces");
    raise(Signal::SIGSTOP).expect("a stop");
    piece();
    raise(Signal::SIGSTOP).expect("a stop");
}

/// Counts a piece, stops included.
pub(crate) fn count(name: &str) -> Count {
    let mut count = Count::default();
    let (mut inside, mut last) = (false, 0);
    walk(name, |address, code| {
        // A repeated string instruction traps each time around, and is one instruction.
        if std::mem::replace(&mut last, address) == address {
            return;
        }
        let own = code.is_own(address);
        count.all += 1;
        count.own += u64::from(own);
        count.calls += u64::from(inside && !own);
        inside = own;
    });
    count
}

/// Where the instructions of a piece are: functions with the most first.
pub(crate) fn functions(name: &str) -> Vec<(String, u64)> {
    let mut functions: HashMap<String, u64> = HashMap::new();
    let mut last = 0;
    walk(name, |address, code| {
        if std::mem::replace(&mut last, address) != address {
            *functions.entry(code.function(address).to_owned()).or_default() += 1;
        }
    });
    let mut functions: Vec<_> = functions.into_iter().collect();
    functions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    functions
}

/// Steps through a piece and shows each place that it comes to.
fn walk(name: &str, mut visit: impl FnMut(u64, &Code)) {
    let program = std::env::current_exe().expect("this program's path");
    let mut child =
        Command::new(&program).args([ROLE, name]).stdin(Stdio::null()).spawn().expect("a process");
    let pid = Pid::from_raw(child.id() as i32);
    assert_eq!(stop(pid), Some(Signal::SIGSTOP), "{name}: the first stop");
    let code = Code::of(child.id(), &program);
    for steps in 0.. {
        ptrace::step(pid, None).expect("a step");
        match stop(pid) {
            Some(Signal::SIGTRAP) => assert!(steps < STEPS_MAX, "{name} does not end"),
            Some(Signal::SIGSTOP) => break,
            // A signal of the process's own goes on to it with the next step; none is meant to come.
            other => panic!("{name} stopped by {other:?}"),
        }
        let rip = ptrace::read_user(pid, RIP_OFFSET as ptrace::AddressType).expect("the process's place");
        visit(rip as u64, &code);
    }
    ptrace::detach(pid, None).expect("the process goes on");
    let status = child.wait().expect("its end");
    assert!(status.success(), "{name}: {status}");
}

fn stop(pid: Pid) -> Option<Signal> {
    match waitpid(pid, Some(WaitPidFlag::__WALL)).expect("the stepped process") {
        WaitStatus::Stopped(_, signal) => Some(signal),
        _ => None,
    }
}
