//! A door between `pocketctl` and the device: at each request it may do something first.
//!
//! What a caller meets when something happens between two of its requests (another actor's change,
//! a lock, the end of the daemon) is then no matter of luck.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

/// Bytes that each side begins with.
const GREETING: usize = 8;

/// Serves `listener` by way of the control socket `device`, one connection after the other. Before
/// the request of each number, from 0, `before` is called with it.
pub(crate) fn relay(listener: UnixListener, device: PathBuf, mut before: impl FnMut(usize) + Send + 'static) {
    thread::spawn(move || {
        let mut number = 0;
        for caller in listener.incoming() {
            // Either side may hang up when it likes; the test sees what came of it.
            pass(caller.unwrap(), &device, &mut number, &mut before).unwrap_or_default();
        }
    });
}

fn pass(
    mut caller: UnixStream,
    device: &Path,
    number: &mut usize,
    before: &mut impl FnMut(usize),
) -> io::Result<()> {
    let mut device = UnixStream::connect(device)?;
    pass_greeting(&mut caller, &mut device)?;
    pass_greeting(&mut device, &mut caller)?;
    loop {
        let request = frame(&mut caller)?;
        before(*number);
        *number += 1;
        device.write_all(&request)?;
        caller.write_all(&frame(&mut device)?)?;
    }
}

fn pass_greeting(from: &mut UnixStream, to: &mut UnixStream) -> io::Result<()> {
    let mut greeting = [0; GREETING];
    from.read_exact(&mut greeting)?;
    to.write_all(&greeting)
}

/// A frame: its length in four bytes, big-endian, and that many bytes.
fn frame(from: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let mut frame = length.to_vec();
    let length = u64::from(u32::from_be_bytes(length));
    match from.take(length).read_to_end(&mut frame)? {
        read if u64::try_from(read).is_ok_and(|read| read == length) => Ok(frame),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
