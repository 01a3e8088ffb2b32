//! Canaries: a marked word in every field, which must then be found nowhere in the clear.

use std::fs;
use std::path::Path;

use crate::device::{Device, Place, files_under, path_text, text};

/// The word; long enough that no random bytes hold it.
const WORD: &str = "walnutquartz93kestrel";

/// Each category with its word in every field that takes a text.
const RECORDS: [(&str, &[&str]); 8] = [
    (
        "memory",
        &["subject=WORD", "text=WORD", "tags=WORD", "source=WORD"],
    ),
    (
        "notes",
        &[
            "title=WORD",
            "body=WORD",
            "tags=WORD",
            "path=WORD/WORD.md",
            "properties=WORD:\"WORD\"",
        ],
    ),
    (
        "tasks",
        &[
            "title=WORD",
            "notes=WORD",
            "list=WORD",
            "tags=WORD",
            "repeat=FREQ=DAILY",
        ],
    ),
    (
        "contacts",
        &[
            "name=WORD",
            "nickname=WORD",
            "organisation=WORD",
            "role=WORD",
            "phones=WORD:WORD",
            "emails=WORD:WORD@example.org",
            "addresses=WORD:WORD",
            "urls=https://WORD.example",
            "birthday=WORD",
            "note=WORD",
            "tags=WORD",
        ],
    ),
    (
        "conversations",
        &["title=WORD", "channel=WORD", "tags=WORD", "messages=WORD:WORD"],
    ),
    (
        "documents",
        &[
            "name=WORD.txt",
            "media_type=text/plain",
            "path=WORD",
            "text=WORD",
            "note=WORD",
            "tags=WORD",
        ],
    ),
    (
        "outbox",
        &["channel=WORD", "to=WORD", "subject=WORD", "body=WORD"],
    ),
    ("settings", &["name=auto_lock_minutes", "value=30"]),
];

#[test]
fn no_word_of_the_owner_is_readable_on_disk_in_a_log_or_in_the_process() {
    let passphrase = format!("{WORD} {WORD}");
    let mut command = Place::new();
    command = begin(command, &passphrase);
    let mut start = command.command();
    start.env("RUST_LOG", "trace");
    let Ok(device) = Device::start_command(command, start) else {
        panic!("it does not start")
    };
    device.place.ctl_as_owner(&["unlock"], &passphrase).one();
    let told = use_it(&device);
    for proc in ["environ", "cmdline"] {
        clear_of_words(&fs::read(format!("/proc/{}/{proc}", device.pid())).unwrap(), proc);
    }
    for (what, text) in told {
        clear_of_words(text.as_bytes(), &what);
    }
    nothing_on_disk(&device.place);
    let (place, _) = device.stop();
    nothing_on_disk(&place);
}

/// Sets a device up with a marked passphrase, and stops it again.
fn begin(place: Place, passphrase: &str) -> Place {
    let device = Device::start(place);
    let code = device.setup_code.clone().unwrap();
    let out = device.place.path("recovery");
    let setup = ["setup", "--code", &code, "--recovery-out", path_text(&out)];
    device.place.ctl_as_owner(&setup, passphrase).one();
    device.stop().0
}

/// Marks everything that can be marked; gives what must not repeat it.
fn use_it(device: &Device) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for (category, fields) in RECORDS {
        let fields: Vec<String> = fields.iter().map(|field| field.replace("WORD", WORD)).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let id = device.add(category, &fields);
        let shown = device.ctl(&["get", category, &id]).out;
        assert!(
            category == "settings" || shown.contains(WORD),
            "{category} was not marked: {shown}"
        );
        device.ctl(&["edit", category, &id, fields[1]]).lines();
    }
    device
        .place
        .ctl_given(&["secret", "set", WORD, "--note", WORD], None, WORD.as_bytes())
        .one();
    device.ctl(&["agent", "add", WORD, "--scope", "notes:read"]).one();
    device.ctl(&["search", WORD]).lines();
    let file = device.place.path(&format!("{WORD}.bin"));
    fs::write(&file, WORD.repeat(20_000)).unwrap();
    device.ctl(&["import", path_text(&file)]).one();
    fs::remove_file(&file).unwrap();
    let id = text(&device.list("notes")[0]["id"]);
    told.push((
        "audit show".to_owned(),
        device.ctl(&["audit", "show", "--limit", "200"]).out,
    ));
    told.push(("status".to_owned(), device.ctl(&["status"]).out));
    for arguments in [
        &["edit", "notes", &id, &format!("title={WORD}{}", "x".repeat(2000))][..],
        &["edit", "notes", &id, &format!("title={WORD}\nsecond line")],
        &[
            "add",
            "settings",
            "name=auto_lock_minutes",
            &format!("value={WORD}"),
        ],
        &["ask", WORD],
        &["get", "tasks", &id],
    ] {
        let done = device.ctl(arguments);
        assert!(
            matches!(done.code, Some(1 | 2)),
            "{arguments:?}: {}{}",
            done.out,
            done.err
        );
        told.push((format!("the error of {}", arguments[0]), done.err));
    }
    let wrong = device
        .place
        .ctl_as_owner(&["category", "erase", "notes"], &format!("{WORD} wrong"));
    told.push(("the error of a wrong passphrase".to_owned(), wrong.err));
    told
}

