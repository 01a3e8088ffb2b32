//! A device under test: `pocketd` in a scratch folder, and `pocketctl` to speak with it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The passphrase of every device under test.
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";
/// A daemon that has said nothing for this long hangs.
const HANGS: Duration = Duration::from_secs(120);

/// The built program `name`.
pub(crate) fn program(name: &str) -> PathBuf {
    programs().join(name)
}

/// Where the programs are: as the test runner says, or beside this test, built now.
fn programs() -> PathBuf {
    static BUILT: Once = Once::new();
    if let Some(folder) = std::env::var_os("POCKETAI_PROGRAMS") {
        return folder.into();
    }
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "-p",
                "pocketd",
                "-p",
                "pocketctl",
                "-p",
                "pocket-reader",
                "-p",
                "pocket-backup",
                "-p",
                "pocket-gateway",
            ])
            .current_dir(workspace())
            .status();
        assert!(built.unwrap().success(), "the programs do not build");
    });
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).expect("a test lies in PROFILE/deps");
    profile.with_file_name("debug")
}

/// The root of the source tree.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
}

/// The folders of a device, with or without a daemon.
pub(crate) struct Place {
    root: TempDir,
    data: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let data = root.path().join("data");
        Self { root, data }
    }

    /// With the data somewhere else.
    pub(crate) fn with_data(data: PathBuf) -> Self {
        Self { data, ..Self::new() }
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// The folder of the device secret.
    pub(crate) fn secrets(&self) -> PathBuf {
        self.path("config/pocketai")
    }

    /// The one file that holds the device secret.
    pub(crate) fn device_secret(&self) -> PathBuf {
        let mut files = fs::read_dir(self.secrets()).unwrap();
        files
            .next()
            .expect("a device that is set up has a secret")
            .unwrap()
            .path()
    }

    /// What the daemon wrote on its console.
    pub(crate) fn console(&self) -> PathBuf {
        self.path("console")
    }

    /// What the daemon wrote to its log.
    pub(crate) fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// A path beside the data, for what a test needs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A copy of the data folder and of the device secret, as they are now.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        copy_files(&self.data(), &copy.data());
        if self.secrets().exists() {
            copy_files(&self.secrets(), &copy.secrets());
        }
        copy
    }

    /// The daemon's command line, which the caller may wrap or add to.
    pub(crate) fn command(&self) -> Command {
        self.prepare(Command::new(program("pocketd")), "127.0.0.1:0")
    }

    /// The same, with the page at this very address.
    pub(crate) fn command_at(&self, ui: &str) -> Command {
        self.prepare(Command::new(program("pocketd")), ui)
    }

    /// The daemon under `strace`, which traces `calls` of all its threads into the file `trace`.
    pub(crate) fn traced(&self, calls: &str) -> Command {
        let mut strace = Command::new("strace");
        strace.args(["-D", "-f", "-qq", "-s", "256", "-e", calls, "-o"]);
        strace.arg(self.path("trace")).arg(program("pocketd"));
        self.prepare(strace, "127.0.0.1:0")
    }

    fn prepare(&self, mut command: Command, ui: &str) -> Command {
        command
            .arg("--data-dir")
            .arg(self.data())
            .args(["--ui", ui, "--mcp", "127.0.0.1:0"])
            .env("HOME", self.root.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env_remove("STATE_DIRECTORY")
            .env_remove("RUNTIME_DIRECTORY");
        command
    }

    /// `pocketctl` for this device, with JSON.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Done {
        self.ctl_given(arguments, None, b"")
    }

    /// `pocketctl` with passphrases (one a line) on a file descriptor of their own.
    pub(crate) fn ctl_as_owner(&self, arguments: &[&str], passphrases: &str) -> Done {
        self.ctl_given(arguments, Some(passphrases), b"")
    }

    /// `pocketctl` with passphrases, and with `input` on its standard input.
    pub(crate) fn ctl_given(&self, arguments: &[&str], passphrases: Option<&str>, input: &[u8]) -> Done {
        let given = tempfile::NamedTempFile::new().unwrap();
        fs::write(given.path(), passphrases.unwrap_or_default()).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", "given=$1; shift; exec \"$@\" 3<\"$given\"", "sh"])
            .arg(given.path())
            .arg(program("pocketctl"))
            .arg("--data-dir")
            .arg(self.data())
            .arg("--json");
        if passphrases.is_some() {
            command.args(["--passphrase-fd", "3"]);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().expect("it was piped");
        // Beside reading: both pipes are short. A command that reads no input closes the pipe: that is
        // its right.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(input).unwrap_or_default());
            child.wait_with_output().unwrap()
        });
        Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// How a run of `pocketctl` ended.
#[must_use]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// It worked: what it printed, an object a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.out, self.err);
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// It worked: the one object that it printed.
    #[track_caller]
    pub(crate) fn one(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.out);
        lines.remove(0)
    }

    /// It failed with `code` and an error of `kind`: message and remedy.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, kind: &str) -> String {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.out,
            self.err
        );
        let error: Value = serde_json::from_str(self.err.trim()).unwrap();
        let error = &error["error"];
        assert_eq!(error["kind"], kind, "{error}");
        let (message, remedy) = (text(&error["message"]), text(&error["remedy"]));
        assert!(!message.is_empty() && !remedy.is_empty(), "{error}");
        format!("{message}\n{remedy}")
    }
}

