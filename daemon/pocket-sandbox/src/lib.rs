//! How does a program give up its powers before it reads what a stranger made? What is left can read one
//! pipe, write to one, and compute.
//!
//! This crate must never leave a power that was asked to go: where the kernel refuses, it says so, and the
//! program must end.

use std::collections::BTreeMap;
use std::fs;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, Scope};
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use thiserror::Error;

/// What a program may take at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory that it may map, in bytes.
    pub memory: u64,
    /// Processor time, in seconds.
    pub processor_seconds: u64,
}

/// Descriptors: standard input, output and error.
const DESCRIPTORS: u64 = 3;

/// A power could not be given up: no byte of a file may be read then.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// A limit was refused.
    #[error("a limit of the process can't be set")]
    Limit(#[from] nix::Error),
    /// The list of system calls can't be enforced.
    #[error("this kernel or processor has no seccomp filter")]
    Filter(#[from] seccompiler::Error),
    /// Whoever started this is gone.
    #[error("the program that started this is gone")]
    Orphan,
    /// The processor is none that filters can be made for.
    #[error("there is no seccomp filter for this processor")]
    Processor(#[from] seccompiler::BackendError),
}

/// Gives up everything but reading standard input, writing standard output, and memory. Landlock is a
/// second wall where the kernel has it; the filter of system calls is not optional.
///
/// # Errors
/// [`SandboxError`]: the process still has powers, and must end.
pub fn enter(limits: Limits) -> Result<(), SandboxError> {
    be_first_to_go();
    prctl::set_dumpable(false)?;
    // A daemon that was killed can't kill this any more.
    let daemon = getppid();
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // One that died before that can't send it any more.
    if getppid() != daemon {
        return Err(SandboxError::Orphan);
    }
    close_what_was_left_open();
    prctl::set_no_new_privs()?;
    fence();
    limit(limits)?;
    filter()
}

/// When memory is short, such a program is what the kernel should end. It may be refused.
fn be_first_to_go() {
    fs::write("/proc/self/oom_score_adj", "1000").unwrap_or_default();
}

/// Descriptors that someone let us inherit. The daemon opens all of its own for itself alone.
fn close_what_was_left_open() {
    let Ok(open) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let left: Vec<i32> = numbers.filter(|number| *number > 2).collect();
    for number in left {
        // The folder's own is among them and closed by now.
        nix::unistd::close(number).unwrap_or_default();
    }
}

/// No file, no network, no signal to anyone, says the kernel's own access control.
pub fn fence() -> bool {
    let fenced = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(ABI::V6)))
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    fenced.is_ok_and(|status| status.ruleset != landlock::RulesetStatus::NotEnforced)
}

fn limit(limits: Limits) -> Result<(), nix::Error> {
    for (resource, most) in [
        (Resource::RLIMIT_AS, limits.memory),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS),
        (Resource::RLIMIT_NPROC, 0),
    ] {
        setrlimit(resource, most, most)?;
    }
    // At the first of the two the kernel says why it ends the process.
    let seconds = limits.processor_seconds;
    setrlimit(Resource::RLIMIT_CPU, seconds, seconds.saturating_add(1))
}

/// Every system call that is not on the list ends the process. To open a file is answered with no, and
/// nothing is opened: libraries ask the system's files how many processors there are, and can do without.
fn filter() -> Result<(), SandboxError> {
    let no = SeccompAction::Errno(bits32(libc::EACCES));
    let opening: Rules = [(number(libc::SYS_openat), Vec::new())].into();
    // Of two filters the stricter one counts for each call.
    apply(opening, SeccompAction::Allow, no)?;
    apply(allowed()?, SeccompAction::KillProcess, SeccompAction::Allow)
}

fn apply(rules: Rules, others: SeccompAction, listed: SeccompAction) -> Result<(), SandboxError> {
    let filter = SeccompFilter::new(rules, others, listed, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)?;
    Ok(())
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn allowed() -> Result<Rules, seccompiler::BackendError> {
    // Memory, the end of the process, locks of the allocator, seeds for hash tables, and the clock.
    let whole = [
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        // The filter before this one answers it.
        libc::SYS_openat,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ];
    let mut rules: Rules = whole.into_iter().map(|call| (number(call), Vec::new())).collect();
    let own = u64::from(std::process::id());
    let anonymous = bits(libc::MAP_ANONYMOUS);
    let (input, output, errors) = (0, 1, 2);
    let runnable = SeccompCmpOp::MaskedEq(bits(libc::PROT_EXEC));
    for (call, choices) in [
        (libc::SYS_read, vec![vec![(0, SeccompCmpOp::Eq, input)]]),
        (
            libc::SYS_write,
            vec![
                vec![(0, SeccompCmpOp::Eq, output)],
                vec![(0, SeccompCmpOp::Eq, errors)],
            ],
        ),
        // Memory of its own, never to be run: no file, and no code that came in as data.
        (
            libc::SYS_mmap,
            vec![vec![
                (2, runnable.clone(), 0),
                (3, SeccompCmpOp::MaskedEq(anonymous), anonymous),
            ]],
        ),
        (libc::SYS_mprotect, vec![vec![(2, runnable, 0)]]),
        // How many processors it may use, and no other process.
        (libc::SYS_sched_getaffinity, vec![vec![(0, SeccompCmpOp::Eq, 0)]]),
        // How a process ends itself when memory runs out; it can signal no other.
        (libc::SYS_tgkill, vec![vec![(0, SeccompCmpOp::Eq, own)]]),
    ] {
        let rule = |conditions: Vec<(u8, SeccompCmpOp, u64)>| {
            let condition = |(argument, compare, value)| {
                SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
            };
            let conditions: Result<Vec<_>, _> = conditions.into_iter().map(condition).collect();
            SeccompRule::new(conditions?)
        };
        let choices: Result<Vec<_>, _> = choices.into_iter().map(rule).collect();
        rules.insert(number(call), choices?);
    }
    Ok(rules)
}

/// The numbers of system calls are as wide as the processor.
fn number(call: impl Into<i64>) -> i64 {
    call.into()
}

/// Flags of the system as the filter compares them.
fn bits(flags: i32) -> u64 {
    bits32(flags).into()
}

const fn bits32(flags: i32) -> u32 {
    flags.unsigned_abs()
}
