//! What the process denies itself, with or without a service manager around it.

use std::io;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use tracing::debug;

/// `MCL_ONFAULT`: lock pages when they are first touched, not whole mappings at once.
const LOCK_ON_FAULT: i32 = 4;

/// No core dump, no debugger, nothing readable by others, nothing swapped out where that is allowed.
///
/// # Errors
/// When one of the first three can't be had: the daemon must not run without them.
pub(crate) fn harden() -> io::Result<()> {
    umask(Mode::from_bits_truncate(0o077));
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    prctl::set_dumpable(false)?;
    lock_memory();
    Ok(())
}

/// Keeps keys out of swap, where the limit allows all that the daemon may ever need.
fn lock_memory() {
    let unlimited = getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft == u64::MAX);
    let flags = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
    let flags = flags | MlockAllFlags::from_bits_retain(LOCK_ON_FAULT);
    if !unlimited || mlockall(flags).is_err() {
        debug!("the memory is not locked: use no swap, or zram only");
    }
}
