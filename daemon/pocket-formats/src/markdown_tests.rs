use super::*;

fn read_one(path: &str, text: &str) -> (Note, Item) {
    let item = read_note(path, text).unwrap();
    match item.content.record().clone() {
        Record::Note(note) => (note, item),
        _ => panic!("no note"),
    }
}

#[test]
fn front_matter_becomes_fields_and_properties() {
    let (note, item) = read_one(
        "a/b.md",
        "---\ntitle: My title\ntags: [one, '#two']\ndate: 2024-05-01\naliases: [x]\nrating: 4.5\n---\n# H\nbody #three [[wiki]]\n",
    );
    assert_eq!(note.title, "My title");
    assert_eq!(note.tags, ["one", "two", "three"]);
    assert_eq!(note.path, "a/b.md");
    assert_eq!(note.body, "# H\nbody #three [[wiki]]\n");
    let properties: Vec<_> = note
        .properties
        .iter()
        .map(|p| format!("{}={}", p.name, p.value))
        .collect();
    assert_eq!(properties, [r#"aliases=["x"]"#, "rating=4.5"]);
    assert_eq!(item.created, "2024-05-01T00:00:00Z".parse().ok());
    assert!(item.id.is_none());
}

#[test]
fn the_title_comes_from_heading_or_file_name() {
    assert_eq!(read_one("x/My file.md", "text").0.title, "My file");
    assert_eq!(
        read_one("x.md", "```\n# no\n```\n## no\n# Yes #\n").0.title,
        "Yes"
    );
    assert_eq!(read_one("x.md", "---\ntitle: ''\n---\n# Head").0.title, "Head");
    assert_eq!(read_one("x.md", "---\ntitle: 2024\n---\n").0.title, "2024");
}

#[test]
fn tags_come_as_list_or_text() {
    let tags = |yaml: &str| read_one("x.md", &format!("---\ntags: {yaml}\n---\n")).0.tags;
    assert_eq!(tags("a, b c"), ["a", "b c"]);
    assert_eq!(tags("a  b"), ["a", "b"]);
    assert_eq!(tags("[a, a, 1]"), ["a", "1"]);
    assert_eq!(tags(""), Vec::<String>::new());
}

#[test]
fn a_broken_front_matter_loses_nothing() {
    let text = "---\ntitle: [\n---\nbody";
    let (note, item) = read_one("n.md", text);
    assert_eq!(note.body, text);
    assert_eq!(note.title, "n");
    assert_eq!(item.remarks, [Remark::FrontMatter]);
}

#[test]
fn line_ends_are_kept() {
    let (note, _) = read_one("n.md", "---\r\ntitle: T\r\n---\r\na\r\nb\r\n");
    assert_eq!((note.title.as_str(), note.body.as_str()), ("T", "a\r\nb\r\n"));
}

#[test]
fn a_date_that_is_none_stays_a_property() {
    let (note, item) = read_one("n.md", "---\ncreated: last summer\n---\n");
    assert!(item.created.is_none());
    assert_eq!(
        note.properties.first().map(|p| p.value.as_str()),
        Some("\"last summer\"")
    );
}
