//! The daemon under a service manager: sockets that are handed over, readiness, the watchdog, the
//! stop; and the addresses and places that it refuses with or without one.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::device::{Device, Place, path_text, program};

/// Binds two TCP sockets and a Unix one as a service manager does, writes down the ports, and turns
/// into the daemon. Arguments: the address of the page's door, of the agents' door, the path of the
/// control socket, the file for the ports, and the daemon's command line.
const MANAGER: &str = r#"
import os, socket, sys
ui, mcp, control, ports, *command = sys.argv[1:]
doors = []
for address in (ui, mcp):
    door = socket.socket()
    door.bind((address, 0))
    doors.append(door)
unix = socket.socket(socket.AF_UNIX)
unix.bind(control)
os.chmod(control, 0o600)
doors.append(unix)
for door in doors:
    door.listen()
with open(ports, "w") as file:
    print(*(door.getsockname()[1] for door in doors[:2]), file=file)
for number, door in enumerate([os.dup(door.fileno()) for door in doors]):
    os.dup2(door, 3 + number)
os.environ.update(LISTEN_FDS="3", LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"#;
/// A daemon that has not told its manager anything for this long hangs.
const HANGS: Duration = Duration::from_secs(120);

#[test]
fn handed_sockets_are_served() {
    let place = Place::new();
    let command = handed(&place, "127.0.0.1", "127.0.0.2");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not take the sockets")
    };
    let ports = fs::read_to_string(device.place.path("ports")).unwrap();
    let (ui, mcp) = ports.trim().split_once(' ').expect("two ports were written");
    assert_eq!(device.ui, format!("http://127.0.0.1:{ui}"));
    let console = fs::read_to_string(device.place.console()).unwrap();
    assert!(
        console.contains(&format!("mcp: http://127.0.0.2:{mcp}/mcp\n")),
        "{console}"
    );
    assert!(ureq::get(&device.ui).call().is_ok(), "the page is not served");
    let refused = ureq::post(format!("http://127.0.0.2:{mcp}/mcp")).send("{}");
    assert!(
        matches!(refused, Err(ureq::Error::StatusCode(401))),
        "{refused:?}"
    );
    let control = device.place.path("handed.sock");
    assert!(!device.place.data().join("run/control.sock").exists());
    let status = Command::new(program("pocketctl"))
        .args(["--control", path_text(&control), "--json", "status"])
        .output()
        .unwrap();
    assert!(status.status.success(), "{status:?}");
    let (_place, status) = device.stop();
    assert!(
        status.success() && control.exists(),
        "it removed the manager's socket"
    );
}

#[test]
fn a_handed_socket_on_every_address_is_refused() {
    for (ui, mcp, door) in [("0.0.0.0", "127.0.0.1", "ui"), ("127.0.0.1", "0.0.0.0", "mcp")] {
        let place = Place::new();
        let command = handed(&place, ui, mcp);
        let Err((_, refused)) = Device::start_command(place, command) else {
            panic!("it serves {ui} and {mcp}");
        };
        let words = &refused.words;
        assert!(!refused.status.success());
        assert!(
            words.contains(&format!("{door} may listen on loopback only")),
            "{words}"
        );
    }
}

#[test]
fn addresses_beyond_this_machine_are_refused_by_name() {
    for address in [
        "0.0.0.0:0",
        "192.168.1.1:0",
        "[::]:0",
        "[::ffff:0.0.0.0]:0",
        "[::ffff:192.168.1.1]:0",
    ] {
        for door in ["ui", "mcp"] {
            let place = Place::new();
            let mut command = Command::new(program("pocketd"));
            let config = place.path("config.toml");
            fs::write(&config, format!("{door} = \"{address}\"\n")).unwrap();
            command
                .arg("--config")
                .arg(config)
                .arg("--data-dir")
                .arg(place.data());
            command.env("XDG_CONFIG_HOME", place.path("config"));
            let Err((place, refused)) = Device::start_command(place, command) else {
                panic!("it listens on {address}");
            };
            let words = &refused.words;
            assert!(!refused.status.success());
            assert!(
                words.contains(&format!("{door} may listen on loopback only")),
                "{words}"
            );
            assert!(words.contains("reverse proxy"), "no remedy: {words}");
            assert!(!place.data().exists(), "it began before it refused");
        }
    }
}

#[test]
fn the_manager_is_told_of_readiness_of_life_and_of_the_stop() {
    let place = Place::new();
    let socket = UnixDatagram::bind(place.path("notify")).unwrap();
    socket.set_read_timeout(Some(HANGS)).unwrap();
    let mut command = place.command();
    command
        .env("NOTIFY_SOCKET", place.path("notify"))
        .env("WATCHDOG_USEC", "300000")
        .env_remove("WATCHDOG_PID");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start under a manager")
    };
    assert_eq!(told(&socket), "READY=1");
    // The next comes after a third of the limit, the first at once.
    assert_eq!([told(&socket), told(&socket), told(&socket)], ["WATCHDOG=1"; 3]);
    kill(Pid::from_raw(device.pid()), Signal::SIGTERM).unwrap();
    let last = std::iter::repeat_with(|| told(&socket)).find(|word| word != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
    let (_, status) = device.stop();
    assert!(status.success(), "{status}");
}

#[test]
fn a_daemon_that_nothing_was_asked_of_stops_at_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let device = Device::new();
        kill(Pid::from_raw(device.pid()), signal).unwrap();
        // The second signal finds a daemon that is stopping, or its end.
        let (place, status) = device.stop();
        assert!(status.success(), "{signal}: {status}");
        assert!(!place.data().join("run/control.sock").exists(), "{signal}");
        // Nothing that it left behind is in the next one's way.
        assert_eq!(Device::start(place).state(), "first-run");
    }
}

#[test]
fn a_door_that_is_taken_is_named_and_left_alone() {
    let device = Device::owned();
    let control = device.place.data().join("run/control.sock");
    let place = Place::new();
    let mut command = place.command();
    command.arg("--control").arg(&control);
    let Err((_, refused)) = Device::start_command(place, command) else {
        panic!("two daemons serve one control socket");
    };
    let words = refused.words;
    assert!(
        !refused.status.success() && words.contains(path_text(&control)),
        "{words}"
    );
    assert_eq!(device.state(), "unlocked");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    let mut command = Command::new(program("pocketd"));
    command.arg("--data-dir").arg(place.data());
    command.args(["--ui", &address, "--mcp", "127.0.0.1:0"]);
    command.env("XDG_CONFIG_HOME", place.path("config"));
    let Err((_, refused)) = Device::start_command(place, command) else {
        panic!("two listen on {address}");
    };
    let words = refused.words;
    assert!(!refused.status.success() && words.contains(&address), "{words}");
}

/// The daemon's command under a manager that hands it sockets on these addresses.
fn handed(place: &Place, ui: &str, mcp: &str) -> Command {
    let daemon = place.command();
    let control = place.path("handed.sock");
    let mut command = Command::new("python3");
    command.args(["-c", MANAGER, ui, mcp]);
    command.arg(&control).arg(place.path("ports"));
    command.arg(daemon.get_program()).args(daemon.get_args());
    command.arg("--control").arg(&control);
    for (name, value) in daemon.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The next thing that the daemon tells its manager.
fn told(socket: &UnixDatagram) -> String {
    let mut bytes = [0; 256];
    let length = socket.recv(&mut bytes).expect("the daemon tells nothing");
    String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
}