fn nothing_on_disk(place: &Place) {
    let mut files = files_under(&place.data());
    files.extend(files_under(&place.secrets()));
    files.extend([place.console(), place.log()]);
    assert!(files.len() > 8, "the device wrote nothing");
    assert!(
        fs::metadata(place.log()).unwrap().len() > 0,
        "the log is empty: is RUST_LOG obeyed?"
    );
    for file in files.iter().filter(|file| !file.ends_with("control.sock")) {
        clear_of_words(file.as_os_str().as_encoded_bytes(), "a file's name");
        clear_of_words(&fs::read(file).unwrap(), &file.display().to_string());
    }
}

#[track_caller]
fn clear_of_words(bytes: &[u8], what: &str) {
    for (form, mark) in marks() {
        assert!(!holds(bytes, &mark), "{what} holds the word as {form}");
    }
}

/// The word in every dress in which it might slip out.
fn marks() -> Vec<(&'static str, Vec<u8>)> {
    let word = WORD.as_bytes();
    let hex: String = word.iter().map(|byte| format!("{byte:02x}")).collect();
    let wide: Vec<u8> = word.iter().flat_map(|byte| [*byte, 0]).collect();
    let mut marks = vec![
        ("text", word.to_vec()),
        ("capitals", WORD.to_uppercase().into_bytes()),
        ("UTF-16", wide),
        ("hexadecimal", hex.clone().into_bytes()),
        ("hexadecimal in capitals", hex.to_uppercase().into_bytes()),
    ];
    for shift in 0..3 {
        marks.push(("base64", base64_inside(word, shift)));
    }
    marks
}

/// The base64 of `word` when `shift` bytes of something else go before it, without the characters
/// that those bytes, or what follows, have a part in.
fn base64_inside(word: &[u8], shift: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = [&vec![0; shift], word].concat();
    let whole = padded.chunks_exact(3).flat_map(|three| {
        let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
        [18, 12, 6, 0].map(|at| DIGITS[usize::try_from(bits >> at & 63).unwrap()])
    });
    whole.skip([0, 2, 3][shift]).collect()
}

fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == mark[0]) {
        if bytes[from + at..].starts_with(mark) {
            return true;
        }
        from += at + 1;
    }
    false
}

#[test]
fn no_word_of_the_owner_is_readable_in_the_search_index() {
    let device = Device::owned();
    // So many notes that a part of the index lies on the disk: nothing else here makes a sealed file.
    let note = |number| format!("{{\"title\":\"{WORD} {number}\",\"body\":\"{WORD}\"}}\n");
    let notes: String = (0..4_200).map(note).collect();
    device
        .place
        .ctl_given(&["add", "notes", "-"], None, notes.as_bytes())
        .lines();
    let sealed = device.place.data().join("blobs");
    let listed = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let is_written = || {
        let mut files = listed(&sealed).flat_map(|folder| listed(&folder.path()));
        files.any(|file| file.path().extension().is_none())
    };
    while !is_written() {
        device.ctl(&["status"]).one();
    }
    assert_eq!(device.ctl(&["search", &format!("{WORD} 4199")]).lines().len(), 1);
    let (place, _) = device.stop();
    for file in files_under(&place.data().join("blobs")) {
        clear_of_words(&fs::read(&file).unwrap(), &file.display().to_string());
    }
}

#[test]
fn the_search_finds_the_word_in_every_dress() {
    let b64 = |text: &str| base64_inside(text.as_bytes(), 0);
    for before in ["", "a", "ab", "abc"] {
        let said = format!("{before}{WORD}xyz");
        let encoded = b64(&said);
        assert!(
            marks()
                .iter()
                .any(|(form, mark)| *form == "base64" && holds(&encoded, mark)),
            "{before}"
        );
        assert!(holds(said.as_bytes(), WORD.as_bytes()));
    }
    assert!(!holds(b"walnutquartz93kestre", WORD.as_bytes()));
    assert_eq!(b64("Man"), b"TWFu");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), [&vec![0; 5000][..], WORD.as_bytes()].concat()).unwrap();
    assert!(holds(&fs::read(Path::new(file.path())).unwrap(), WORD.as_bytes()));
}
