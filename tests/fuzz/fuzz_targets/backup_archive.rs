//! Opening an archive survives any bytes: as they are, under a good seal, and as members of a good tar under
//! a good seal and a manifest that is vouched for. What proves whole is what was put in.
#![no_main]
use std::io::Write;

use age::{Encryptor, Recipient, x25519};
use pocket_backup::run;
use pocket_core::BackupJob;
use pocket_crypto::{Key, mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

/// Both keys that the job brings along.
const IDENTITY: [u8; 32] = [1; 32];
const VOUCHING: [u8; 32] = [2; 32];
/// A line that begins so names a member; what follows up to the next is its content.
const NAMES: &str = "== ";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else {
        return;
    };
    match how % 4 {
        0 => drop(answer(&BackupJob::Inspect, &[], bytes)),
        1 => drop(open(bytes)),
        2 => drop(open(&sealed(bytes))),
        _ => members(&String::from_utf8_lossy(bytes)),
    }
});

/// Lays the text out as members, with the manifest that belongs to them unless it brings one itself.
fn members(text: &str) {
    let mut tar = Builder::new(Vec::new());
    let mut listed = Vec::new();
    let mut manifest = None;
    let mut counts = json!({});
    for part in format!("\n{text}").split(&format!("\n{NAMES}")).skip(1) {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        match name {
            "manifest.json" => manifest = Some(content.to_owned()),
            "counts" => counts = serde_json::from_str(content).unwrap_or(Value::Null),
            _ => {
                put(&mut tar, name, content.as_bytes());
                listed.push(json!({"name": name, "bytes": content.len(), "sha256": hex(&Sha256::digest(content))}));
            }
        }
    }
    let zeros = "00".repeat(32);
    let manifest = manifest.unwrap_or_else(|| {
        json!({
            "product": "PocketAI backup", "format": 1, "version": "0.1.0", "device": "d", "epoch": 1,
            "made": "2026-11-22T03:04:05.000Z", "audit": {"sequence": 0, "mac": zeros},
            "counts": counts, "members": listed,
        })
        .to_string()
    });
    put(&mut tar, "manifest.json", manifest.as_bytes());
    let voucher = hex(&mac(&Key::from_bytes(VOUCHING), &[manifest.as_bytes()])) + "\n";
    put(&mut tar, "manifest.hmac", voucher.as_bytes());
    drop(open(&sealed(&tar.into_inner().expect("into memory"))));
}

/// A member of any name, also of those that the library would not write.
fn put(tar: &mut Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = Header::new_ustar();
    let name = &name.as_bytes()[..name.len().min(99)];
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).expect("into memory");
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let identity = identity();
    let recipient = identity.to_public();
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn Recipient)).expect("there is one");
    let mut out = Vec::new();
    let mut writer = encryptor.wrap_output(&mut out).expect("into memory");
    writer.write_all(plain).expect("into memory");
    writer.finish().expect("into memory");
    out
}

/// The age identity of [`IDENTITY`], as the program itself spells it.
fn identity() -> x25519::Identity {
    let text = answer(&BackupJob::Name, &IDENTITY, b"").expect("any 32 bytes are one");
    let text = String::from_utf8(text).expect("text");
    let line = text.lines().find(|line| !line.starts_with('#')).expect("a key");
    line.parse().expect("as age spells it")
}

fn open(archive: &[u8]) -> Option<Vec<u8>> {
    let keys = [IDENTITY, VOUCHING].concat();
    let report = answer(&BackupJob::Verify, &keys, archive);
    let items = answer(&BackupJob::Open, &keys, archive);
    // Looked at twice, it is the same.
    assert_eq!(report.is_some(), items.is_some());
    items
}

fn answer(job: &BackupJob, keys: &[u8], input: &[u8]) -> Option<Vec<u8>> {
    let mut body = postcard::to_stdvec(job).expect("into memory");
    body.extend_from_slice(keys);
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    let mut out = Vec::new();
    let mut input = [&length, body.as_slice(), input].concat();
    run(&mut std::mem::take(&mut input).as_slice(), &mut out).ok().map(|()| out)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
