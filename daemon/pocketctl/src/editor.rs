//! Changing a record in the owner's editor.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pocket_core::{Category, Content};
use serde_json::{Map, Value};

use crate::exit::Problem;
use crate::fields;
use crate::output::escape;
use crate::terminal;

/// Opens the fields as JSON in the editor; `None` when nothing was changed. The text lies in a file
/// that only its owner can read, in memory where there is a runtime folder, and is removed.
pub(crate) fn edit(category: Category, before: &Map<String, Value>) -> Result<Option<Content>, Problem> {
    let text = format!("{:#}\n", Value::Object(before.clone()));
    let draft = Draft::create(&text)?;
    loop {
        open(&draft.path)?;
        let typed =
            fs::read_to_string(&draft.path).map_err(|error| Problem::file("read", &draft.path, &error))?;
        if typed == text {
            return Ok(None);
        }
        match fields::object(&typed).and_then(|fields| fields::content(category, fields)) {
            Ok(content) => return Ok(Some(content)),
            Err(Problem::Usage { message, remedy }) => {
                terminal::say(&format!("{}\n  {}", escape(&message), escape(&remedy)));
                if terminal::ask("Edit it again? [Y/n] ")?.eq_ignore_ascii_case("n") {
                    return Ok(None);
                }
            }
            Err(other) => return Err(other),
        }
    }
}

/// A file that is removed when it is no longer needed.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn create(text: &str) -> Result<Self, Problem> {
        let folder = env::var_os("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|folder| folder.is_dir());
        let folder = folder.unwrap_or_else(env::temp_dir);
        // A name that is taken is passed over: it may be someone's trap.
        for number in 0..100 {
            let path = folder.join(format!("pocketctl-{}-{number}.json", std::process::id()));
            match write_new(&path, text) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Problem::file("write", &path, &error)),
            }
        }
        Err(Problem::local(
            format!("no free name in {}", folder.display()),
            "remove old pocketctl-*.json files there",
        ))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone already is as good as removed; anything else the owner has to know.
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != ErrorKind::NotFound
        {
            terminal::say(&format!("can't remove {}: {error}", self.path.display()));
        }
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Runs `$VISUAL`, `$EDITOR` or vi as git does: through the shell, since either may hold arguments.
fn open(path: &Path) -> Result<(), Problem> {
    let chosen = ["VISUAL", "EDITOR"]
        .into_iter()
        .filter_map(env::var_os)
        .find(|editor| !editor.is_empty());
    let mut script = chosen.unwrap_or_else(|| "vi".into());
    script.push(" \"$@\"");
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg("sh")
        .arg(path)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Problem::local(
            format!("the editor ended with {status}: nothing was changed"),
            "set $EDITOR",
        )),
        Err(error) => Err(Problem::local(
            format!("can't start the editor: {error}"),
            "set $EDITOR",
        )),
    }
}
