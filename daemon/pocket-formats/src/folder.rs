//! The paths of files in a folder, as archives and browsers name them. They are names and nothing else:
//! no file is opened by them.

/// Longest path that is kept, in bytes; of a longer one only the file's name is.
const LONGEST: usize = 1024;
/// Where some systems put what belongs to them and to no one else.
const OF_THE_SYSTEM: &str = "__MACOSX";

/// The path that someone sent, with `/` and without what leads elsewhere; `None` for what is hidden.
/// Of a file without a name only that is left: "unnamed".
pub fn plain_path(sent: &str) -> Option<String> {
    let sent: String = sent.chars().filter(|c| !c.is_control()).collect();
    let parts: Vec<&str> = sent
        .split(['/', '\\'])
        .filter(|part| !matches!(part.trim(), "" | "." | ".."))
        .collect();
    if parts
        .iter()
        .any(|part| part.starts_with('.') || *part == OF_THE_SYSTEM)
    {
        return None;
    }
    let path = parts.join("/");
    Some(match parts.last() {
        None => "unnamed".to_owned(),
        Some(name) if path.len() > LONGEST => crate::text::cut(name, LONGEST).to_owned(),
        Some(_) => path,
    })
}

/// The path below the folder that was chosen, which stands in front of each.
pub fn below(path: &str) -> &str {
    path.split_once('/').map_or(path, |(_, below)| below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_nowhere_else_and_what_is_hidden_stays_out() {
        for (sent, kept) in [
            ("vault/a.md", Some("vault/a.md")),
            ("C:\\tmp\\a b.txt", Some("C:/tmp/a b.txt")),
            ("../../etc/passwd", Some("etc/passwd")),
            ("/a//./b.md", Some("a/b.md")),
            ("a\0\nb.md", Some("ab.md")),
            ("", Some("unnamed")),
            ("../", Some("unnamed")),
            ("vault/.obsidian/app.json", None),
            (".DS_Store", None),
            ("__MACOSX/vault/._a.md", None),
            ("...", None),
        ] {
            assert_eq!(plain_path(sent).as_deref(), kept, "{sent:?}");
        }
        let long = format!("{}/name.md", "x".repeat(LONGEST));
        assert_eq!(plain_path(&long).as_deref(), Some("name.md"));
        assert_eq!(
            plain_path(&"\u{e9}".repeat(LONGEST)).map(|name| name.len()),
            Some(LONGEST)
        );
        assert_eq!((below("vault/a/b.md"), below("a.md")), ("a/b.md", "a.md"));
    }
}
