use std::io::Cursor;

use pocket_formats::Why;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::packed::FREE;
use super::*;

/// An archive of these files.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, bytes) in files {
        zip.start_file(*path, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The same in a tar.
fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

/// What comes of it, in words; the bytes of documents as their number.
fn told(archive: &[u8]) -> Vec<String> {
    told_of("it.zip", archive)
}

fn told_of(name: &str, archive: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    files(name, archive, &mut out).unwrap();
    let mut rest = out.as_slice();
    let mut said = Vec::new();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = rest.split_at(end);
        rest = &behind[1..];
        said.push(match ImportLine::read(line).unwrap() {
            ImportLine::Bytes(length) => {
                rest = &rest[usize::try_from(length).unwrap()..];
                format!("{length} bytes")
            }
            ImportLine::Document(document) => format!("document {}", document.path),
            ImportLine::End => "end".to_owned(),
            ImportLine::File(path) => format!("file {path}"),
            ImportLine::Hidden(number) => format!("{number} hidden"),
            ImportLine::Item(item) => item.content.record().title().to_owned(),
            ImportLine::Refused(reason) => format!("{reason:?}"),
            ImportLine::Skipped(skipped) => format!("{}: {}", skipped.at, skipped.why),
            ImportLine::Archive | ImportLine::Failed(_) | ImportLine::Records(_) => {
                panic!("no such line here")
            }
        });
    }
    assert!(rest.is_empty());
    said
}

#[test]
fn a_vault_comes_in_as_its_folder_would() {
    let archive = packed(&[
        ("Vault/.obsidian/app.json", b"{}"),
        ("__MACOSX/Vault/._a.md", b"x"),
        ("Vault/a.md", b"# Alpha\n"),
        ("Vault/sub/photo.bin", &[7; 3]),
        ("Vault/../../etc/b.md", b"# Beta\n"),
        ("Vault/nothing.bin", b""),
        ("Vault/todo.txt", b"Buy milk\n"),
    ]);
    assert_eq!(
        told(&archive),
        [
            "file a.md",
            "Alpha",
            "file nothing.bin",
            "document nothing.bin",
            "0 bytes",
            "end",
            "file todo.txt",
            "Buy milk",
            "file sub/photo.bin",
            "document sub/photo.bin",
            "3 bytes",
            "end",
            "file etc/b.md",
            "Beta",
            "2 hidden",
        ]
    );
}

#[test]
fn files_of_several_folders_keep_them() {
    let archive = packed(&[("one/a.md", b"# A"), ("two/b.md", b"# B")]);
    assert_eq!(told(&archive), ["file one/a.md", "A", "file two/b.md", "B"]);
}

#[test]
fn an_archive_in_an_archive_is_a_document_and_so_is_its_name() {
    let inner = packed(&[("a.md", b"# A")]);
    assert!(is_archive("x.ZIP", &inner) && !is_archive("x.docx", &inner) && !is_archive("x.zip", b"PK"));
    let told = told(&packed(&[("inner.zip", &inner), ("a.md", b"# A")]));
    assert!(told.contains(&"document inner.zip".to_owned()), "{told:?}");
}

#[test]
fn the_bytes_of_an_exports_documents_stand_beside_it() {
    let line = |id: &str, file: &str| {
        format!(
            r#"{{"category":"documents","id":"{id}","created":"2026-01-01T00:00:00Z","updated":"2026-01-01T00:00:00Z","fields":{{"name":"{file}"}},"file":"documents/{file}"}}"#
        )
    };
    let lines = format!(
        "{}\n{}\n",
        line("4f4379c4a5cb5f53ba0b8aee5e5847a6", "x.bin"),
        line("aba85e06065ad004699b67e0bc2ef486", "lost.bin")
    );
    let archive = packed(&[
        ("export/documents/x.bin", &[1; 5]),
        ("export/documents.jsonl", lines.as_bytes()),
    ]);
    assert_eq!(
        told(&archive),
        [
            "file documents.jsonl".to_owned(),
            "x.bin".to_owned(),
            "0 bytes".to_owned(),
            "5 bytes".to_owned(),
            "end".to_owned(),
            format!("record 2: {}", Why::BytesApart),
        ]
    );
}

#[test]
fn what_unpacks_to_too_much_is_refused_and_the_rest_comes_in() {
    let bomb = vec![b'x'; usize::try_from(FREE).unwrap() * 3];
    let archive = packed(&[("bomb.md", &bomb), ("bomb.bin", &bomb), ("z.md", b"# Z")]);
    assert_eq!(
        told(&archive),
        [
            "file bomb.md",
            "TooLarge",
            "file bomb.bin",
            "document bomb.bin",
            "1048576 bytes",
            "TooLarge",
            "file z.md",
            "Z"
        ]
    );
}

#[test]
fn a_long_text_is_refused_however_it_is_packed() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("long.md", stored).unwrap();
    zip.write_all(&vec![b'x'; usize::try_from(MOST_TEXT + 1).unwrap()])
        .unwrap();
    let archive = zip.finish().unwrap().into_inner();
    assert_eq!(told(&archive), ["file long.md", "TooLarge"]);
}

