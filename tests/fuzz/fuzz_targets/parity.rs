//! Looking at a file with a parity file that anybody made, and mending by it, survives any bytes. The first two are
//! the length of the file, the rest of what follows is its parity.
#![no_main]
use std::io::Cursor;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let at = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (file, parity) = rest.split_at(at);
    let seen = pocket_parity::examine(&mut Cursor::new(file), &mut Cursor::new(parity));
    let mut out = Cursor::new(Vec::new());
    let mended = pocket_parity::repair(&mut Cursor::new(file), &mut Cursor::new(parity), &mut out);
    assert_eq!(seen.is_ok(), mended.is_ok());
    // Of any bytes a parity file is made that says of them that they are whole.
    if !bytes.is_empty() {
        let mut made = Cursor::new(Vec::new());
        pocket_parity::protect(&mut Cursor::new(bytes), 10, &mut made).expect("it is neither empty nor large");
        let seen = pocket_parity::examine(&mut Cursor::new(bytes), &mut made);
        assert!(seen.is_ok_and(|report| report.whole));
    }
});
