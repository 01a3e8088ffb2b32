use std::io::{Cursor, Write};

use pocket_core::{FileHead, ReaderJob};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

fn read(name: &str, bytes: &[u8]) -> Result<Extract, Unreadable> {
    let head = FileHead {
        job: ReaderJob::Text,
        name: name.to_owned(),
        media_type: String::new(),
        size: 0,
    };
    let bytes = bytes.to_vec();
    let encoded = extract(Input { head, bytes })?;
    postcard::from_bytes(&encoded).map_err(|_| Unreadable::Broke)
}

fn text_of(name: &str, bytes: &[u8]) -> String {
    match read(name, bytes) {
        Ok(extract) => extract.text,
        Err(reason) => panic!("{name}: {reason}"),
    }
}

fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, part) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(part.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn office_files_give_what_their_readers_see() {
    let word = archive(&[(
        "word/document.xml",
        r#"<?xml version="1.0"?><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>Fish &amp; chips</w:t></w:r>
        <w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p><w:p><w:r><w:t>&#8364; 12</w:t><w:tab/>
        <w:t>each</w:t></w:r></w:p></w:body></w:document>"#,
    )]);
    assert_eq!(text_of("a.docx", &word), "Fish & chips\n\u{20ac} 12\teach");
    let writer = archive(&[(
        "content.xml",
        "<office:document-content><style:style>no</style:style><text:h>Title</text:h>\
         <text:p>one <text:span>two</text:span><text:tab/>three</text:p></office:document-content>",
    )]);
    assert_eq!(text_of("a.odt", &writer), "Title\none two\tthree");
    let excel = archive(&[
        ("xl/workbook.xml", "<workbook/>"),
        (
            "xl/sharedStrings.xml",
            "<sst><si><t>Pears</t></si><si><r><t>App</t></r><r><t>les</t></r></si></sst>",
        ),
        (
            "xl/worksheets/sheet1.xml",
            r#"<worksheet><sheetData><row><c t="s"><v>1</v></c><c><v>3.5</v></c></row><row><c
            t="inlineStr"><is><t>here</t></is></c><c t="s"><v>0</v></c></row></sheetData></worksheet>"#,
        ),
    ]);
    assert_eq!(text_of("a.xlsx", &excel), "Apples\t3.5\nhere\tPears");
    let slide = |text: &str| format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>");
    let (first, second, tenth) = (slide("one"), slide("two"), slide("ten"));
    let slides = read(
        "a.pptx",
        &archive(&[
            ("ppt/presentation.xml", "<p/>"),
            ("ppt/slides/slide10.xml", &tenth),
            ("ppt/slides/slide2.xml", &second),
            ("ppt/slides/slide1.xml", &first),
        ]),
    );
    assert!(slides.is_ok_and(|slides| slides.text == "one\u{c}two\u{c}ten" && slides.pages == 3));
}

#[test]
fn a_book_is_read_in_the_order_of_its_spine() {
    let book = archive(&[
        (
            "META-INF/container.xml",
            r#"<container><rootfile full-path="OPS/b.opf"/></container>"#,
        ),
        (
            "OPS/b.opf",
            r#"<package><manifest><item id="x" href="text/two%20.xhtml"/><item id="y" href="one.xhtml"/>
            </manifest><spine><itemref idref="y"/><itemref idref="x"/><itemref idref="lost"/></spine></package>"#,
        ),
        (
            "OPS/one.xhtml",
            "<html><body><h1>One</h1><p>begin</p></body></html>",
        ),
        ("OPS/text/two .xhtml", "<p>end</p>"),
    ]);
    assert_eq!(text_of("a.epub", &book), "One\nbegin\u{c}end");
}

#[test]
fn a_page_is_read_without_its_scripts_whatever_they_hold() {
    let page = "<!doctype html><title>T</title><style>p{}</style><script>if (a</b) '</p>'</script>\
        <p>one&nbsp;two   <b>three</b>,\nfour<br>five<table><tr><td>a<td>b</table>";
    assert_eq!(
        text_of("a", page.as_bytes()),
        "T\none two three, four\nfive\na\tb"
    );
    let latin = b"<html><meta charset='iso-8859-1'><p>M\xfcller</p>";
    assert_eq!(text_of("a.html", latin), "M\u{fc}ller");
    let deep = "<div>".repeat(200_000) + "bottom";
    assert_eq!(text_of("deep.html", deep.as_bytes()), "bottom");
}

#[test]
fn rich_text_gives_its_words() {
    let rtf = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\*\generator X;}\pard Caf\'e9 \b bold\b0\par
\u8364?12 {\i in} \{brace\}{\pict 89504e47}\tab end}";
    assert_eq!(
        text_of("a.rtf", rtf),
        "Caf\u{e9} bold\n\u{20ac}12 in {brace}\tend"
    );
    assert_eq!(
        text_of(
            "a.rtf",
            &[b"{\\rtf1 ".as_slice(), &[b'{'; 100_000], b"x"].concat()
        ),
        "x"
    );
}

#[test]
fn plain_text_comes_in_any_encoding_and_bytes_are_no_text() {
    let words = "Gr\u{fc}\u{df}e aus K\u{f6}ln, sch\u{f6}ne Stra\u{df}en";
    let utf16: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = words
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    for bytes in [
        words.as_bytes().to_vec(),
        [b"\xef\xbb\xbf".as_slice(), words.as_bytes()].concat(),
        utf16.clone(),
        [b"\xff\xfe".as_slice(), &utf16].concat(),
        latin,
    ] {
        assert_eq!(text_of("a.txt", &bytes), words);
    }
    let (japanese, _, _) =
        encoding_rs::SHIFT_JIS.encode("\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{6587}\u{7ae0}\u{3067}\u{3059}");
    assert_eq!(
        text_of("a.txt", &japanese),
        "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{6587}\u{7ae0}\u{3067}\u{3059}"
    );
    assert_eq!(
        read("a.bin", b"\x7fELF\x02\x01\x01\x00\x00\x00").err(),
        Some(Unreadable::Unsupported)
    );
    assert_eq!(
        read("a.zip", &archive(&[("a.txt", "x")])).err(),
        Some(Unreadable::Unsupported)
    );
}

#[test]
fn what_unpacks_to_too_much_is_refused_and_too_much_text_is_cut() {
    let bomb = "\0".repeat(130 * 1024 * 1024);
    let bomb = archive(&[("word/document.xml", &bomb)]);
    assert!(bomb.len() < 1024 * 1024);
    assert_eq!(read("bomb.docx", &bomb).err(), Some(Unreadable::TooLarge));
    let long = read("long.txt", "\u{fc}".repeat(MOST_TEXT).as_bytes());
    assert!(long.is_ok_and(|long| long.cut && long.text.len() == MOST_TEXT));
    // Entities that name one another are never expanded.
    let laughs = archive(&[(
        "word/document.xml",
        "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><w:p><w:t>x&b;y</w:t></w:p>",
    )]);
    assert_eq!(text_of("laughs.docx", &laughs), "xy");
}
