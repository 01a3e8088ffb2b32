//! Which files there are. Links are not followed and hidden files are left alone: an import takes
//! what the owner sees in the folder, and nothing from elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::report::Skip;
use crate::exit::Problem;

/// A file to import.
pub(super) struct Found {
    /// Where it lies.
    pub(super) file: PathBuf,
    /// The same as the owner named it, for reports.
    pub(super) shown: String,
    /// Its path below the folder that is imported, with `/`.
    pub(super) path: String,
}

/// What a walk found, and what it passed by.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) found: Vec<Found>,
    pub(super) skipped: Vec<Skip>,
}

/// Walks every path that the owner named, in order of their names. A path that was named is taken
/// even when it is hidden or a link.
pub(super) fn walk(paths: &[PathBuf]) -> Result<Walk, Problem> {
    let mut walk = Walk::default();
    for path in paths {
        let kind = fs::metadata(path).map_err(|error| Problem::file("read", path, &error))?;
        if kind.is_dir() {
            let listed = list(path).map_err(|error| Problem::file("read", path, &error))?;
            listed
                .into_iter()
                .for_each(|name| walk.visit(&path.join(&name), spelled(&name)));
        } else {
            let resolved = fs::canonicalize(path).map_err(|error| Problem::file("read", path, &error))?;
            let name = spelled(path.file_name().unwrap_or_default());
            walk.found.push(Found {
                file: resolved,
                shown: path.to_string_lossy().into_owned(),
                path: name,
            });
        }
    }
    Ok(walk)
}

/// Opens a file that a walk found. One that has become a link or a pipe meanwhile is refused.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a plain file"))
    }
}

impl Walk {
    fn visit(&mut self, file: &Path, path: String) {
        if file
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
        {
            return self.skip(file, "it is hidden");
        }
        let kind = match fs::symlink_metadata(file) {
            Ok(kind) => kind.file_type(),
            Err(error) => return self.skip(file, &error.to_string()),
        };
        if kind.is_symlink() {
            self.skip(file, "it is a link");
        } else if kind.is_dir() {
            match list(file) {
                Ok(names) => names
                    .into_iter()
                    .for_each(|name| self.visit(&file.join(&name), format!("{path}/{}", spelled(&name)))),
                Err(error) => self.skip(file, &error.to_string()),
            }
        } else if kind.is_file() {
            self.found.push(Found {
                file: file.to_path_buf(),
                shown: file.to_string_lossy().into_owned(),
                path,
            });
        } else {
            self.skip(file, "it is not a plain file");
        }
    }

    fn skip(&mut self, file: &Path, reason: &str) {
        self.skipped.push(Skip::file(file.to_string_lossy(), reason));
    }
}

/// The names in a folder, sorted: as the system has them, since a name need not be UTF-8.
fn list(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name());
    }
    names.sort_unstable();
    Ok(names)
}

/// A name as records and reports have it: bytes that are no UTF-8 become U+FFFD.
fn spelled(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_and_hidden_files_are_passed_by_with_their_reason() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("vault");
        fs::create_dir_all(root.join("sub/.git")).unwrap();
        for name in ["b.md", "a.md", "sub/c.md", ".hidden.md", "sub/.git/d.md"] {
            fs::write(root.join(name), "x").unwrap();
        }
        fs::write(folder.path().join("outside.md"), "x").unwrap();
        symlink("../outside.md", root.join("link.md")).unwrap();
        symlink("..", root.join("loop")).unwrap();
        let walk = walk(std::slice::from_ref(&root)).unwrap_or_else(|_| panic!("no walk"));
        let found: Vec<&str> = walk.found.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(found, ["a.md", "b.md", "sub/c.md"]);
        let mut reasons: Vec<String> = walk
            .skipped
            .iter()
            .map(|skip| skip.line().replace(&*root.to_string_lossy(), "V"))
            .collect();
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            [
                "V/.hidden.md: it is hidden",
                "V/link.md: it is a link",
                "V/loop: it is a link",
                "V/sub/.git: it is hidden"
            ]
        );
        assert!(open(&root.join("link.md")).is_err());
        assert!(open(&root.join("sub")).is_err());
        assert!(open(&root.join("a.md")).is_ok());
    }

    #[test]
    fn a_name_that_is_no_utf8_is_found_where_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let sub = folder.path().join(OsStr::from_bytes(b"caf\xe9"));
        fs::create_dir(&sub).unwrap();
        fs::write(sub.join(OsStr::from_bytes(b"men\xfc.md")), "soup").unwrap();
        let walk = walk(&[folder.path().to_path_buf()]).unwrap_or_else(|_| panic!("no walk"));
        assert!(walk.skipped.is_empty());
        let [found] = walk.found.as_slice() else {
            panic!("{} files", walk.found.len());
        };
        assert_eq!(found.path, "caf\u{fffd}/men\u{fffd}.md");
        assert_eq!(io::read_to_string(open(&found.file).unwrap()).unwrap(), "soup");
    }

    #[test]
    fn a_path_that_is_not_there_stops_the_import() {
        assert!(matches!(
            walk(&[PathBuf::from("/no/such")]),
            Err(Problem::Local { .. })
        ));
    }
}
