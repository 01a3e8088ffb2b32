//! Giving every power up: how much is left to a reader.

use pocket_sandbox::Limits;
pub use pocket_sandbox::{SandboxError, fence};

/// Memory that a reader may map: 384 MiB, so that a board of 512 MB survives the worst file.
pub const MEMORY: u64 = 384 * 1024 * 1024;
/// Processor time that a reader may take, in seconds.
pub const PROCESSOR_SECONDS: u64 = 60;

/// Gives up everything but reading standard input, writing standard output, and memory.
///
/// # Errors
/// [`SandboxError`]: the process still has powers, and must end.
pub fn enter() -> Result<(), SandboxError> {
    pocket_sandbox::enter(Limits {
        memory: MEMORY,
        processor_seconds: PROCESSOR_SECONDS,
    })
}
