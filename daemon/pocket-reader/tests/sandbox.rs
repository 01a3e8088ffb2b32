//! What is left to the process once it has given everything up: each attempt runs in a process of its
//! own, this test again, and is seen to fail.

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::UnixStream;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus};

    use nix::errno::Errno;
    use nix::fcntl::{OFlag, open};
    use nix::libc;
    use nix::sched::sched_getaffinity;
    use nix::sys::ptrace;
    use nix::sys::signal::{Signal, kill};
    use nix::sys::stat::Mode;
    use nix::unistd::getppid;
    use pocket_reader::sandbox;

    const ATTEMPT: &str = "POCKET_READER_ATTEMPT";

    /// What can be tried. What the kernel ends at once never returns; the rest ends the process here,
    /// since a thread of a test does more at its end than a reader may.
    #[expect(clippy::exit, reason = "the end of a process that has given everything up")]
    fn attempt(what: &str) {
        let told = File::open("/etc/hostname");
        assert!(told.is_ok(), "before, everything is allowed");
        match what {
            "fence" => {
                assert!(sandbox::fence());
                let denied = File::open("/etc/hostname").map_err(|error| error.kind());
                assert_eq!(denied.err(), Some(ErrorKind::PermissionDenied));
                let denied = TcpListener::bind("127.0.0.1:0").map_err(|error| error.kind());
                assert_eq!(denied.err(), Some(ErrorKind::PermissionDenied));
                return;
            }
            _ => sandbox::enter().unwrap(),
        }
        match what {
            "nothing" => {
                let mut pages = vec![1u8; 1 << 20];
                pages.extend_from_within(..);
                assert_eq!(pages.len(), 2 << 20);
            }
            // What the fence lets through, the filter of system calls does not.
            "path" => {
                let opened = open("/etc/hostname", OFlag::O_PATH, Mode::empty());
                assert_eq!(opened.err(), Some(Errno::EACCES));
            }
            "open" => assert_denied(File::open("/etc/hostname")),
            "create" => assert_denied(File::create("/tmp/pocket-reader-was-here")),
            "parallel" => drop(std::thread::available_parallelism()),
            "affinity" => drop(sched_getaffinity(getppid())),
            "tcp" => drop(TcpStream::connect("127.0.0.1:9")),
            "udp" => drop(UdpSocket::bind("127.0.0.1:0")),
            "unix" => drop(UnixStream::pair()),
            "process" => drop(Command::new("/bin/true").status()),
            "thread" => drop(std::thread::Builder::new().spawn(|| ())),
            "ptrace" => drop(ptrace::attach(getppid())),
            "signal" => drop(kill(getppid(), Signal::SIGCONT)),
            "names" => drop(nix::sys::utsname::uname()),
            "memory" => drop(vec![1u8; usize::try_from(sandbox::MEMORY).unwrap()]),
            other => panic!("no such attempt: {other}"),
        }
        std::process::exit(0);
    }

    fn assert_denied(opened: std::io::Result<File>) {
        assert_eq!(
            opened.map_err(|error| error.kind()).err(),
            Some(ErrorKind::PermissionDenied)
        );
    }

    fn outcome(what: &str) -> ExitStatus {
        let own = std::env::current_exe().unwrap();
        Command::new(own)
            .args(["--exact", "tests::the_attempt", "--nocapture"])
            .env(ATTEMPT, what)
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap()
            .status
    }

    /// Run by the others in a process of its own; by itself it has nothing to do.
    #[test]
    fn the_attempt() {
        if let Ok(what) = std::env::var(ATTEMPT) {
            attempt(&what);
        }
    }

    #[test]
    fn what_is_left_is_memory_and_two_pipes() {
        for what in ["nothing", "fence", "open", "create", "path", "parallel"] {
            let status = outcome(what);
            assert!(status.success(), "{what}: {status}");
        }
        for what in [
            "affinity", "tcp", "udp", "unix", "process", "thread", "ptrace", "signal", "names",
        ] {
            let status = outcome(what);
            assert_eq!(status.signal(), Some(libc::SIGSYS), "{what}: {status}");
        }
        assert!(!std::path::Path::new("/tmp/pocket-reader-was-here").exists());
        let status = outcome("memory");
        assert_eq!(status.signal(), Some(libc::SIGABRT), "memory: {status}");
    }
}
