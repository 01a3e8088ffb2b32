//! A gateway that is kept running while it is wanted; as a child of the daemon, unless it is on a leash.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use crate::leash::hold;

/// How long a child may take until it listens.
const START: Duration = Duration::from_secs(10);
/// The pause before one that ended is started again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause. One that ran so long begins again with the first.
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// Most bytes of the line that says that it listens.
pub(crate) const MOST_LINE: u64 = 64;

/// What is started.
pub(crate) struct Program {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) socket: PathBuf,
}

/// How the gateway is kept running.
pub(crate) enum Kept {
    /// As a child of the daemon.
    Child(Program),
    /// By a service manager, while the leash at this socket is held.
    Leash(PathBuf),
}

/// One that listens. Dropping it kills it.
struct Running {
    child: Child,
    /// It ends when this is closed, even if nobody is left to kill it.
    _input: ChildStdin,
}

/// Keeps the gateway running while it is wanted, and says in `ready` whether it listens; ends when nobody can
/// want it any more.
pub(crate) async fn keep(kept: Kept, mut wanted: watch::Receiver<bool>, ready: watch::Sender<bool>) {
    let mut pause = FIRST_PAUSE;
    // A value stays when its sender has gone; then it is nobody's wish any more.
    while wanted.wait_for(|wanted| *wanted).await.is_ok() && wanted.has_changed().is_ok() {
        let begun = Instant::now();
        let end = match &kept {
            Kept::Child(program) => run(program, &mut wanted, &ready).await,
            Kept::Leash(leash) => hold(leash, &mut wanted, &ready).await,
        };
        ready.send_replace(false);
        if begun.elapsed() >= LAST_PAUSE {
            pause = FIRST_PAUSE;
        }
        pause = match end {
            End::Stopped => FIRST_PAUSE,
            End::Broke if timeout(pause, unwanted(&mut wanted)).await.is_ok() => FIRST_PAUSE,
            End::Broke => LAST_PAUSE.min(pause * 2),
        };
    }
}

/// Why it runs no longer.
pub(crate) enum End {
    /// By itself, or it never began.
    Broke,
    /// It was not wanted any more.
    Stopped,
}

/// Runs it once, to its end or until it is not wanted any more.
async fn run(program: &Program, wanted: &mut watch::Receiver<bool>, ready: &watch::Sender<bool>) -> End {
    let started = tokio::select! {
        started = timeout(START, start(program)) => started,
        // Dropped before it listens, it is killed.
        () = unwanted(wanted) => return End::Stopped,
    };
    let mut running = match started {
        Ok(Ok(running)) => running,
        Ok(Err(error)) => {
            warn!(%error, program = %program.program.display(), "the gateway does not start");
            return End::Broke;
        }
        Err(_) => {
            warn!("the gateway did not listen in time, and was killed");
            return End::Broke;
        }
    };
    ready.send_replace(true);
    info!("the gateway runs");
    tokio::select! {
        ended = running.child.wait() => {
            match ended {
                Ok(status) => warn!(%status, "the gateway has ended by itself"),
                Err(error) => warn!(%error, "the gateway can't be waited for"),
            }
            End::Broke
        }
        () = unwanted(wanted) => {
            // First: who wants it again in this moment waits for the next one.
            ready.send_replace(false);
            match running.child.kill().await {
                Ok(()) => info!("the gateway was stopped"),
                Err(error) => warn!(%error, "the gateway can't be stopped"),
            }
            End::Stopped
        }
    }
}

/// Resolves once nobody wants it any more.
pub(crate) async fn unwanted(wanted: &mut watch::Receiver<bool>) {
    wanted
        .wait_for(|wanted| !wanted)
        .await
        .map(drop)
        .unwrap_or_default();
}

async fn start(program: &Program) -> io::Result<Running> {
    let mut child = Command::new(&program.program)
        .arg("--socket")
        .arg(&program.socket)
        .arg("--while-stdin")
        .args(&program.arguments)
        // Neither a proxy nor another resolver, and nothing of the owner's.
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(broken());
    };
    let mut line = String::new();
    BufReader::new(output.take(MOST_LINE))
        .read_line(&mut line)
        .await?;
    if line != "ready\n" {
        return Err(broken());
    }
    Ok(Running { child, _input: input })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use super::*;

    /// A program that leaves its number in a file `pid`, and then does `what`.
    fn script(folder: &Path, what: &str) -> Program {
        let program = folder.join("program");
        let pid = folder.join("pid");
        fs::write(
            &program,
            format!("#!/bin/sh\necho $$ >> {}\n{what}\n", pid.display()),
        )
        .unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Program {
            program,
            arguments: vec!["--more".into()],
            socket: folder.join("socket"),
        }
    }

    fn pids(folder: &Path) -> Vec<i32> {
        let text = fs::read_to_string(folder.join("pid")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn lives(pid: i32) -> bool {
        kill(Pid::from_raw(pid), None).is_ok()
    }

    /// Until the kernel and the runtime have done their part.
    async fn until(mut done: impl FnMut() -> bool) {
        while !done() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_child_lives_as_long_as_it_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let what = "[ \"$1 $3 $4\" = '--socket --while-stdin --more' ] || exit 1\n[ -z \"$HOME\" ] || exit 1\n\
                    echo ready\nexec cat";
        let (wanted, ready) = (watch::Sender::new(false), watch::Sender::new(false));
        let mut told = ready.subscribe();
        let keeping = tokio::spawn(keep(
            Kept::Child(script(folder.path(), what)),
            wanted.subscribe(),
            ready,
        ));
        assert!(
            pids(folder.path()).is_empty(),
            "it was started before it was wanted"
        );
        wanted.send_replace(true);
        told.wait_for(|ready| *ready).await.unwrap();
        let first = pids(folder.path())[0];
        assert!(lives(first));
        wanted.send_replace(false);
        told.wait_for(|ready| !ready).await.unwrap();
        until(|| !lives(first)).await;
        wanted.send_replace(true);
        told.wait_for(|ready| *ready).await.unwrap();
        let second = pids(folder.path())[1];
        drop(wanted);
        keeping.await.unwrap();
        until(|| !lives(second)).await;
        assert_eq!(pids(folder.path()).len(), 2);
    }

    #[tokio::test]
    async fn one_that_ends_by_itself_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = watch::Sender::new(true);
        let ready = watch::Sender::new(false);
        let mut told = ready.subscribe();
        let program = script(folder.path(), "echo ready\nexec cat");
        tokio::spawn(keep(Kept::Child(program), wanted.subscribe(), ready));
        told.wait_for(|ready| *ready).await.unwrap();
        let first = pids(folder.path())[0];
        kill(Pid::from_raw(first), nix::sys::signal::Signal::SIGKILL).unwrap();
        told.wait_for(|ready| !ready).await.unwrap();
        told.wait_for(|ready| *ready).await.unwrap();
        assert_eq!(pids(folder.path()).len(), 2);
        assert!(lives(pids(folder.path())[1]));
    }

    #[tokio::test]
    async fn one_that_does_not_say_that_it_listens_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        for what in ["echo no", "exit 3", "printf ready"] {
            assert!(start(&script(folder.path(), what)).await.is_err(), "{what}");
        }
        let mut missing = script(folder.path(), "");
        missing.program = folder.path().join("nothing");
        assert!(start(&missing).await.is_err());
    }
}
