//! The program itself, with files that were made to do harm: every end is one of few words.

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Output, Stdio};

    use pocket_core::{Extract, FileHead, ReaderJob, Unreadable};
    use proptest::prelude::*;

    fn run(job: ReaderJob, name: &str, bytes: &[u8]) -> Output {
        let head = FileHead {
            job,
            name: name.to_owned(),
            media_type: String::new(),
            size: u64::try_from(bytes.len()).unwrap(),
        };
        let head = postcard::to_stdvec(&head).unwrap();
        let length = u32::try_from(head.len()).unwrap().to_le_bytes();
        raw(&[&length, head.as_slice(), bytes])
    }

    fn raw(pieces: &[&[u8]]) -> Output {
        let mut reader = Command::new(env!("CARGO_BIN_EXE_pocket-reader"))
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = reader.stdin.take().unwrap();
        for piece in pieces {
            // One that has seen enough has closed its end.
            input.write_all(piece).unwrap_or_default();
        }
        drop(input);
        reader.wait_with_output().unwrap()
    }

    fn reason(output: &Output) -> Option<Unreadable> {
        assert!(
            output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let code = output.status.code();
        code.filter(|code| *code != 0)
            .map(|code| Unreadable::of_code(u8::try_from(code).unwrap()))
    }

    /// A PDF of pages with a line of text each; `more` stands in its catalogue.
    fn pdf(pages: &[&str], more: &str) -> Vec<u8> {
        let kids: Vec<String> = (0..pages.len())
            .map(|page| format!("{} 0 R", 4 + 2 * page))
            .collect();
        let mut objects = vec![
            format!("<< /Type /Catalog /Pages 2 0 R {more} >>"),
            format!(
                "<< /Type /Pages /Count {} /Kids [{}] >>",
                pages.len(),
                kids.join(" ")
            ),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        ];
        for (page, text) in pages.iter().enumerate() {
            let content = format!("BT /F1 24 Tf 72 700 Td ({text}) Tj 0 -40 Td (below) Tj ET");
            objects.push(format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
                 /Resources << /Font << /F1 3 0 R >> >> >>",
                5 + 2 * page
            ));
            objects.push(format!(
                "<< /Length {} >>\nstream\n{content}\nendstream",
                content.len()
            ));
        }
        let mut out = b"%PDF-1.4\n".to_vec();
        let mut places = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            places.push(out.len());
            out.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).into_bytes());
        }
        let table = out.len();
        out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).into_bytes());
        for place in &places {
            out.extend(format!("{place:010} 00000 n \n").into_bytes());
        }
        let size = places.len() + 1;
        out.extend(
            format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n").into_bytes(),
        );
        out
    }

    #[test]
    fn a_pdf_gives_its_text_its_pages_and_a_preview() {
        let file = pdf(&["Hello world", "Second"], "");
        let text = run(ReaderJob::Text, "a.pdf", &file);
        assert_eq!(reason(&text), None);
        let extract: Extract = postcard::from_bytes(&text.stdout).unwrap();
        assert!(
            extract.text == "Hello world\nbelow\u{c}Second\nbelow" && extract.pages == 2,
            "{}",
            extract.text
        );
        let page = run(ReaderJob::Page { number: 2 }, "a.pdf", &file);
        assert!(page.stdout.starts_with(b"\x89PNG"));
        assert!(
            run(ReaderJob::Thumbnail, "a.pdf", &file)
                .stdout
                .starts_with(b"\xff\xd8\xff")
        );
        for number in [0, 3, u32::MAX] {
            let none = run(ReaderJob::Page { number }, "a.pdf", &file);
            assert_eq!(reason(&none), Some(Unreadable::NoSuchPage));
        }
    }

    #[test]
    fn files_that_were_made_to_do_harm_end_in_words() {
        let own_parent = String::from_utf8(pdf(&["x"], "")).unwrap();
        let own_parent = own_parent.replace("/Kids [4 0 R]", "/Kids [2 0 R 2 0 R]");
        let nested = format!(
            "%PDF-1.4\n1 0 obj\n{}\nendobj\ntrailer << /Root 1 0 R >>",
            "[".repeat(300_000)
        );
        let sheet = pdf(&["x"], "")
            .iter()
            .map(|byte| char::from(*byte))
            .collect::<String>();
        let endless = sheet.replace("[0 0 612 792]", "[0 0 1e30 1e30]");
        let flat = sheet.replace("[0 0 612 792]", "[0 0 90000 1]");
        let (width, height) = (50_000u32.to_le_bytes(), 50_000u32.to_le_bytes());
        let mut huge = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        huge.extend(
            [
                width,
                height,
                [1, 0, 24, 0],
                [0; 4],
                [0; 4],
                [0; 4],
                [0; 4],
                [0; 4],
                [0; 4],
            ]
            .concat(),
        );
        for (name, bytes) in [
            ("own-parent.pdf", own_parent.as_bytes()),
            ("nested.pdf", nested.as_bytes()),
            ("endless.pdf", endless.as_bytes()),
            ("flat.pdf", flat.as_bytes()),
            ("huge.bmp", &huge),
            ("empty", b""),
        ] {
            for job in [
                ReaderJob::Text,
                ReaderJob::Thumbnail,
                ReaderJob::Picture,
                ReaderJob::Page { number: 1 },
            ] {
                // However it ends, it has ended, and said nothing of the file.
                let output = run(job, name, bytes);
                assert!(
                    output.stderr.is_empty() || output.status.code().is_none(),
                    "{name} {job:?}"
                );
            }
        }
        assert_eq!(
            reason(&run(ReaderJob::Picture, "huge.bmp", &huge)),
            Some(Unreadable::TooLarge)
        );
        assert!(
            reason(&run(
                ReaderJob::Page { number: 1 },
                "endless.pdf",
                endless.as_bytes()
            ))
            .is_some()
        );
    }

    #[test]
    fn a_head_that_makes_no_sense_is_refused() {
        for pieces in [
            vec![b"".as_slice()],
            vec![b"\xff\xff\xff\xff"],
            vec![b"\x04\0\0\0", b"\xff\xff\xff\xff"],
            vec![b"\x10\0\0\0", b"x"],
        ] {
            assert_eq!(reason(&raw(&pieces)), Some(Unreadable::Broke));
        }
        let head = FileHead {
            job: ReaderJob::Text,
            name: String::new(),
            media_type: String::new(),
            size: u64::MAX,
        };
        let head = postcard::to_stdvec(&head).unwrap();
        let length = u32::try_from(head.len()).unwrap().to_le_bytes();
        assert_eq!(reason(&raw(&[&length, &head])), Some(Unreadable::TooLarge));
    }

    #[test]
    fn a_passphrase_is_estimated_and_a_leaked_one_is_known() {
        use pocket_core::{Flaw, Strength};
        for (passphrase, least, most, common) in [
            ("password1234", 0, 4, true),
            ("correct horse battery staple", 12, 20, false),
        ] {
            let told = run(ReaderJob::Strength, "", passphrase.as_bytes());
            assert_eq!(reason(&told), None, "{}", told.status);
            let strength: Strength = postcard::from_bytes(&told.stdout).unwrap();
            assert!((least..=most).contains(&strength.digits), "{strength:?}");
            assert_eq!(strength.flaws.contains(&Flaw::Common), common, "{strength:?}");
        }
        assert_eq!(
            reason(&run(ReaderJob::Strength, "", b"\xff\xfe")),
            Some(Unreadable::Damaged)
        );
    }

    #[test]
    fn an_import_gives_the_lines_that_pocket_formats_makes() {
        use pocket_formats::ImportLine;
        let told = run(ReaderJob::Describe, "todo.txt", b"(A) Buy milk\n");
        assert!(matches!(
            ImportLine::read(&told.stdout),
            Some(ImportLine::Records(_))
        ));
        let told = run(ReaderJob::Describe, "a.pdf", b"%PDF-1.4");
        assert!(matches!(
            ImportLine::read(&told.stdout),
            Some(ImportLine::Document(_))
        ));
        let lines = run(ReaderJob::Import, "todo.txt", b"(A) Buy milk\nx Sleep\n").stdout;
        let items = lines.split(|byte| *byte == b'\n').filter_map(ImportLine::read);
        assert_eq!(
            items.filter(|line| matches!(line, ImportLine::Item(_))).count(),
            2
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_changed_file_of_any_kind_ends_in_an_answer_or_a_reason(
            at in 0usize..600, with in proptest::collection::vec(any::<u8>(), 1..24), cut in 0usize..900, kind in 0usize..5
        ) {
            let start: [&[u8]; 5] = [b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"{\\rtf1 ", b"\xff\xd8\xff\xe0"];
            let mut bytes = if kind == 0 { pdf(&["one", "two"], "") } else { [start[kind], &[7; 600]].concat() };
            let at = at.min(bytes.len() - 1);
            let end = (at + with.len()).min(bytes.len());
            bytes.splice(at..end, with);
            bytes.truncate(bytes.len().saturating_sub(cut));
            for job in [ReaderJob::Text, ReaderJob::Thumbnail] {
                let output = run(job, "file", &bytes);
                let known = [0, 10, 11, 12, 13, 14, 15, 17];
                prop_assert!(output.status.code().is_some_and(|code| known.contains(&code)), "{}", output.status);
            }
        }
    }
}
