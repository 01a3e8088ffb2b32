//! What is left to the gateway once it has given up what it does not need: each attempt runs in a process of
//! its own, this test again.

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::net::{TcpListener, TcpStream, ToSocketAddrs};
    use std::process::{Command, Output};

    use nix::libc;
    use nix::sys::ptrace;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::getppid;
    use pocket_gateway::sandbox;

    const ATTEMPT: &str = "POCKET_GATEWAY_ATTEMPT";
    const DATA: &str = "POCKET_GATEWAY_DATA";

    fn code<T>(result: io::Result<T>) -> Option<i32> {
        result.err().and_then(|error| error.raw_os_error())
    }

    fn error<T>(result: nix::Result<T>) -> Option<i32> {
        result.err().map(|error| error as i32)
    }

    /// What can be tried, and what the kernel says to it.
    #[expect(
        clippy::exit,
        reason = "a thread of a test does more at its end than a gateway may"
    )]
    fn attempt(what: &str) {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let data = std::env::var(DATA).unwrap();
        assert!(File::open(&data).is_ok(), "before, everything is allowed");
        let fenced = sandbox::enter().unwrap();
        let denied = fenced.then_some(libc::EACCES);
        match what {
            "connect" => assert!(TcpStream::connect(address).is_ok()),
            "look-up" => assert!(("localhost", 1).to_socket_addrs().is_ok()),
            "thread" => assert!(std::thread::spawn(|| 1).join().is_ok_and(|one| one == 1)),
            "settings" => assert!(File::open("/etc/passwd").is_ok()),
            "data" => assert_eq!(code(File::open(&data)), denied),
            "create" => assert!(File::create(format!("{data}.new")).is_err() || !fenced),
            "listen" => assert!(TcpListener::bind("127.0.0.1:0").is_err()),
            "process" => assert!(code(Command::new("/bin/true").status()).is_some()),
            "exec" => assert_eq!(
                error(nix::unistd::execv(c"/bin/true", &[c"true"])),
                Some(libc::ENOSYS)
            ),
            "ptrace" => assert_eq!(error(ptrace::attach(getppid())), Some(libc::ENOSYS)),
            "signal" => assert_eq!(error(kill(getppid(), Signal::SIGCONT)), Some(libc::ENOSYS)),
            "remove" => assert_eq!(code(fs::remove_file(&data)), Some(libc::ENOSYS)),
            "raw" => {
                use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
                let family = AddressFamily::Packet;
                let made = socket(family, SockType::Datagram, SockFlag::empty(), None);
                assert_eq!(error(made), Some(libc::ENOSYS));
            }
            other => panic!("no such attempt: {other}"),
        }
        std::process::exit(0);
    }

    fn outcome(what: &str) -> Output {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::write(&data, "precious").unwrap();
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::the_attempt", "--nocapture"])
            .env(ATTEMPT, what)
            .env(DATA, &data)
            .output()
            .unwrap();
        assert_eq!(fs::read_to_string(&data).unwrap(), "precious", "{what}");
        assert!(what != "create" || !data.with_extension("new").exists() || !has_landlock());
        output
    }

    /// Whether files are fenced off on this kernel.
    fn has_landlock() -> bool {
        fs::read_to_string("/sys/kernel/security/lsm").is_ok_and(|all| all.contains("landlock"))
    }

    /// Run by the others in a process of its own; by itself it has nothing to do.
    #[test]
    fn the_attempt() {
        if let Ok(what) = std::env::var(ATTEMPT) {
            attempt(&what);
        }
    }

    #[test]
    fn what_is_left_is_to_look_up_and_to_connect() {
        for what in [
            "connect", "look-up", "thread", "settings", "data", "create", "listen", "process", "exec",
            "ptrace", "signal", "remove", "raw",
        ] {
            let output = outcome(what);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{what}: {} {said}", output.status);
        }
    }
}
