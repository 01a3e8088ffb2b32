//! Giving up what a gateway never needs: it may look names up and connect, and read what the system needs
//! for that. No file of anyone's data, no program, no other process, nothing to write to, no listening.

use std::collections::BTreeMap;

use landlock::{
    ABI, Access, AccessFs, AccessNet, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::libc;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use thiserror::Error;

/// Where the system keeps how names are looked up, and the libraries that do it.
const READABLE: [&str; 9] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run/NetworkManager",
    "/run/connman",
    "/run/nscd",
    "/run/resolvconf",
    "/run/systemd/resolve",
];
/// Address space, in bytes: 1 GiB. Four bodies of 16 MiB, and what threads reserve without using it.
const MEMORY: u64 = 1024 * 1024 * 1024;
/// Descriptors: four calls of two, their name look-ups, and the system's own.
const DESCRIPTORS: u64 = 64;

/// A power could not be given up: no call may be made then.
#[derive(Debug, Error)]
pub enum SandboxError {
    /// A limit was refused.
    #[error("a limit of the process can't be set")]
    Limit(#[from] nix::Error),
    /// The list of system calls can't be enforced.
    #[error("this kernel or processor has no seccomp filter")]
    Filter(#[from] seccompiler::Error),
    /// The processor is none that filters can be made for.
    #[error("there is no seccomp filter for this processor")]
    Processor(#[from] seccompiler::BackendError),
}

/// Gives up everything but what a call takes; says whether the kernel fences files as well (Landlock),
/// which is a second wall where there is one. The filter of system calls is not optional.
///
/// # Errors
/// [`SandboxError`]: the process still has powers, and must end.
pub fn enter() -> Result<bool, SandboxError> {
    prctl::set_dumpable(false)?;
    prctl::set_no_new_privs()?;
    setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS)?;
    let fenced = fence().unwrap_or(false);
    filter()?;
    Ok(fenced)
}

fn fence() -> Result<bool, RulesetError> {
    let rules = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(ABI::V6))?
        .create()?;
    let status = READABLE.into_iter().try_fold(rules, readable)?.restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// What is not there needs no leave.
fn readable(rules: RulesetCreated, path: &str) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(folder) => rules.add_rule(PathBeneath::new(folder, AccessFs::ReadFile | AccessFs::ReadDir)),
        Err(_) => Ok(rules),
    }
}

/// A system call that is not on the list fails as on a kernel that does not have it: the system's own
/// look-up of names knows how to go on then, and whoever got in here does not.
fn filter() -> Result<(), SandboxError> {
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let processor = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(allowed()?, missing, SeccompAction::Allow, processor)?;
    let program: BpfProgram = filter.try_into()?;
    // Threads that are there already included; there should be none.
    seccompiler::apply_filter_all_threads(&program)?;
    Ok(())
}

/// What reads, writes, waits, connects and asks, and changes nothing.
const WHOLE: &[libc::c_long] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_connect,
    libc::SYS_dup,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fcntl,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_futex,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_write,
    libc::SYS_writev,
];

/// What this processor's C library still calls by its old numbers.
#[cfg(target_arch = "x86_64")]
const OLD: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_epoll_wait,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[libc::c_long] = &[];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
/// An argument by its place, how it is compared, and with what.
type Condition = (u8, SeccompCmpOp, u64);

fn allowed() -> Result<Rules, seccompiler::BackendError> {
    let whole = WHOLE.iter().chain(OLD);
    let mut rules: Rules = whole.map(|call| (number(*call), Vec::new())).collect();
    for (call, choices) in conditional() {
        let choices: Result<Vec<_>, _> = choices.into_iter().map(rule).collect();
        rules.insert(number(call), choices?);
    }
    Ok(rules)
}

/// What is allowed in some cases: each in any of its choices, a choice with all of its conditions.
fn conditional() -> Vec<(libc::c_long, Vec<Vec<Condition>>)> {
    let without = |argument, flag: i32| (argument, SeccompCmpOp::MaskedEq(bits(flag)), 0);
    let family = |family: i32| vec![(0, SeccompCmpOp::Eq, bits(family))];
    let thread = bits(libc::CLONE_THREAD);
    vec![
        // A thread, for a name look-up; never a process.
        (
            libc::SYS_clone,
            vec![vec![(0, SeccompCmpOp::MaskedEq(thread), thread)]],
        ),
        // The libraries of a name look-up are run from their files; what came in as data never is.
        (
            libc::SYS_mmap,
            vec![
                vec![without(2, libc::PROT_EXEC)],
                vec![without(3, libc::MAP_ANONYMOUS)],
            ],
        ),
        (libc::SYS_mprotect, vec![vec![without(2, libc::PROT_EXEC)]]),
        // The names of threads and of memory.
        (
            libc::SYS_prctl,
            vec![
                vec![(0, SeccompCmpOp::Eq, bits(libc::PR_SET_NAME))],
                vec![(0, SeccompCmpOp::Eq, bits(libc::PR_SET_VMA))],
            ],
        ),
        // No raw packets, no Bluetooth, no other kernel interface; the kernel's own list of addresses, which
        // a name look-up sorts by.
        (
            libc::SYS_socket,
            [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_UNIX]
                .map(family)
                .into(),
        ),
        (libc::SYS_socketpair, vec![family(libc::AF_UNIX)]),
        // How a process ends itself; it can signal no other.
        (
            libc::SYS_tgkill,
            vec![vec![(0, SeccompCmpOp::Eq, u64::from(std::process::id()))]],
        ),
    ]
}

fn rule(conditions: Vec<Condition>) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition =
        |(argument, compare, value)| SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value);
    let conditions: Result<Vec<_>, _> = conditions.into_iter().map(condition).collect();
    SeccompRule::new(conditions?)
}

/// The numbers of system calls are as wide as the processor.
fn number(call: impl Into<i64>) -> i64 {
    call.into()
}

/// Flags of the system as the filter compares them.
fn bits(flags: i32) -> u64 {
    u64::from(flags.unsigned_abs())
}