/// A JSON string.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
        .to_owned()
}

/// A daemon that did not start.
pub(crate) struct Refused {
    pub(crate) status: ExitStatus,
    pub(crate) words: String,
}

/// A running daemon.
pub(crate) struct Device {
    pub(crate) place: Place,
    pub(crate) ui: String,
    pub(crate) setup_code: Option<String>,
    child: Child,
    console: Receiver<String>,
}

impl Device {
    /// A new device, not set up.
    pub(crate) fn new() -> Self {
        Self::start(Place::new())
    }

    /// A new device that is set up and unlocked; its recovery key lies in the file `recovery`.
    pub(crate) fn owned() -> Self {
        let device = Self::new();
        device.set_up();
        device
    }

    pub(crate) fn set_up(&self) {
        let code = self.setup_code.clone().expect("a new device prints a setup code");
        let recovery = self.place.path("recovery");
        let arguments = ["setup", "--code", &code, "--recovery-out", path_text(&recovery)];
        self.place.ctl_as_owner(&arguments, PASSPHRASE).one();
    }

    /// The daemon on a place that exists.
    pub(crate) fn start(place: Place) -> Self {
        let command = place.command();
        match Self::start_command(place, command) {
            Ok(device) => device,
            Err((_, refused)) => panic!("the daemon did not start: {}", refused.words),
        }
    }

    /// Runs the daemon by `command`, until it serves or ends.
    pub(crate) fn start_command(place: Place, mut command: Command) -> Result<Self, (Place, Refused)> {
        let log = appended(&place.log());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let console = follow(&mut child, &place.console());
        let mut device = Self {
            place,
            ui: String::new(),
            setup_code: None,
            child,
            console,
        };
        while let Some(line) = device.line() {
            if let Some(ui) = line.strip_prefix("ui: ") {
                device.ui = ui.trim_end_matches('/').to_owned();
            } else if let Some(code) = line.strip_prefix("setup code: ") {
                device.setup_code = Some(code.to_owned());
                return Ok(device);
            } else if line.starts_with("Unlock it") || line.starts_with("damaged: ") {
                return Ok(device);
            }
        }
        let status = device.child.wait().unwrap();
        let words = fs::read_to_string(device.place.log()).unwrap();
        Err((device.into_place(), Refused { status, words }))
    }

    /// The next line on its console; `None` when it has ended.
    pub(crate) fn line(&self) -> Option<String> {
        match self.console.recv_timeout(HANGS) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the daemon hangs"),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub(crate) fn ctl(&self, arguments: &[&str]) -> Done {
        self.place.ctl(arguments)
    }

    pub(crate) fn unlock(&self) {
        self.place.ctl_as_owner(&["unlock"], PASSPHRASE).one();
    }

    /// Adds a record and gives its id.
    #[track_caller]
    pub(crate) fn add(&self, category: &str, fields: &[&str]) -> String {
        let arguments = [&["add", category], fields].concat();
        let added = self.ctl(&arguments).one();
        assert_eq!(added["status"], "new");
        text(&added["id"])
    }

    /// All records of a category, the newest first.
    #[track_caller]
    pub(crate) fn list(&self, category: &str) -> Vec<Value> {
        self.ctl(&["list", category]).lines()
    }

    /// What `status` says of the lock.
    pub(crate) fn state(&self) -> String {
        text(&self.ctl(&["status"]).one()["state"])
    }

    /// SIGTERM, and the end.
    pub(crate) fn stop(mut self) -> (Place, ExitStatus) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        let status = self.child.wait().unwrap();
        (self.into_place(), status)
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> Place {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.into_place()
    }

    /// Waits for a daemon that somebody else kills.
    pub(crate) fn wait(mut self) -> Place {
        self.child.wait().unwrap();
        self.into_place()
    }

    /// SIGTERM, then the daemon again.
    pub(crate) fn restart(self) -> Self {
        let (place, status) = self.stop();
        assert!(status.success(), "{status}");
        Self::start(place)
    }

    fn into_place(mut self) -> Place {
        std::mem::replace(&mut self.place, Place::new())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended already; a test that failed must leave no daemon behind.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Hands the lines of the daemon's console on, and keeps them in `file` too.
fn follow(child: &mut Child, file: &Path) -> Receiver<String> {
    let console = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut copy = appended(file);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in console.lines().map_while(Result::ok) {
            writeln!(copy, "{line}").unwrap();
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn appended(path: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .unwrap()
}

/// Copies files and folders; sockets are left out.
pub(crate) fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        let kind = item.file_type().unwrap();
        if kind.is_dir() {
            copy_files(&item.path(), &target);
        } else if kind.is_file() {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

/// Every file under `folder`, sockets included.
pub(crate) fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files_under(&path));
        } else {
            found.push(path);
        }
    }
    found
}

pub(crate) fn path_text(path: &Path) -> &str {
    path.to_str().expect("scratch paths are plain")
}