#[test]
fn all_files_together_have_a_limit_and_so_has_their_number() {
    let archive = packed(&[("a.bin", &[1; 10]), ("b.bin", &[1; 10])]);
    let mut unpacking = Unpacking {
        archive: Archive::open("it.zip", &archive).unwrap(),
        names: vec![(0, "a.bin".to_owned()), (1, "b.bin".to_owned())],
        claimed: HashSet::new(),
        left: 15,
    };
    let mut out = Vec::new();
    unpacking.file(0, "a.bin", &mut out).unwrap();
    assert_eq!(unpacking.left, 5);
    unpacking.file(1, "b.bin", &mut out).unwrap();
    let last = out.split(|byte| *byte == b'\n').rev().nth(1).unwrap();
    assert!(matches!(
        ImportLine::read(last),
        Some(ImportLine::Refused(Unreadable::TooLarge))
    ));
    let mut many = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..=MOST_FILES {
        many.start_file(number.to_string(), SimpleFileOptions::default())
            .unwrap();
    }
    let many = many.finish().unwrap().into_inner();
    assert_eq!(files("it.zip", &many, &mut Vec::new()), Err(Unreadable::TooLarge));
}

#[test]
fn an_archive_that_lies_is_told_of_and_ends() {
    let whole = packed(&[("a.md", b"# Alpha and more"), ("b.md", b"# Beta")]);
    assert_eq!(
        files("it.zip", b"PK\x03\x04", &mut Vec::new()),
        Err(Unreadable::Damaged)
    );
    for at in 0..whole.len() {
        let mut broken = whole.clone();
        broken[at] ^= 0x55;
        // However it ends, it ends in words.
        files("it.zip", &broken, &mut Vec::new()).unwrap_or_default();
        files("it.zip", &whole[..at], &mut Vec::new()).unwrap_or_default();
    }
}

#[test]
fn a_tar_comes_in_as_a_zip_does() {
    let long = format!("export/{}/c.md", "d".repeat(150));
    let all: [(&str, &[u8]); 4] = [
        ("export/a.md", b"# Alpha\n"),
        ("export/.hidden", b"x"),
        ("export/photo.bin", &[7; 3]),
        (&long, b"# Gamma\n"),
    ];
    let come = told_of("it.tar", &tarred(&all));
    assert_eq!(come, told(&packed(&all)));
    assert!(
        come.contains(&"3 bytes".to_owned()) && come.contains(&"1 hidden".to_owned()),
        "{come:?}"
    );
}

#[test]
fn links_and_devices_in_a_tar_are_no_files() {
    let mut tar = tar::Builder::new(Vec::new());
    for (kind, name) in [
        (tar::EntryType::Symlink, "a.md"),
        (tar::EntryType::Link, "b.md"),
        (tar::EntryType::Char, "c.md"),
        (tar::EntryType::Directory, "d.md"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        tar.append_link(&mut header, name, "/etc/passwd").unwrap();
    }
    assert_eq!(told_of("it.tar", &tar.into_inner().unwrap()), [""; 0]);
}

#[test]
fn of_a_tar_that_broke_off_comes_what_was_whole_and_the_rest_is_told() {
    let whole = tarred(&[("a.md", b"# Alpha\n"), ("b.md", &[b'x'; 700])]);
    let told = |end: usize| told_of("it.tar", &whole[..end]);
    assert_eq!(told(whole.len()).last().unwrap(), "b", "it is not broken off");
    for end in [515, 520, 1024, 1030, 1536 + 10, 1536 + 1024, 1536 + 1024 + 100] {
        let come = told(end);
        assert_eq!(come[come.len() - 2..], ["file it.tar", "Damaged"], "{end}");
        assert_eq!(come.contains(&"Alpha".to_owned()), end >= 520, "{end}");
    }
    let mut damaged = whole;
    damaged[1024] ^= 1;
    let come = told_of("it.tar", &damaged);
    assert_eq!(come, ["file a.md", "Alpha", "file it.tar", "Damaged"]);
    // Behind the end of one there is another, which no program would look at.
    let two = [
        tarred(&[("a.md", b"# Alpha\n")]),
        tarred(&[("b.md", b"# Beta\n")]),
    ]
    .concat();
    assert_eq!(
        told_of("it.tar", &two),
        ["file a.md", "Alpha", "file it.tar", "Damaged"]
    );
}

#[test]
fn a_file_that_is_kept_in_one_piece_is_a_file() {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Continuous);
    header.set_size(8);
    tar.append_data(&mut header, "a.md", &b"# Alpha\n"[..]).unwrap();
    assert_eq!(
        told_of("it.tar", &tar.into_inner().unwrap()),
        ["file a.md", "Alpha"]
    );
}

#[test]
fn no_bytes_after_the_head_of_a_tar_break_the_reader() {
    let whole = tarred(&[("a.md", b"# Alpha\n")]);
    for at in 0..512 {
        for byte in [0, 1, 0x2f, 0x38, 0x80, 0xff] {
            let mut broken = whole.clone();
            broken[at] = byte;
            files("it.tar", &broken, &mut Vec::new()).unwrap_or_default();
        }
    }
}
